//! What a store is asked, as statements of SQL within one transaction.

use super::link::Link;
use super::pipeline::{Pipeline, Purpose, column};
use crate::base::digest::of_value;
use crate::base::error::Result;
use crate::domain::labels::DecisionLabels;
use crate::policy::Policy;
use crate::store::contract::{
    DecisionRecord, LogFilter, LoggedReward, RewardRecord, RolloutRecord, Snapshot, StateRecord, Transaction,
};
use crate::store::rows::{self, ChangeColumns, RewardRow, StateRow};
use smol_str::SmolStr;
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// One transaction.
pub(super) struct Session<'a> {
    pub(super) pipe: Pipeline<'a>,
    /// Decisions that were found before what they belong to was locked.
    found: RefCell<Vec<String>>,
    /// Ids of definitions that this transaction has met or made, by policy.
    made: RefCell<Vec<(Arc<Policy>, i64)>>,
}

macro_rules! state_columns {
    () => {
        "s.id, s.\"user\", s.policy, s.definition, s.number, s.updates, s.model, s.revision, s.published"
    };
}

macro_rules! decision_columns {
    () => {
        "d.place, d.id, d.at, d.\"user\", d.definition, d.seed, d.request, d.scores, d.propensities, d.chosen, \
         d.propensity, d.explored, d.shadow_of, d.experiment, d.variant, d.prompt_version, \
         d.prompt_digest, d.model_version, d.profile_lookup"
    };
}

macro_rules! reward_columns {
    () => {
        "r.state, r.number, r.at, r.op, r.event, r.answers_decision, r.reaction, r.dwell_seconds, r.reward, \
         r.learned_from"
    };
}

macro_rules! rollout_columns {
    () => {
        "r.experiment, r.revision, r.at, r.action, r.share, r.digest, r.evidence"
    };
}

/// Users share so many locks, for those who ask for all states of one.
const GROUPS: u32 = 256;
/// The first half of these locks' names; the other half is the group.
const LOCK_CLASS: i32 = 0x7265_6865;
/// So many rewards are read at a time.
const PAGE: i64 = 2_048;
/// So many decisions are added by one statement.
const TOGETHER: usize = 1_024;

impl<'a> Session<'a> {
    pub(super) fn new(link: &'a Link, store: &'a Path, purpose: Purpose) -> Self {
        let pipe = Pipeline::new(link, store, purpose);
        Self { pipe, found: RefCell::default(), made: RefCell::default() }
    }

    /// Ends it: what was done is committed.
    pub(super) fn commit(&self) -> Result<()> {
        self.pipe.commit()?;
        self.pipe.link.definitions.borrow_mut().append(&mut self.made.borrow_mut());
        Ok(())
    }

    fn policy(&self, id: i64) -> Result<Arc<Policy>> {
        if let Some(policy) = self.pipe.link.policies.borrow().get(&id) {
            return Ok(Arc::clone(policy));
        }
        let found = self.pipe.rows("SELECT policy, prior FROM definition WHERE id = $1", &[&id])?;
        let row = found.first().ok_or_else(|| self.pipe.damaged(format!("definition {id} is not there")))?;
        let (text, prior) = (self.pipe.get::<String>(row, 0)?, self.pipe.get::<Option<String>>(row, 1)?);
        let policy = Arc::new(rows::policy(&text, prior.as_deref(), id, self.pipe.store)?);
        // An id is never given twice, even if the transaction that made it does not commit.
        self.pipe.link.policies.borrow_mut().insert(id, Arc::clone(&policy));
        Ok(policy)
    }

