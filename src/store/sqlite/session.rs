//! What a store is asked, as statements of SQL on one connection within one transaction.

use super::error::engine;
use super::schema::REWARD_STATE;
use crate::base::digest::of_value;
use crate::base::error::{Error, Result};
use crate::domain::labels::DecisionLabels;
use crate::policy::Policy;
use crate::store::contract::{
    DecisionRecord, LogFilter, LoggedReward, RewardRecord, RolloutRecord, Snapshot, StateRecord, Transaction,
};
use crate::store::rows::{self, ChangeColumns, RewardRow, StateRow};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use smol_str::SmolStr;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

/// Definitions that were met, by their ids: each is read once.
#[derive(Debug, Default)]
pub(super) struct Definitions(Mutex<HashMap<i64, Arc<Policy>>>);

impl Definitions {
    fn get(&self, id: i64) -> Option<Arc<Policy>> {
        self.0.lock().expect("nothing panics with it").get(&id).cloned()
    }

    fn id_of(&self, policy: &Arc<Policy>) -> Option<i64> {
        let known = self.0.lock().expect("nothing panics with it");
        known.iter().find(|(_, own)| Arc::ptr_eq(own, policy) || *own == policy).map(|(id, _)| *id)
    }

    fn keep(&self, id: i64, policy: Arc<Policy>) -> Arc<Policy> {
        Arc::clone(self.0.lock().expect("nothing panics with it").entry(id).or_insert(policy))
    }

    /// Forgets them all: an id that was not committed may become another definition's.
    pub(super) fn clear(&self) {
        self.0.lock().expect("nothing panics with it").clear();
    }
}

/// One transaction.
pub(super) struct Session<'a> {
    pub(super) connection: &'a Connection,
    pub(super) definitions: &'a Definitions,
    pub(super) path: &'a Path,
}

const STATE: &str = "id, user, policy, definition, number, updates, model, revision, published";
/// Asked for each decision, and so put together once.
static STATE_OF: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {STATE} FROM state WHERE user = ? AND policy = ?"));
const DECISION: &str = "place, id, at, user, definition, seed, request, scores, propensities, chosen, propensity, \
                        explored, shadow_of, experiment, variant, prompt_version, prompt_digest, model_version, \
                        profile_lookup";
const REWARD: &str =
    "state, number, at, op, event, answers_decision, reaction, dwell_seconds, reward, learned_from";

/// Without an index of them by state, so many of the latest rewards are looked at.
const LOOKED_AT: i64 = 4_096;

impl Session<'_> {
    fn failed(&self, action: &'static str) -> impl Fn(rusqlite::Error) -> Error {
        engine(action, self.path)
    }

    fn damaged(&self, what: String) -> Error {
        rows::damaged(self.path, what)
    }

    /// What `row` makes of every row of a query.
    fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        row: impl FnMut(&Row) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let query =
            || self.connection.prepare_cached(sql)?.query_map(params, row)?.collect::<rusqlite::Result<_>>();
        query().map_err(self.failed("read it"))
    }

    fn execute(&self, sql: &str, params: impl Params) -> Result<usize> {
        let run = || self.connection.prepare_cached(sql)?.execute(params);
        run().map_err(self.failed("write it"))
    }

    fn policy(&self, id: i64) -> Result<Arc<Policy>> {
        if let Some(policy) = self.definitions.get(id) {
            return Ok(policy);
        }
        let sql = "SELECT policy, prior FROM definition WHERE id = ?";
        let texts = |row: &Row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?));
        let found = self.connection.query_row(sql, [id], texts).optional();
        let texts = found.map_err(self.failed("read it"))?;
        let (text, prior) = texts.ok_or_else(|| self.damaged(format!("definition {id} is not there")))?;
        let policy = rows::policy(&text, prior.as_deref(), id, self.path)?;
        Ok(self.definitions.keep(id, Arc::new(policy)))
    }

    /// The id of a policy's definition, which is kept if it was not.
    fn definition(&self, policy: &Arc<Policy>) -> Result<i64> {
        if let Some(id) = self.definitions.id_of(policy) {
            return Ok(id);
        }
        let digest = of_value(&policy.definition());
        let find = |session: &Self| {
            let sql = "SELECT id FROM definition WHERE digest = ?";
            let found = session.connection.query_row(sql, [&digest], |row| row.get::<_, i64>(0));
            found.optional().map_err(session.failed("read it"))
        };
        let id = if let Some(id) = find(self)? {
            id
        } else {
            let toml = toml::to_string(&policy.definition()).expect("a policy is plain data");
            let (set, domain) = rows::looks_at(policy);
            self.execute(
                "INSERT INTO definition (digest, name, policy, feature_set, domain, prior) VALUES (?, ?, ?, ?, ?, ?)",
                params![digest, policy.name(), toml, set, domain, rows::prior(policy)],
            )?;
            self.connection.last_insert_rowid()
        };
        self.definitions.keep(id, Arc::clone(policy));
        Ok(id)
    }

    fn state(&self, row: StateRow) -> Result<StateRecord> {
        let policy = self.policy(row.definition)?;
        row.record(policy, self.path)
    }

    fn states_where(&self, rest: &str, params: impl Params) -> Result<Vec<StateRecord>> {
        let rows = self.all(&format!("SELECT {STATE} FROM state WHERE {rest}"), params, state_row)?;
        rows.into_iter().map(|raw| self.state(raw)).collect()
    }

    fn decision(&self, raw: RawDecision) -> Result<(i64, DecisionRecord)> {
        let RawDecision { place, definition, record } = raw;
        Ok((place, DecisionRecord { policy: self.policy(definition)?, ..record }))
    }
}

