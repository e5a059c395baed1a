//! What a store is asked, as statements of SQL within one transaction.

use super::database::{Database, listed, names};
use super::definitions::{self, Definitions};
use super::rows::{self, DECISION, DEFINITION, REWARD, ROLLOUT, STATE, STATE_KEY, state_columns};
use super::value::{FromValue, RowReader, Value};
use crate::base::error::{Error, Result};
use crate::policy::Policy;
use crate::store::contract::{LogFilter, Snapshot, Transaction};
use crate::store::error::StoreError;
use crate::store::records::{DecisionRecord, LoggedReward, RewardRecord, RolloutRecord, StateRecord};
use smol_str::SmolStr;
use std::cell::RefCell;
use std::sync::Arc;

/// Without an index of them by state, so many of the latest rewards are looked at.
const LOOKED_AT: i64 = 4_096;

/// The value of a row that has only one.
fn only<T: FromValue>(row: &mut RowReader) -> Result<T> {
    row.read()
}

/// One transaction.
pub(crate) struct Session<'a, D> {
    pub(crate) database: D,
    definitions: &'a Definitions,
    /// Decisions that were found before what they belong to was locked.
    found: RefCell<Vec<SmolStr>>,
}

impl<'a, D: Database> Session<'a, D> {
    /// One of a connection that has met these definitions.
    pub(crate) fn new(database: D, definitions: &'a Definitions) -> Self {
        Self { database, definitions, found: RefCell::default() }
    }

    fn policy(&self, id: i64) -> Result<Arc<Policy>> {
        if let Some(policy) = self.definitions.policy(id) {
            return Ok(policy);
        }
        let mut found = None;
        self.database.query(
            "SELECT policy, prior FROM definition WHERE id = $1",
            &[id.into()],
            &mut |row| {
                found = Some((row.read::<String>()?, row.read::<Option<String>>()?));
                Ok(())
            },
        )?;
        let origin = self.database.origin();
        let (text, prior) =
            found.ok_or_else(|| rows::damaged(origin, format!("definition {id} is not there")))?;
        let policy = Arc::new(definitions::policy(&text, prior.as_deref(), id, origin)?);
        self.definitions.keep(id, &policy);
        Ok(policy)
    }

    /// The id of a policy's definition, which is kept if it was not.
    fn definition(&self, policy: &Arc<Policy>) -> Result<i64> {
        if let Some(id) = self.definitions.id_of(policy) {
            return Ok(id);
        }
        let digest = definitions::digest(policy);
        let find = || self.number("SELECT id FROM definition WHERE digest = $1", &[digest.as_str().into()]);
        let id = if let Some(id) = find()? {
            id
        } else {
            let sql = format!(
                "INSERT INTO definition ({DEFINITION}) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (digest) DO NOTHING"
            );
            self.database.send(&sql, &definitions::row(policy))?;
            let gone = || rows::damaged(self.database.origin(), format!("definition {digest} is not there"));
            find()?.ok_or_else(gone)?
        };
        self.definitions.keep(id, policy);
        Ok(id)
    }