    /// The id of a policy's definition, which is kept if it was not.
    fn definition(&self, policy: &Arc<Policy>) -> Result<i64> {
        if let Some(id) = self.pipe.link.definition(policy) {
            return Ok(id);
        }
        let made = |(own, id): &(Arc<Policy>, i64)| (own == policy).then_some(*id);
        if let Some(id) = self.made.borrow().iter().find_map(made) {
            return Ok(id);
        }
        let digest = of_value(&policy.definition());
        let find = || -> Result<Option<i64>> {
            let found = self.pipe.rows("SELECT id FROM definition WHERE digest = $1", &[&digest])?;
            found.first().map(|row| self.pipe.get(row, 0)).transpose()
        };
        let id = if let Some(id) = find()? {
            id
        } else {
            let toml = toml::to_string(&policy.definition()).expect("a policy is plain data");
            let (set, domain) = rows::looks_at(policy);
            let sql = "INSERT INTO definition (digest, name, policy, feature_set, domain, prior) \
                       VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (digest) DO NOTHING";
            self.pipe.execute(sql, &[&digest, &policy.name(), &toml, &set, &domain, &rows::prior(policy)])?;
            find()?.ok_or_else(|| self.pipe.contended("a definition"))?
        };
        self.made.borrow_mut().push((Arc::clone(policy), id));
        Ok(id)
    }

    fn state(&self, row: &Row) -> Result<StateRecord> {
        let raw = StateRow {
            id: self.pipe.get(row, 0)?,
            user: self.pipe.text(row, 1)?,
            policy: self.pipe.text(row, 2)?,
            definition: self.pipe.get(row, 3)?,
            number: self.pipe.get(row, 4)?,
            updates: self.pipe.get(row, 5)?,
            model: self.pipe.get(row, 6)?,
            revision: self.pipe.get(row, 7)?,
            published: self.pipe.get(row, 8)?,
        };
        let policy = self.policy(raw.definition)?;
        raw.record(policy, self.pipe.store)
    }

    fn states_where(&self, sql: &'static str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<StateRecord>> {
        self.pipe.rows(sql, values)?.iter().map(|row| self.state(row)).collect()
    }

    fn decision(&self, row: &Row) -> Result<(i64, DecisionRecord)> {
        let record = DecisionRecord {
            id: self.pipe.text(row, 1)?,
            at: self.pipe.get::<i64>(row, 2)? as u64,
            user: self.pipe.text(row, 3)?,
            policy: self.policy(self.pipe.get(row, 4)?)?,
            seed: self.pipe.get::<i64>(row, 5)? as u64,
            request: self.pipe.get::<String>(row, 6)?.into(),
            scores: self.pipe.get(row, 7)?,
            propensities: self.pipe.get(row, 8)?,
            chosen: self.pipe.text(row, 9)?,
            propensity: self.pipe.get(row, 10)?,
            explored: self.pipe.get(row, 11)?,
            shadow_of: self.pipe.text_or_none(row, 12)?,
            labels: DecisionLabels {
                experiment: self.pipe.text_or_none(row, 13)?,
                variant: self.pipe.text_or_none(row, 14)?,
                prompt_version: self.pipe.text_or_none(row, 15)?,
                prompt_digest: self.pipe.text_or_none(row, 16)?,
                model_version: self.pipe.text_or_none(row, 17)?,
                profile_lookup: self.pipe.text_or_none(row, 18)?,
            },
        };
        Ok((self.pipe.get(row, 0)?, record))
    }

    fn reward(&self, row: &Row) -> Result<RewardRecord> {
        let raw = RewardRow {
            state: self.pipe.get(row, 0)?,
            number: self.pipe.get(row, 1)?,
            at: self.pipe.get(row, 2)?,
            op: self.pipe.get(row, 3)?,
            event: self.pipe.text_or_none(row, 4)?,
            answers_decision: self.pipe.get(row, 5)?,
            reaction: self.pipe.get(row, 6)?,
            dwell_seconds: self.pipe.get(row, 7)?,
            reward: self.pipe.get(row, 8)?,
            learned_from: self.pipe.get(row, 9)?,
        };
        raw.record(self.pipe.store)
    }

    /// Shares the locks of these users' groups, and sees to it that the decisions found before are still there: an
    /// erasure that ended meanwhile has removed them.
    fn share_users(&self, keys: &[(&str, &str)]) -> Result<()> {
        let mut groups: Vec<i32> = keys.iter().map(|(user, _)| group(user)).collect();
        groups.sort_unstable();
        groups.dedup();
        let sql = "SELECT pg_advisory_xact_lock_shared($1, k) FROM unnest($2::integer[]) k";
        self.pipe.send(sql, vec![Box::new(LOCK_CLASS), Box::new(groups)])?;
        let found = self.found.take();
        if found.is_empty() {
            return Ok(());
        }
        let sql = "SELECT count(*) FROM unnest($1::text[]) k(id) JOIN decision d ON d.id = k.id";
        let rows = self.pipe.rows(sql, &[&found])?;
        let left: i64 = rows.first().map_or(Ok(0), |row| self.pipe.get(row, 0))?;
        if left < found.len() as i64 {
            return Err(self.pipe.contended("a decision was removed"));
        }
        Ok(())
    }
}