/// A row of the table `state`.
fn state_row(row: &Row) -> rusqlite::Result<StateRow> {
    Ok(StateRow {
        id: row.get(0)?,
        user: row.get_ref(1)?.as_str()?.into(),
        policy: row.get_ref(2)?.as_str()?.into(),
        definition: row.get(3)?,
        number: row.get(4)?,
        updates: row.get(5)?,
        model: row.get(6)?,
        revision: row.get(7)?,
        published: row.get(8)?,
    })
}

/// A row of the table `decision`, whose record has a policy that stands for nothing yet.
struct RawDecision {
    place: i64,
    definition: i64,
    record: DecisionRecord,
}

impl RawDecision {
    fn read(row: &Row, blank: &Arc<Policy>) -> rusqlite::Result<Self> {
        let text = |i: usize| Ok::<_, rusqlite::Error>(SmolStr::from(row.get_ref(i)?.as_str()?));
        let optional =
            |i: usize| Ok::<_, rusqlite::Error>(row.get_ref(i)?.as_str_or_null()?.map(SmolStr::from));
        let record = DecisionRecord {
            id: text(1)?,
            at: row.get::<_, i64>(2)? as u64,
            user: text(3)?,
            policy: Arc::clone(blank),
            seed: row.get::<_, i64>(5)? as u64,
            request: Arc::from(row.get_ref(6)?.as_str()?),
            scores: row.get(7)?,
            propensities: row.get(8)?,
            chosen: text(9)?,
            propensity: row.get(10)?,
            explored: row.get(11)?,
            shadow_of: optional(12)?,
            labels: DecisionLabels {
                experiment: optional(13)?,
                variant: optional(14)?,
                prompt_version: optional(15)?,
                prompt_digest: optional(16)?,
                model_version: optional(17)?,
                profile_lookup: optional(18)?,
            },
        };
        Ok(Self { place: row.get(0)?, definition: row.get(4)?, record })
    }
}

/// A row of the table `reward`.
fn reward_row(row: &Row) -> rusqlite::Result<RewardRow> {
    Ok(RewardRow {
        state: row.get(0)?,
        number: row.get(1)?,
        at: row.get(2)?,
        op: row.get(3)?,
        event: row.get_ref(4)?.as_str_or_null()?.map(SmolStr::from),
        answers_decision: row.get(5)?,
        reaction: row.get(6)?,
        dwell_seconds: row.get(7)?,
        reward: row.get(8)?,
        learned_from: row.get(9)?,
    })
}