    fn definitions<'p>(&self, policies: impl Iterator<Item = &'p Arc<Policy>>) -> Result<Vec<i64>> {
        policies.map(|policy| self.definition(policy)).collect()
    }

    /// The number that a query answers, if it answers.
    fn number(&self, sql: &str, values: &[Value]) -> Result<Option<i64>> {
        Ok(self.all(sql, values, only)?.pop())
    }

    /// What `record` makes of every row of a query.
    fn all<T>(
        &self,
        sql: &str,
        values: &[Value],
        record: impl Fn(&mut RowReader) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut all = Vec::new();
        self.database.query(sql, values, &mut |row| {
            all.push(record(row)?);
            Ok(())
        })?;
        Ok(all)
    }

    /// What `record` makes of the row of each key, in the order of the keys.
    fn find<'k, T: Clone>(
        &self,
        from: (&str, &str),
        key: &str,
        keys: impl ExactSizeIterator<Item = Vec<Value<'k>>>,
        rest: &str,
        record: impl Fn(&mut RowReader) -> Result<T>,
    ) -> Result<Vec<Option<T>>> {
        let (mut found, mut keys) = (vec![None; keys.len()], keys);
        if keys.len() > 0 {
            self.database.find(from, key, &mut keys, rest, &mut |place, row| {
                found[place] = Some(record(row)?);
                Ok(())
            })?;
        }
        Ok(found)
    }

    fn state(&self, row: &mut RowReader) -> Result<StateRecord> {
        rows::state(row, self.database.origin(), |id| self.policy(id))
    }

    fn reward(&self, row: &mut RowReader) -> Result<RewardRecord> {
        rows::reward(row, self.database.origin())
    }

    fn states_where(&self, rest: &str, values: &[Value]) -> Result<Vec<StateRecord>> {
        let sql = format!("SELECT {} FROM state WHERE {rest}", state_columns());
        self.all(&sql, values, |row| self.state(row))
    }

    /// What a statement ends with that reads states which will be changed. Everybody locks them in the same order.
    fn locked(&self) -> &'static str {
        if self.database.must_lock() {
            " ORDER BY state.\"user\", state.policy FOR NO KEY UPDATE OF state"
        } else {
            ""
        }
    }

    /// Sees to it that the decisions found before their users were locked are still there: an erasure that ended meanwhile
    /// has removed them.
    fn check_found(&self) -> Result<()> {
        let ids = self.found.take();
        let keys = ids.iter().map(|id| vec![id.as_str().into()]);
        let left = self.find(("decision", "id"), "id text", keys, "", only::<SmolStr>)?;
        if left.iter().all(Option::is_some) {
            return Ok(());
        }
        let (store, what) = (self.database.origin().to_owned(), "a decision was removed");
        Err(Error::because(StoreError::Contended { store, what }))
    }
}