/// The group of a user's lock: a plain hash of the name that every process agrees on (FNV-1a).
fn group(user: &str) -> i32 {
    let hash =
        user.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash % GROUPS) as i32
}

/// Puts what was found, each with its place from 1, into `count` places.
fn in_order<T>(found: impl IntoIterator<Item = Result<(i64, T)>>, count: usize) -> Result<Vec<Option<T>>> {
    let mut all: Vec<Option<T>> = (0..count).map(|_| None).collect();
    for one in found {
        let (place, value) = one?;
        all[place as usize - 1] = Some(value);
    }
    Ok(all)
}

impl Snapshot for Session<'_> {
    fn states(&self, keys: &[(&str, &str)]) -> Result<Vec<Option<StateRecord>>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let (users, policies): (Vec<&str>, Vec<&str>) = keys.iter().copied().unzip();
        let sql = if self.pipe.locks() {
            self.share_users(keys)?;
            concat!(
                "SELECT ",
                state_columns!(),
                ", k.n FROM unnest($1::text[], $2::text[]) WITH ORDINALITY k(u, p, n) \
                 JOIN state s ON s.\"user\" = k.u AND s.policy = k.p \
                 ORDER BY s.\"user\", s.policy FOR NO KEY UPDATE OF s"
            )
        } else {
            concat!(
                "SELECT ",
                state_columns!(),
                ", k.n FROM unnest($1::text[], $2::text[]) WITH ORDINALITY k(u, p, n) \
                 JOIN state s ON s.\"user\" = k.u AND s.policy = k.p"
            )
        };
        let rows = self.pipe.rows(sql, &[&users, &policies])?;
        in_order(rows.iter().map(|row| Ok((self.pipe.get(row, 9)?, self.state(row)?))), keys.len())
    }

    fn states_of(&self, user: &str) -> Result<Vec<StateRecord>> {
        if !self.pipe.locks() {
            let sql =
                concat!("SELECT ", state_columns!(), " FROM state s WHERE s.\"user\" = $1 ORDER BY s.policy");
            return self.states_where(sql, &[&user]);
        }
        let sql = "SELECT pg_advisory_xact_lock($1, $2)";
        self.pipe.send(sql, vec![Box::new(LOCK_CLASS), Box::new(group(user))])?;
        let sql = concat!(
            "SELECT ",
            state_columns!(),
            " FROM state s WHERE s.\"user\" = $1 ORDER BY s.policy FOR NO KEY UPDATE"
        );
        self.states_where(sql, &[&user])
    }

    fn states_after(&self, (user, policy): (&str, &str), limit: usize) -> Result<Vec<StateRecord>> {
        let sql = concat!(
            "SELECT ",
            state_columns!(),
            " FROM state s WHERE (s.\"user\", s.policy) > ($1, $2) AND s.model IS NOT NULL \
             ORDER BY s.\"user\", s.policy LIMIT $3"
        );
        self.states_where(sql, &[&user, &policy, &(limit as i64)])
    }

    fn states_from(&self, id: i64, limit: usize) -> Result<Vec<StateRecord>> {
        let sql =
            concat!("SELECT ", state_columns!(), " FROM state s WHERE s.id >= $1 ORDER BY s.id LIMIT $2");
        self.states_where(sql, &[&id, &(limit as i64)])
    }

    fn unpublished(&self, from: i64, limit: usize) -> Result<Vec<StateRecord>> {
        let sql = concat!(
            "SELECT ",
            state_columns!(),
            " FROM state s WHERE s.published < s.revision AND s.id >= $1 ORDER BY s.id LIMIT $2"
        );
        self.states_where(sql, &[&from, &(limit as i64)])
    }

    fn states_by_id(&self, ids: &[i64]) -> Result<Vec<StateRecord>> {
        let sql = if self.pipe.locks() {
            // In the order in which everybody locks them.
            concat!(
                "SELECT ",
                state_columns!(),
                " FROM state s WHERE s.id = ANY($1) ORDER BY s.\"user\", s.policy FOR NO KEY UPDATE"
            )
        } else {
            concat!("SELECT ", state_columns!(), " FROM state s WHERE s.id = ANY($1)")
        };
        self.states_where(sql, &[&ids])
    }

    fn decisions(&self, ids: &[&str]) -> Result<Vec<Option<DecisionRecord>>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = concat!(
            "SELECT ",
            decision_columns!(),
            ", k.n FROM unnest($1::text[]) WITH ORDINALITY k(id, n) JOIN decision d ON d.id = k.id"
        );
        let rows = self.pipe.rows(sql, &[&ids])?;
        let numbered = rows.iter().map(|row| Ok((self.pipe.get(row, row.len() - 1)?, self.decision(row)?.1)));
        let found = in_order(numbered, ids.len())?;
        if self.pipe.locks() {
            self.found.borrow_mut().extend(found.iter().flatten().map(|decision| decision.id.to_string()));
        }
        Ok(found)
    }

    fn decisions_after(
        &self,
        place: i64,
        filter: &LogFilter,
        limit: usize,
    ) -> Result<Vec<(i64, DecisionRecord)>> {
        let LogFilter { since, user } = filter;
        let sql = concat!(
            "SELECT ",
            decision_columns!(),
            " FROM decision d WHERE d.place > $1 AND ($2::bigint IS NULL OR d.at >= $2) \
             AND ($3::text IS NULL OR d.\"user\" = $3) ORDER BY d.place LIMIT $4"
        );
        let since = since.map(|since| since as i64);
        let rows = self.pipe.rows(sql, &[&place, &since, user, &(limit as i64)])?;
        rows.iter().map(|row| self.decision(row)).collect()
    }

    fn rewards_after(&self, place: i64, filter: &LogFilter, limit: usize) -> Result<Vec<LoggedReward>> {
        let LogFilter { since, user } = filter;
        let sql = concat!(
            "SELECT ",
            reward_columns!(),
            ", r.place, s.\"user\", s.definition FROM reward r JOIN state s ON s.id = r.state \
             WHERE r.place > $1 AND ($2::bigint IS NULL OR r.at >= $2) \
             AND ($3::text IS NULL OR s.\"user\" = $3) ORDER BY r.place LIMIT $4"
        );
        let since = since.map(|since| since as i64);
        let rows = self.pipe.rows(sql, &[&place, &since, user, &(limit as i64)])?;
        let logged = |row: &Row| {
            Ok(LoggedReward {
                place: self.pipe.get(row, 10)?,
                user: self.pipe.text(row, 11)?,
                policy: self.policy(self.pipe.get(row, 12)?)?,
                record: self.reward(row)?,
            })
        };
        rows.iter().map(logged).collect()
    }

    fn entries_had(&self) -> Result<u64> {
        let rows = self.pipe.rows("SELECT coalesce(sum(number), 0)::bigint FROM state", &[])?;
        let sum: Option<i64> = rows.first().map(|row| self.pipe.get(row, 0)).transpose()?;
        Ok(sum.unwrap_or(0) as u64)
    }

    fn rewards_by_state(&self, visit: &mut dyn FnMut(RewardRecord) -> Result<()>) -> Result<()> {
        let sql = concat!(
            "SELECT ",
            reward_columns!(),
            " FROM reward r WHERE (r.state, r.number) > ($1, $2) ORDER BY r.state, r.number LIMIT $3"
        );
        let mut after = (i64::MIN, i64::MIN);
        loop {
            let page = self.pipe.rows(sql, &[&after.0, &after.1, &PAGE])?;
            let Some(last) = page.last() else { return Ok(()) };
            after = (self.pipe.get(last, 0)?, self.pipe.get(last, 1)?);
            for row in &page {
                visit(self.reward(row)?)?;
            }
        }
    }

    fn latest_rewards(&self, state: i64, limit: usize) -> Result<Vec<RewardRecord>> {
        let sql = concat!(
            "SELECT ",
            reward_columns!(),
            " FROM reward r WHERE r.state = $1 ORDER BY r.number DESC LIMIT $2"
        );
        let rows = self.pipe.rows(sql, &[&state, &(limit as i64)])?;
        rows.iter().map(|row| self.reward(row)).collect()
    }

    fn prior_rewards(&self, events: &[(&str, i64)]) -> Result<Vec<Option<f64>>> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let (names, states): (Vec<&str>, Vec<i64>) = events.iter().copied().unzip();
        let sql = "SELECT k.n, r.reward FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY k(e, s, n) \
                   JOIN reward r ON r.event = k.e AND r.state = k.s";
        let rows = self.pipe.rows(sql, &[&names, &states])?;
        in_order(rows.iter().map(|row| Ok((self.pipe.get(row, 0)?, self.pipe.get(row, 1)?))), events.len())
    }

    fn rollout_steps(&self, experiment: &str) -> Result<Vec<RolloutRecord>> {
        if !self.has_rollouts()? {
            return Ok(Vec::new());
        }
        let sql = concat!(
            "SELECT ",
            rollout_columns!(),
            " FROM rollout r WHERE r.experiment = $1 ORDER BY r.revision"
        );
        self.pipe.rows(sql, &[&experiment])?.iter().map(|row| self.rollout(row)).collect()
    }

    fn rollouts(&self) -> Result<Vec<RolloutRecord>> {
        if !self.has_rollouts()? {
            return Ok(Vec::new());
        }
        let sql = concat!(
            "SELECT DISTINCT ON (r.experiment) ",
            rollout_columns!(),
            " FROM rollout r ORDER BY r.experiment, r.revision DESC"
        );
        self.pipe.rows(sql, &[])?.iter().map(|row| self.rollout(row)).collect()
    }
}