impl Snapshot for Session<'_> {
    fn states(&self, keys: &[(&str, &str)]) -> Result<Vec<Option<StateRecord>>> {
        let mut query = self.connection.prepare_cached(&STATE_OF).map_err(self.failed("read it"))?;
        let mut find = |(user, policy): &(&str, &str)| {
            let found = query.query_row([user, policy], state_row).optional();
            found.map_err(self.failed("read it"))?.map(|raw| self.state(raw)).transpose()
        };
        keys.iter().map(&mut find).collect()
    }

    fn states_of(&self, user: &str) -> Result<Vec<StateRecord>> {
        self.states_where("user = ? ORDER BY policy", [user])
    }

    fn states_after(&self, (user, policy): (&str, &str), limit: usize) -> Result<Vec<StateRecord>> {
        let rest = "(user, policy) > (?, ?) AND model IS NOT NULL ORDER BY user, policy LIMIT ?";
        self.states_where(rest, params![user, policy, limit as i64])
    }

    fn states_from(&self, id: i64, limit: usize) -> Result<Vec<StateRecord>> {
        self.states_where("id >= ? ORDER BY id LIMIT ?", params![id, limit as i64])
    }

    fn unpublished(&self, from: i64, limit: usize) -> Result<Vec<StateRecord>> {
        let rest = "published < revision AND id >= ? ORDER BY id LIMIT ?";
        self.states_where(rest, params![from, limit as i64])
    }

    fn states_by_id(&self, ids: &[i64]) -> Result<Vec<StateRecord>> {
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            found.append(&mut self.states_where("id = ?", [id])?);
        }
        Ok(found)
    }

    fn decisions(&self, ids: &[&str]) -> Result<Vec<Option<DecisionRecord>>> {
        let blank = rows::blank();
        let sql = format!("SELECT {DECISION} FROM decision WHERE id = ?");
        let mut query = self.connection.prepare_cached(&sql).map_err(self.failed("read it"))?;
        let mut find = |id: &&str| {
            let found = query.query_row([id], |row| RawDecision::read(row, &blank)).optional();
            let raw = found.map_err(self.failed("read it"))?;
            raw.map(|raw| Ok(self.decision(raw)?.1)).transpose()
        };
        ids.iter().map(&mut find).collect()
    }

    fn decisions_after(
        &self,
        place: i64,
        filter: &LogFilter,
        limit: usize,
    ) -> Result<Vec<(i64, DecisionRecord)>> {
        let LogFilter { since, user } = filter;
        let blank = rows::blank();
        let sql = format!(
            "SELECT {DECISION} FROM decision WHERE place > ?1 AND (?2 IS NULL OR at >= ?2) AND (?3 IS NULL OR user = ?3) \
             ORDER BY place LIMIT ?4"
        );
        let params = params![place, since.map(|since| since as i64), user, limit as i64];
        let rows = self.all(&sql, params, |row| RawDecision::read(row, &blank))?;
        rows.into_iter().map(|raw| self.decision(raw)).collect()
    }

    fn rewards_after(&self, place: i64, filter: &LogFilter, limit: usize) -> Result<Vec<LoggedReward>> {
        let LogFilter { since, user } = filter;
        let columns =
            REWARD.split(", ").map(|column| format!("reward.{column}")).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "SELECT {columns}, place, user, definition FROM reward JOIN state ON state.id = reward.state \
             WHERE place > ?1 AND (?2 IS NULL OR at >= ?2) AND (?3 IS NULL OR user = ?3) ORDER BY place LIMIT ?4"
        );
        let params = params![place, since.map(|since| since as i64), user, limit as i64];
        let rows = self.all(&sql, params, |row| {
            let user = SmolStr::from(row.get_ref(11)?.as_str()?);
            Ok((reward_row(row)?, row.get::<_, i64>(10)?, user, row.get::<_, i64>(12)?))
        })?;
        let logged = |(raw, place, user, definition): (RewardRow, i64, SmolStr, i64)| {
            Ok(LoggedReward { place, user, policy: self.policy(definition)?, record: raw.record(self.path)? })
        };
        rows.into_iter().map(logged).collect()
    }

    fn entries_had(&self) -> Result<u64> {
        let sum =
            self.connection.query_row("SELECT coalesce(sum(number), 0) FROM state", [], |row| row.get(0));
        sum.map(|sum: i64| sum as u64).map_err(self.failed("read it"))
    }

    fn rewards_by_state(&self, visit: &mut dyn FnMut(RewardRecord) -> Result<()>) -> Result<()> {
        let failed = self.failed("read it");
        let sql = format!("SELECT {REWARD} FROM reward ORDER BY state, number");
        let mut query = self.connection.prepare_cached(&sql).map_err(&failed)?;
        let mut rows = query.query([]).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            visit(reward_row(row).map_err(&failed)?.record(self.path)?)?;
        }
        Ok(())
    }

    fn latest_rewards(&self, state: i64, limit: usize) -> Result<Vec<RewardRecord>> {
        let known = "SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = ?";
        let is_indexed = !self.all(known, [REWARD_STATE], |_| Ok(()))?.is_empty();
        let from = if is_indexed { "0" } else { "(SELECT max(place) FROM reward) - ?3" };
        let sql = format!(
            "SELECT {REWARD} FROM reward WHERE state = ?1 AND place > {from} ORDER BY number DESC LIMIT ?2"
        );
        let rows = if is_indexed {
            self.all(&sql, params![state, limit as i64], reward_row)?
        } else {
            self.all(&sql, params![state, limit as i64, LOOKED_AT], reward_row)?
        };
        rows.into_iter().map(|raw| raw.record(self.path)).collect()
    }

    fn prior_rewards(&self, events: &[(&str, i64)]) -> Result<Vec<Option<f64>>> {
        let sql = "SELECT reward FROM reward WHERE event = ? AND state = ?";
        let mut query = self.connection.prepare_cached(sql).map_err(self.failed("read it"))?;
        let mut find = |(event, state): &(&str, i64)| {
            query.query_row(params![event, state], |row| row.get(0)).optional()
        };
        events.iter().map(&mut find).collect::<rusqlite::Result<_>>().map_err(self.failed("read it"))
    }

    fn rollout_steps(&self, experiment: &str) -> Result<Vec<RolloutRecord>> {
        self.rollouts_where("experiment = ? ORDER BY revision", &[&experiment])
    }

    fn rollouts(&self) -> Result<Vec<RolloutRecord>> {
        let latest = "revision = (SELECT max(revision) FROM rollout other WHERE other.experiment = rollout.experiment) \
                      ORDER BY experiment";
        self.rollouts_where(latest, &[])
    }
}