impl<D: Database> Snapshot for Session<'_, D> {
    fn states(&self, keys: &[(&str, &str)]) -> Result<Vec<Option<StateRecord>>> {
        if self.database.must_lock() && !keys.is_empty() {
            let users: Vec<&str> = keys.iter().map(|(user, _)| *user).collect();
            self.database.lock_users(&users, false)?;
            self.check_found()?;
        }
        let keys = keys.iter().map(|(user, policy)| vec![(*user).into(), (*policy).into()]);
        self.find(("state", &state_columns()), STATE_KEY, keys, self.locked(), |row| self.state(row))
    }

    fn states_of(&self, user: &str) -> Result<Vec<StateRecord>> {
        let order = if self.database.must_lock() {
            self.database.lock_users(&[user], true)?;
            self.locked()
        } else {
            " ORDER BY policy"
        };
        self.states_where(&format!("\"user\" = $1{order}"), &[user.into()])
    }

    fn states_after(&self, (user, policy): (&str, &str), limit: usize) -> Result<Vec<StateRecord>> {
        let rest = "(\"user\", policy) > ($1, $2) AND model IS NOT NULL ORDER BY \"user\", policy LIMIT $3";
        self.states_where(rest, &[user.into(), policy.into(), (limit as i64).into()])
    }

    fn states_from(&self, id: i64, limit: usize) -> Result<Vec<StateRecord>> {
        self.states_where("id >= $1 ORDER BY id LIMIT $2", &[id.into(), (limit as i64).into()])
    }

    fn unpublished(&self, from: i64, limit: usize) -> Result<Vec<StateRecord>> {
        let rest = "published < revision AND id >= $1 ORDER BY id LIMIT $2";
        self.states_where(rest, &[from.into(), (limit as i64).into()])
    }

    fn states_by_id(&self, ids: &[i64]) -> Result<Vec<StateRecord>> {
        let keys = ids.iter().map(|id| vec![(*id).into()]);
        let found =
            self.find(("state", &state_columns()), "id integer", keys, self.locked(), |row| self.state(row))?;
        Ok(found.into_iter().flatten().collect())
    }

    fn decisions(&self, ids: &[&str]) -> Result<Vec<Option<DecisionRecord>>> {
        let keys = ids.iter().map(|id| vec![(*id).into()]);
        let record = |row: &mut RowReader| rows::decision(row, |id| self.policy(id));
        let found = self.find(("decision", &listed(DECISION)), "id text", keys, "", record)?;
        if self.database.must_lock() {
            self.found.borrow_mut().extend(found.iter().flatten().map(|decision| decision.id.clone()));
        }
        Ok(found)
    }

    fn decisions_after(
        &self,
        place: i64,
        filter: &LogFilter,
        limit: usize,
    ) -> Result<Vec<(i64, DecisionRecord)>> {
        let sql = format!(
            "SELECT place, {} FROM decision WHERE place > $1 AND {FILTER} ORDER BY place LIMIT $4",
            listed(DECISION)
        );
        self.all(&sql, &filtered(place, filter, limit), |row| {
            Ok((row.read()?, rows::decision(row, |id| self.policy(id))?))
        })
    }

    fn rewards_after(&self, place: i64, filter: &LogFilter, limit: usize) -> Result<Vec<LoggedReward>> {
        let columns =
            names(REWARD).iter().map(|name| format!("reward.{name}")).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "SELECT place, \"user\", definition, {columns} FROM reward JOIN state ON state.id = reward.state \
             WHERE place > $1 AND {FILTER} ORDER BY place LIMIT $4"
        );
        self.all(&sql, &filtered(place, filter, limit), |row| {
            let (place, user, policy) = (row.read()?, row.read()?, self.policy(row.read()?)?);
            Ok(LoggedReward { place, user, policy, record: self.reward(row)? })
        })
    }

    fn entries_had(&self) -> Result<u64> {
        let sql = "SELECT CAST(coalesce(sum(number), 0) AS bigint) FROM state";
        Ok(self.number(sql, &[])?.unwrap_or(0) as u64)
    }

    fn rewards_by_state(&self, visit: &mut dyn FnMut(RewardRecord) -> Result<()>) -> Result<()> {
        let sql = format!("SELECT {} FROM reward ORDER BY state, number", listed(REWARD));
        self.database.stream(&sql, &mut |row| visit(self.reward(row)?))
    }

    fn latest_rewards(&self, state: i64, limit: usize) -> Result<Vec<RewardRecord>> {
        let latest = if self.database.finds_rewards_by_state()? {
            String::new()
        } else {
            format!(" AND place > (SELECT max(place) FROM reward) - {LOOKED_AT}")
        };
        let sql = format!(
            "SELECT {} FROM reward WHERE state = $1{latest} ORDER BY number DESC LIMIT $2",
            listed(REWARD)
        );
        self.all(&sql, &[state.into(), (limit as i64).into()], |row| self.reward(row))
    }

    fn prior_rewards(&self, events: &[(&str, i64)]) -> Result<Vec<Option<f64>>> {
        let keys = events.iter().map(|(event, state)| vec![(*event).into(), (*state).into()]);
        self.find(("reward", "reward"), "event text, state integer", keys, "", only)
    }

    fn rollout_steps(&self, experiment: &str) -> Result<Vec<RolloutRecord>> {
        let sql = format!("SELECT {ROLLOUT} FROM rollout WHERE experiment = $1 ORDER BY revision");
        self.all(&sql, &[experiment.into()], rows::rollout)
    }

    fn rollouts(&self) -> Result<Vec<RolloutRecord>> {
        let sql = format!(
            "SELECT {ROLLOUT} FROM rollout WHERE revision = \
             (SELECT max(revision) FROM rollout other WHERE other.experiment = rollout.experiment) ORDER BY experiment"
        );
        self.all(&sql, &[], rows::rollout)
    }
}

/// The condition of a [`LogFilter`].
const FILTER: &str =
    "(CAST($2 AS bigint) IS NULL OR at >= $2) AND (CAST($3 AS text) IS NULL OR \"user\" = $3)";

/// The values of a page of a log, those of [`FILTER`] among them.
fn filtered(place: i64, filter: &LogFilter, limit: usize) -> [Value<'_>; 4] {
    [place.into(), filter.since.into(), filter.user.as_deref().into(), (limit as i64).into()]
}