const ADD_DECISIONS: &str = "\
INSERT INTO decision (id, at, \"user\", definition, seed, request, scores, propensities, chosen, propensity, explored, shadow_of, \
experiment, variant, prompt_version, prompt_digest, model_version, profile_lookup) \
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], \
$8::text[], $9::text[], $10::double precision[], $11::boolean[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], \
$17::text[], $18::text[]) ON CONFLICT (id) DO NOTHING";

impl Session<'_> {
    /// Whether the store is as young as rollouts are: one that is only read is left as it is.
    fn has_rollouts(&self) -> Result<bool> {
        let found = self.pipe.rows("SELECT to_regclass('rollout') IS NOT NULL", &[])?;
        found.first().map_or(Ok(false), |row| self.pipe.get(row, 0))
    }

    fn rollout(&self, row: &Row) -> Result<RolloutRecord> {
        Ok(RolloutRecord {
            experiment: self.pipe.text(row, 0)?,
            revision: self.pipe.get::<i64>(row, 1)? as u64,
            at: self.pipe.get::<i64>(row, 2)? as u64,
            action: self.pipe.text(row, 3)?,
            share: self.pipe.get(row, 4)?,
            digest: self.pipe.text(row, 5)?,
            evidence: self.pipe.get(row, 6)?,
        })
    }

    /// Begins states. Where somebody else has begun one of them, all is to be done again.
    fn insert_states(&self, states: &mut [&mut StateRecord]) -> Result<()> {
        // Whoever begins several begins them in this order: no two wait for each other.
        states.sort_by(|a, b| (&a.user, a.policy.name()).cmp(&(&b.user, b.policy.name())));
        let definitions = self.definitions_of(states)?;
        let users: Vec<&str> = states.iter().map(|state| state.user.as_str()).collect();
        let policies: Vec<&str> = states.iter().map(|state| state.policy.name()).collect();
        let count = |of: fn(&StateRecord) -> u64| states.iter().map(|s| of(s) as i64).collect::<Vec<i64>>();
        let (numbers, updates) = (count(|s| s.number), count(|s| s.updates));
        let revisions = count(|s| s.revision);
        let models: Vec<Option<&[u8]>> = states.iter().map(|state| state.model.as_deref()).collect();
        let published: Vec<Option<i64>> =
            states.iter().map(|state| state.published.map(|revision| revision as i64)).collect();
        let sql = "INSERT INTO state (\"user\", policy, definition, number, updates, model, revision, published) \
                   SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], \
                   $6::bytea[], $7::bigint[], $8::bigint[]) \
                   ON CONFLICT (\"user\", policy) DO NOTHING RETURNING id, \"user\", policy";
        let rows = self.pipe.rows(
            sql,
            &[&users, &policies, &definitions, &numbers, &updates, &models, &revisions, &published],
        )?;
        let mut ids: HashMap<(SmolStr, SmolStr), i64> = HashMap::with_capacity(rows.len());
        for row in &rows {
            ids.insert((self.pipe.text(row, 1)?, self.pipe.text(row, 2)?), self.pipe.get(row, 0)?);
        }
        for state in states {
            let key = (state.user.clone(), SmolStr::from(state.policy.name()));
            state.id = ids.remove(&key).ok_or_else(|| self.pipe.contended("a state was begun"))?;
        }
        Ok(())
    }

    fn definitions_of(&self, states: &[&mut StateRecord]) -> Result<Vec<i64>> {
        states.iter().map(|state| self.definition(&state.policy)).collect()
    }

    fn update_states(&self, states: &[&mut StateRecord]) -> Result<()> {
        let definitions = self.definitions_of(states)?;
        let sql = "UPDATE state SET definition = k.d, number = k.n, updates = k.u, model = k.m, revision = k.r, \
                   published = k.p FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[], \
                   $6::bigint[], $7::bigint[]) k(id, d, n, u, m, r, p) WHERE state.id = k.id";
        self.pipe.send(
            sql,
            vec![
                column(states, |state| state.id),
                Box::new(definitions),
                column(states, |state| state.number as i64),
                column(states, |state| state.updates as i64),
                column(states, |state| state.model.clone()),
                column(states, |state| state.revision as i64),
                column(states, |state| state.published.map(|revision| revision as i64)),
            ],
        )
    }
}