impl Session<'_> {
    /// Steps of rollouts; none in a store that is older than they are, which nobody has written since.
    fn rollouts_where(&self, rest: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<RolloutRecord>> {
        let there = "SELECT count(*) FROM sqlite_schema WHERE name = 'rollout'";
        let there = self.connection.query_row(there, [], |row| row.get::<_, i64>(0));
        if there.map_err(self.failed("read it"))? == 0 {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT experiment, revision, at, action, share, digest, evidence FROM rollout WHERE {rest}"
        );
        self.all(&sql, values, |row| {
            let text = |i: usize| Ok::<_, rusqlite::Error>(SmolStr::from(row.get_ref(i)?.as_str()?));
            Ok(RolloutRecord {
                experiment: text(0)?,
                revision: row.get::<_, i64>(1)? as u64,
                at: row.get::<_, i64>(2)? as u64,
                action: text(3)?,
                share: row.get(4)?,
                digest: text(5)?,
                evidence: row.get(6)?,
            })
        })
    }

    /// Has what is removed overwritten with zeros, for whoever reads the file's bytes.
    fn overwrite(&self) -> Result<()> {
        let set = self.connection.pragma_update(None, "secure_delete", true);
        set.map_err(self.failed("write it"))
    }
}

impl Transaction for Session<'_> {
    fn add_decisions(&mut self, decisions: &[&DecisionRecord]) -> Result<()> {
        let sql = "INSERT INTO decision (id, at, user, definition, seed, request, scores, propensities, chosen, \
                   propensity, explored, shadow_of, experiment, variant, prompt_version, prompt_digest, model_version, \
                   profile_lookup) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING";
        let (connection, failed) = (self.connection, engine("write it", self.path));
        let mut insert = connection.prepare_cached(sql).map_err(&failed)?;
        for decision in decisions {
            let definition = self.definition(&decision.policy)?;
            let DecisionRecord { id, at, user, seed, request, scores, propensities, chosen, labels, .. } =
                decision;
            let (propensity, explored, shadow_of) =
                (decision.propensity, decision.explored, decision.shadow_of.as_deref());
            let added = insert.execute(params![
                id.as_str(),
                *at as i64,
                user.as_str(),
                definition,
                *seed as i64,
                &**request,
                scores,
                propensities,
                chosen.as_str(),
                propensity,
                explored,
                shadow_of,
                labels.experiment.as_deref(),
                labels.variant.as_deref(),
                labels.prompt_version.as_deref(),
                labels.prompt_digest.as_deref(),
                labels.model_version.as_deref(),
                labels.profile_lookup.as_deref()
            ]);
            added.map_err(&failed)?;
        }
        Ok(())
    }

    fn add_rewards(&mut self, rewards: &[RewardRecord]) -> Result<()> {
        let sql = format!("INSERT INTO reward ({REWARD}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        let (connection, failed) = (self.connection, engine("write it", self.path));
        let mut insert = connection.prepare_cached(&sql).map_err(&failed)?;
        for RewardRecord { state, number, at, change } in rewards {
            let columns = ChangeColumns::from(change);
            let added = insert.execute(params![
                state,
                *number as i64,
                *at as i64,
                columns.op,
                columns.event,
                columns.answers_decision,
                columns.reaction,
                columns.dwell_seconds,
                columns.reward,
                columns.learned_from
            ]);
            added.map_err(&failed)?;
        }
        Ok(())
    }

    fn write_states(&mut self, states: &mut [StateRecord]) -> Result<()> {
        for state in states {
            let definition = self.definition(&state.policy)?;
            let counts = [state.number, state.updates, state.revision].map(|count| count as i64);
            let published = state.published.map(|revision| revision as i64);
            let [number, updates, revision] = counts;
            if state.id == 0 {
                self.execute(
                    "INSERT INTO state (user, policy, definition, number, updates, model, revision, published) \
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    params![
                        state.user.as_str(),
                        state.policy.name(),
                        definition,
                        number,
                        updates,
                        state.model,
                        revision,
                        published
                    ],
                )?;
                state.id = self.connection.last_insert_rowid();
            } else {
                self.execute(
                    "UPDATE state SET definition = ?, number = ?, updates = ?, model = ?, revision = ?, published = ? \
                     WHERE id = ?",
                    params![definition, number, updates, state.model, revision, published, state.id],
                )?;
            }
        }
        Ok(())
    }

    fn mark_published(&mut self, states: &[(i64, u64)]) -> Result<()> {
        for (id, revision) in states {
            let sql = "UPDATE state SET published = ?2 WHERE id = ?1 AND published < ?2";
            self.execute(sql, params![id, *revision as i64])?;
        }
        Ok(())
    }

    fn erase_states(&mut self, ids: &[i64]) -> Result<()> {
        self.overwrite()?;
        for id in ids {
            self.execute("DELETE FROM reward WHERE state = ?", [id])?;
            self.execute("DELETE FROM state WHERE id = ?", [id])?;
        }
        Ok(())
    }

    fn erase_decisions(&mut self, user: &str, policy: Option<&str>) -> Result<u64> {
        self.overwrite()?;
        let sql = "DELETE FROM decision WHERE user = ?1 AND \
                   (?2 IS NULL OR definition IN (SELECT id FROM definition WHERE name = ?2))";
        Ok(self.execute(sql, params![user, policy])? as u64)
    }

    fn spend(&mut self, user: &str, day: i64, tokens: i64, most: i64) -> Result<bool> {
        if tokens > most {
            return Ok(false);
        }
        let sql = "INSERT INTO spending AS s (user, day, tokens) VALUES (?1, ?2, max(?3, 0)) ON CONFLICT (user) DO UPDATE \
                   SET tokens = max(iif(s.day = ?2, s.tokens, 0) + ?3, 0), day = ?2 \
                   WHERE iif(s.day = ?2, s.tokens, 0) + ?3 <= ?4";
        self.execute(sql, params![user, day, tokens, most]).map(|changed| changed > 0)
    }

    fn erase_spending(&mut self, user: &str) -> Result<()> {
        self.overwrite()?;
        self.execute("DELETE FROM spending WHERE user = ?", [user]).map(drop)
    }

    fn prune_decisions(&mut self, before: u64, limit: usize) -> Result<u64> {
        let sql = "DELETE FROM decision WHERE place IN (SELECT place FROM decision WHERE at < ? LIMIT ?)";
        Ok(self.execute(sql, params![before as i64, limit as i64])? as u64)
    }

    fn prune_rewards(&mut self, state: i64, up_to: u64) -> Result<u64> {
        let sql = "DELETE FROM reward WHERE state = ? AND number <= ?";
        Ok(self.execute(sql, params![state, up_to as i64])? as u64)
    }

    fn add_rollout_step(&mut self, step: &RolloutRecord) -> Result<bool> {
        let RolloutRecord { experiment, revision, at, action, share, digest, evidence } = step;
        let sql = "INSERT INTO rollout (experiment, revision, at, action, share, digest, evidence) \
                   VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (experiment, revision) DO NOTHING";
        let (revision, at) = (*revision as i64, *at as i64);
        let values =
            params![experiment.as_str(), revision, at, action.as_str(), share, digest.as_str(), evidence];
        Ok(self.execute(sql, values)? == 1)
    }
}