impl<D: Database> Transaction for Session<'_, D> {
    fn add_decisions(&mut self, decisions: &[&DecisionRecord]) -> Result<()> {
        let definitions = self.definitions(decisions.iter().map(|decision| &decision.policy))?;
        let mut rows =
            decisions.iter().zip(definitions).map(|(decision, id)| rows::of_decision(decision, id));
        self.database.insert("decision", DECISION, &mut rows, " ON CONFLICT (id) DO NOTHING")
    }

    fn add_rewards(&mut self, rewards: &[RewardRecord]) -> Result<()> {
        self.database.insert("reward", REWARD, &mut rewards.iter().map(rows::of_reward), "")
    }

    fn write_states(&mut self, states: &mut [StateRecord]) -> Result<()> {
        let (mut new, kept): (Vec<_>, Vec<_>) = states.iter_mut().partition(|state| state.id == 0);
        let definitions = self.definitions(kept.iter().map(|state| &state.policy))?;
        let mut rows = kept
            .iter()
            .zip(definitions)
            .map(|(state, policy)| rows::of_state(&[state.id.into()], state, policy));
        self.database.update("state", &format!("id integer, {STATE}"), &mut rows)?;
        // Whoever begins several begins them in this order: no two wait for each other.
        new.sort_by(|a, b| (&a.user, a.policy.name()).cmp(&(&b.user, b.policy.name())));
        let definitions = self.definitions(new.iter().map(|state| &state.policy))?;
        let mut rows = new.iter().zip(definitions).map(|(state, policy)| {
            rows::of_state(&[state.user.as_str().into(), state.policy.name().into()], state, policy)
        });
        let ids = self.database.insert_new("state", 2, &format!("{STATE_KEY}, {STATE}"), &mut rows)?;
        new.iter_mut().zip(ids).for_each(|(state, id)| state.id = id);
        Ok(())
    }

    fn mark_published(&mut self, states: &[(i64, u64)]) -> Result<()> {
        let sql = "UPDATE state SET published = $2 WHERE id = $1 AND published < $2";
        states
            .iter()
            .try_for_each(|(id, revision)| self.database.send(sql, &[(*id).into(), (*revision).into()]))
    }

    fn erase_states(&mut self, ids: &[i64]) -> Result<()> {
        self.database.overwrite_removed()?;
        for id in ids {
            self.database.send("DELETE FROM reward WHERE state = $1", &[(*id).into()])?;
            self.database.send("DELETE FROM state WHERE id = $1", &[(*id).into()])?;
        }
        Ok(())
    }

    fn erase_decisions(&mut self, user: &str, policy: Option<&str>) -> Result<u64> {
        self.database.overwrite_removed()?;
        let sql = "DELETE FROM decision WHERE \"user\" = $1 AND (CAST($2 AS text) IS NULL OR \
                   definition IN (SELECT id FROM definition WHERE name = $2))";
        self.database.execute(sql, &[user.into(), policy.into()])
    }

    fn spend(&mut self, user: &str, day: i64, tokens: i64, most: i64) -> Result<bool> {
        if tokens > most {
            return Ok(false);
        }
        let new_day = "UPDATE spending SET day = $2, tokens = 0 WHERE \"user\" = $1 AND day <> $2";
        self.database.send(new_day, &[user.into(), day.into()])?;
        let sql = "INSERT INTO spending AS s (\"user\", day, tokens) VALUES ($1, $2, $3) ON CONFLICT (\"user\") DO UPDATE \
                   SET tokens = CASE WHEN s.tokens + $4 > 0 THEN s.tokens + $4 ELSE 0 END WHERE s.tokens + $4 <= $5";
        let values = [user.into(), day.into(), tokens.max(0).into(), tokens.into(), most.into()];
        self.database.execute(sql, &values).map(|changed| changed > 0)
    }

    fn erase_spending(&mut self, user: &str) -> Result<()> {
        self.database.overwrite_removed()?;
        self.database.send("DELETE FROM spending WHERE \"user\" = $1", &[user.into()])
    }

    fn prune_decisions(&mut self, before: u64, limit: usize) -> Result<u64> {
        // Who prunes at the same time takes others.
        let lock = if self.database.must_lock() { " FOR UPDATE SKIP LOCKED" } else { "" };
        let sql = format!(
            "DELETE FROM decision WHERE place IN (SELECT place FROM decision WHERE at < $1 ORDER BY place LIMIT $2{lock})"
        );
        self.database.execute(&sql, &[before.into(), (limit as i64).into()])
    }

    fn prune_rewards(&mut self, state: i64, up_to: u64) -> Result<u64> {
        let sql = "DELETE FROM reward WHERE state = $1 AND number <= $2";
        self.database.execute(sql, &[state.into(), up_to.into()])
    }

    fn add_rollout_step(&mut self, step: &RolloutRecord) -> Result<bool> {
        let sql = format!(
            "INSERT INTO rollout ({ROLLOUT}) VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (experiment, revision) DO NOTHING"
        );
        Ok(self.database.execute(&sql, &rows::of_rollout(step))? == 1)
    }
}