impl Transaction for Session<'_> {
    fn add_decisions(&mut self, decisions: &[&DecisionRecord]) -> Result<()> {
        for decisions in decisions.chunks(TOGETHER) {
            let definitions = decisions.iter().map(|decision| self.definition(&decision.policy));
            let definitions = definitions.collect::<Result<Vec<i64>>>()?;
            let text = |text: &SmolStr| text.to_string();
            self.pipe.send(
                ADD_DECISIONS,
                vec![
                    column(decisions, |decision| text(&decision.id)),
                    column(decisions, |decision| decision.at as i64),
                    column(decisions, |decision| text(&decision.user)),
                    Box::new(definitions),
                    column(decisions, |decision| decision.seed as i64),
                    column(decisions, |decision| decision.request.to_string()),
                    column(decisions, |decision| decision.scores.clone()),
                    column(decisions, |decision| decision.propensities.clone()),
                    column(decisions, |decision| text(&decision.chosen)),
                    column(decisions, |decision| decision.propensity),
                    column(decisions, |decision| decision.explored),
                    column(decisions, |decision| decision.shadow_of.as_ref().map(text)),
                    column(decisions, |decision| decision.labels.experiment.as_ref().map(text)),
                    column(decisions, |decision| decision.labels.variant.as_ref().map(text)),
                    column(decisions, |decision| decision.labels.prompt_version.as_ref().map(text)),
                    column(decisions, |decision| decision.labels.prompt_digest.as_ref().map(text)),
                    column(decisions, |decision| decision.labels.model_version.as_ref().map(text)),
                    column(decisions, |decision| decision.labels.profile_lookup.as_ref().map(text)),
                ],
            )?;
        }
        Ok(())
    }

    fn add_rewards(&mut self, rewards: &[RewardRecord]) -> Result<()> {
        if rewards.is_empty() {
            return Ok(());
        }
        let changes: Vec<ChangeColumns> = rewards.iter().map(|reward| (&reward.change).into()).collect();
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let sql = "INSERT INTO reward (state, number, at, op, event, answers_decision, reaction, dwell_seconds, reward, \
                   learned_from) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], \
                   $6::boolean[], $7::text[], $8::double precision[], $9::double precision[], $10::text[])";
        self.pipe.send(
            sql,
            vec![
                column(rewards, |reward| reward.state),
                column(rewards, |reward| reward.number as i64),
                column(rewards, |reward| reward.at as i64),
                column(&changes, |change| change.op),
                column(&changes, |change| owned(change.event)),
                column(&changes, |change| change.answers_decision),
                column(&changes, |change| owned(change.reaction)),
                column(&changes, |change| change.dwell_seconds),
                column(&changes, |change| change.reward),
                column(&changes, |change| owned(change.learned_from)),
            ],
        )
    }

    fn write_states(&mut self, states: &mut [StateRecord]) -> Result<()> {
        let (mut new, kept): (Vec<_>, Vec<_>) = states.iter_mut().partition(|state| state.id == 0);
        if !kept.is_empty() {
            self.update_states(&kept)?;
        }
        if new.is_empty() { Ok(()) } else { self.insert_states(&mut new) }
    }

    fn mark_published(&mut self, states: &[(i64, u64)]) -> Result<()> {
        let sql = "UPDATE state SET published = k.r FROM unnest($1::bigint[], $2::bigint[]) k(id, r) \
                   WHERE state.id = k.id AND state.published < k.r";
        self.pipe.send(sql, vec![column(states, |state| state.0), column(states, |state| state.1 as i64)])
    }

    fn erase_states(&mut self, ids: &[i64]) -> Result<()> {
        self.pipe.send("DELETE FROM reward WHERE state = ANY($1)", vec![Box::new(ids.to_vec())])?;
        self.pipe.send("DELETE FROM state WHERE id = ANY($1)", vec![Box::new(ids.to_vec())])
    }

    fn erase_decisions(&mut self, user: &str, policy: Option<&str>) -> Result<u64> {
        let sql = "DELETE FROM decision WHERE \"user\" = $1 AND \
                   ($2::text IS NULL OR definition IN (SELECT id FROM definition WHERE name = $2))";
        self.pipe.execute(sql, &[&user, &policy])
    }

    fn spend(&mut self, user: &str, day: i64, tokens: i64, most: i64) -> Result<bool> {
        if tokens > most {
            return Ok(false);
        }
        let sql = "INSERT INTO spending AS s (\"user\", day, tokens) VALUES ($1, $2::bigint, greatest($3::bigint, 0)) \
                   ON CONFLICT (\"user\") DO UPDATE \
                   SET tokens = greatest(CASE WHEN s.day = $2 THEN s.tokens ELSE 0 END + $3::bigint, 0), day = $2 \
                   WHERE CASE WHEN s.day = $2 THEN s.tokens ELSE 0 END + $3::bigint <= $4";
        self.pipe.execute(sql, &[&user, &day, &tokens, &most]).map(|changed| changed > 0)
    }

    fn erase_spending(&mut self, user: &str) -> Result<()> {
        self.pipe.execute("DELETE FROM spending WHERE \"user\" = $1", &[&user]).map(drop)
    }

    fn prune_decisions(&mut self, before: u64, limit: usize) -> Result<u64> {
        let sql = "DELETE FROM decision WHERE place IN \
                   (SELECT place FROM decision WHERE at < $1 ORDER BY place LIMIT $2 FOR UPDATE SKIP LOCKED)";
        self.pipe.execute(sql, &[&(before as i64), &(limit as i64)])
    }

    fn prune_rewards(&mut self, state: i64, up_to: u64) -> Result<u64> {
        let sql = "DELETE FROM reward WHERE state = $1 AND number <= $2";
        self.pipe.execute(sql, &[&state, &(up_to as i64)])
    }

    fn add_rollout_step(&mut self, step: &RolloutRecord) -> Result<bool> {
        let RolloutRecord { experiment, revision, at, action, share, digest, evidence } = step;
        let sql = "INSERT INTO rollout (experiment, revision, at, action, share, digest, evidence) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (experiment, revision) DO NOTHING";
        let (revision, at) = (*revision as i64, *at as i64);
        let (experiment, action, digest) = (experiment.as_str(), action.as_str(), digest.as_str());
        Ok(self.pipe.execute(sql, &[&experiment, &revision, &at, &action, share, &digest, evidence])? == 1)
    }
}
