//! This program's own logs: files of decisions, and the rewards that followed in files of their own.
//!
//! The rewards are read first and kept, 48 bytes each, so that the decisions can stream past them. Shadow
//! decisions were shown to nobody and are passed over; decisions without a reward are counted and left out, and
//! of these the ids are kept, some 20 bytes each. Both are checked all the same, and so is the checksum of every line
//! that has one.

use super::checks::{checked_among, checked_propensity};
use super::format::{FormatInput, FormatRule};
use super::lines::{LazyLogLines, LogLine, LogLines};
use super::parsed_lines::ParsedLines;
use super::place::malformed;
use super::reader::LogReader;
use super::rewards::{Rewards, key, undamaged};
use super::vocabulary::LogVocabulary;
use crate::base::error::{Fault, Result, within};
use crate::base::stats::Moments;
use crate::domain::request::{RawRequest, Request};
use crate::domain::{Domain, InputValue};
use crate::evaluation::inputs::InputPlaces;
use crate::evaluation::row::{ListedItem, Row};
use crate::features::{FeatureBlock, FeatureSet};
use crate::policy::RawDefinition;
use crate::service::log_files::rewards_of;
use crate::store::log_line::DecisionLine;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::collections::HashSet;

/// How far two writings of the same probability may be apart.
const SAME: f64 = 1e-9;

/// Mean delay of rewards, in seconds, from which on it is worth saying.
const SLOW: f64 = 60.0;

/// How far probabilities of all candidates may be from adding up to 1.
const WHOLE: f64 = 1e-6;

/// The format of this program's own logs.
pub(super) struct Rehearsal;

impl FormatRule for Rehearsal {
    const NAME: &'static str = "rehearsal";

    fn detects(first_line: &str) -> bool {
        first_line.starts_with('{') && first_line.contains("\"decision_id\"")
    }

    /// Reads all files of a log together, and the rewards before them.
    fn open(input: FormatInput) -> Result<Box<dyn LogReader>> {
        let FormatInput { path, lines, source, before, options, .. } = input;
        let rewards = source.rewards.take().map_or_else(|| rewards_of(&path), Ok)?;
        let first: LazyLogLines = Box::new(|| Ok(lines));
        let decisions = [first].into_iter().chain(source.files.drain(..).map(LogLines::lazily)).collect();
        let rewards = rewards.into_iter().map(LogLines::lazily).collect();
        let log = RehearsalLog::new(source.origin.clone(), decisions, rewards)?;
        Ok(Box::new(log.after(std::mem::take(before)).with_domain(options.domain)))
    }
}

/// Decisions with their rewards.
pub(super) struct RehearsalLog {
    /// The files of decisions that are yet to come, the next one last.
    segments: Vec<LazyLogLines>,
    lines: Option<ParsedLines<LoggedDecision>>,
    origin: String,
    rewards: Rewards,
    shadows: u64,
    /// Decisions without a reward, by key: one that stands twice is an error whether or not it has one.
    unrewarded: HashSet<[u64; 2]>,
    rewarded: u64,
    delays: Moments,
    /// Keys of the decisions of logs that were read before, sorted: none of them stands here again.
    before: Vec<[u64; 2]>,
    /// The domain of the log, once that is known, and where its inputs go if somebody looks at them.
    domain: Option<&'static Domain>,
    places: Option<InputPlaces>,
    /// Decisions of which nothing was heard for as long as the domain waits.
    defaulted: u64,
}

/// The domain that a line's policy is of.
fn domain_of(spec: Option<&RawDefinition>) -> &'static Domain {
    let set = match spec {
        Some(RawDefinition::BuiltIn(spec)) => spec.features.known().ok(),
        _ => None,
    };
    set.map_or_else(Domain::tips, FeatureSet::domain)
}

/// A decision that holds what it must.
struct LoggedDecision {
    decision_id: String,
    key: [u64; 2],
    user: String,
    shadow: bool,
    chosen: usize,
    propensity: Option<f64>,
    propensities: Option<Vec<f64>>,
    request: Request,
    /// The vectors of its candidates; none of a shadow's.
    features: FeatureBlock,
    time_ms: u64,
}

/// The decision on a line, with its request, checked against the inputs of its policy's domain.
fn parse(at: LogLine) -> Result<Option<LoggedDecision>> {
    undamaged(at)?;
    match at.json::<DecisionLine<RawRequest>>() {
        Ok(mut line) if domain_of(line.spec.as_ref()).is_tips() => {
            let request = Request::try_from(std::mem::take(&mut line.request));
            return checked(at, line, request.map_err(|f| at.fault("request", f.within("request")))?);
        }
        Ok(_) => {}
        // Requests of other domains have other fields.
        Err(error) => {
            let other = at.json::<DecisionLine<IgnoredAny>>();
            if !other.is_ok_and(|line| !domain_of(line.spec.as_ref()).is_tips()) {
                return Err(error);
            }
        }
    }
    let line: DecisionLine<&RawValue> = at.json()?;
    let domain = domain_of(line.spec.as_ref());
    let request = Request::from_json_of(domain, line.request.get().as_bytes(), "request");
    let request = request.map_err(|error| malformed(at.place(), error))?;
    checked(at, line, request)
}

/// The decision on a line whose request is checked.
fn checked<R>(at: LogLine, line: DecisionLine<R>, request: Request) -> Result<Option<LoggedDecision>> {
    let fault = |key: &str, fault: Fault| at.fault(key, fault);
    for (key, text) in [("decision_id", &line.decision_id), ("user", &line.user)] {
        if text.is_empty() {
            return Err(fault(key, Fault::new(key, "\"\"", "a name of at least one character")));
        }
    }
    let candidates = request.candidates();
    let chosen = candidates.iter().position(|c| c.id == *line.chosen).ok_or_else(|| {
        fault("chosen", Fault::new("chosen", format!("{:?}", line.chosen), "the id of a candidate"))
    })?;
    let propensity = line.propensity.map(|p| checked_propensity("propensity", p)).transpose();
    let propensity = propensity.map_err(|f| fault("propensity", f))?;
    if let Some(all) = &line.propensities {
        if all.len() != candidates.len() {
            let value = format!("a list of {}", all.len());
            let allowed = format!("{}, as candidates", candidates.len());
            return Err(fault("propensities", Fault::new("propensities", value, allowed)));
        }
        for (k, p) in all.iter().enumerate() {
            within(&format!("propensities[{k}]"), *p, 0.0, 1.0).map_err(|f| fault("propensities", f))?;
        }
        let sum: f64 = all.iter().sum();
        if (sum - 1.0).abs() > WHOLE * all.len() as f64 {
            let value = format!("a list that adds up to {sum}");
            return Err(fault("propensities", Fault::new("propensities", value, "one that adds up to 1")));
        }
        if let Some(p) = propensity.filter(|p| (p - all[chosen]).abs() > SAME) {
            let allowed = format!("{}, as the chosen one has in propensities", all[chosen]);
            return Err(fault("propensity", Fault::new("propensity", p, allowed)));
        }
    }
    if let Some(p) = propensity {
        checked_among("propensity", p, candidates.len()).map_err(|f| fault("propensity", f))?;
    }
    let features = if line.shadow || !request.domain().is_tips() {
        FeatureBlock::default()
    } else {
        FeatureBlock::of(FeatureSet::WIDEST, request.offered())
    };
    let DecisionLine { decision_id, user, shadow, propensities, time_ms, .. } = line;
    let key = key(&decision_id);
    let (decision_id, user) = (decision_id.into_owned(), user.into_owned());
    Ok(Some(LoggedDecision {
        decision_id,
        key,
        user,
        shadow,
        chosen,
        propensity,
        propensities,
        request,
        features,
        time_ms,
    }))
}

impl RehearsalLog {
    /// The decisions in some files, one after the other, with the rewards in others.
    ///
    /// # Errors
    /// Rewards that cannot be read, a bad line among them, two rewards for one decision.
    pub(super) fn new(
        origin: String,
        mut decisions: Vec<LazyLogLines>,
        rewards: Vec<LazyLogLines>,
    ) -> Result<Self> {
        decisions.reverse();
        Ok(Self {
            segments: decisions,
            lines: None,
            origin,
            rewards: Rewards::read(rewards)?,
            shadows: 0,
            unrewarded: HashSet::new(),
            rewarded: 0,
            delays: Moments::default(),
            before: Vec::new(),
            domain: None,
            places: None,
            defaulted: 0,
        })
    }

    /// The same, of a log of this domain whose inputs are looked at.
    pub(super) fn with_domain(self, domain: Option<&'static Domain>) -> Self {
        Self { domain, places: domain.map(InputPlaces::new), ..self }
    }

    /// The same, after logs with these decisions, sorted.
    pub(super) fn after(self, before: Vec<[u64; 2]>) -> Self {
        Self { before, ..self }
    }
}

impl LoggedDecision {
    fn fill(self, row: &mut Row, names: &mut LogVocabulary, places: Option<&InputPlaces>) {
        let candidates = self.request.candidates();
        row.chosen = self.chosen as u32;
        row.propensity = self.propensity;
        row.listed.clear();
        for (k, candidate) in candidates.iter().enumerate() {
            row.listed.push(ListedItem {
                item: names.items.number(candidate.id.as_bytes()),
                kind: names.kinds.number(candidate.kind.as_deref().unwrap_or("").as_bytes()),
                propensity: self.propensities.as_ref().map_or(f64::NAN, |p| p[k]),
            });
        }
        row.features.clear();
        row.features.extend_from_slice(self.features.rows());
        names.of_user(self.user.as_bytes(), row);
        let (offered, domain) = (self.request.offered(), self.request.domain());
        row.moment = domain.is_tips().then(|| self.request.context());
        row.request = names.keeps_requests.then(|| self.request.offer_text().into());
        if let Some(places) = places {
            places.write(row, names, candidates.len(), |of, n, k| {
                domain.slot_of(of, n).map_or(InputValue::Unknown, |slot| offered.value(slot, k))
            });
        }
    }
}

impl LogReader for RehearsalLog {
    fn next(&mut self, row: &mut Row, names: &mut LogVocabulary) -> Result<bool> {
        loop {
            let Some(lines) = &mut self.lines else {
                let Some(segment) = self.segments.pop() else { return Ok(false) };
                self.lines = Some(ParsedLines::new(segment()?, parse));
                continue;
            };
            let Some(line) = lines.next()? else {
                self.lines = None;
                continue;
            };
            let (own, expected) = (line.request.domain(), *self.domain.get_or_insert(line.request.domain()));
            if own != expected {
                let allowed = format!("{}; log those of one domain apart", expected.label());
                return Err(lines.line().fault("request", Fault::new("domain", own.label(), allowed)));
            }
            if line.shadow {
                self.shadows += 1;
                continue;
            }
            let mut reward = self.rewards.of(&line.decision_id, &line.user, lines.line())?;
            let again = match &mut reward {
                Some(reward) => std::mem::replace(&mut reward.met, true),
                None => !self.unrewarded.insert(line.key),
            };
            // There is nothing before but where several logs are read.
            let again = again || !self.before.is_empty() && self.before.binary_search(&line.key).is_ok();
            if again {
                let value = format!("{:?} again", line.decision_id);
                let fault = Fault::new("decision_id", value, "each decision once");
                return Err(lines.line().fault("decision_id", fault));
            }
            if let Some(reward) = reward {
                row.reward = reward.value;
                self.delays.observe(reward.time_ms.saturating_sub(line.time_ms) as f64 / 1000.0);
                self.rewarded += 1;
            } else {
                // What was heard of others tells until when one has waited.
                let waited = |wait: u64| line.time_ms.saturating_add(wait) <= self.rewards.latest;
                let default = expected.default_reward().filter(|(_, wait)| waited(*wait));
                let Some((value, _)) = default else { continue };
                row.reward = value;
                self.unrewarded.remove(&line.key);
                self.defaulted += 1;
            }
            line.fill(row, names, self.places.as_ref());
            return Ok(true);
        }
    }

    fn origin(&self) -> &str {
        &self.origin
    }

    fn place(&self) -> String {
        self.lines.as_ref().map_or_else(|| self.origin.clone(), |lines| lines.line().place())
    }

    fn remarks(&self) -> Vec<String> {
        let Self { shadows, rewarded, .. } = self;
        let unrewarded = self.unrewarded.len() as u64;
        let mut remarks = Vec::new();
        if unrewarded > 0 {
            let share = 100.0 * unrewarded as f64 / (unrewarded + rewarded) as f64;
            remarks.push(format!(
                "{}: {unrewarded} decisions ({share:.1}%) have no reward and were left out; if what is missing \
                 depends on what followed, the estimates are off",
                self.origin()
            ));
        }
        let orphans = self.rewards.all.iter().filter(|reward| !reward.met).count();
        if orphans > 0 {
            remarks.push(format!(
                "{}: {orphans} rewards belong to no decision that was read and were left out; is a file missing?",
                self.origin()
            ));
        }
        if self.defaulted > 0 {
            let outcome = self.domain.and_then(|domain| domain.raw().default_outcome.as_deref());
            remarks.push(format!(
                "{}: {} decisions of which nothing was heard count as {:?}, the default outcome of the domain",
                self.origin(),
                self.defaulted,
                outcome.unwrap_or_default()
            ));
        }
        if *shadows > 0 {
            remarks.push(format!("{}: {shadows} shadow decisions were passed over", self.origin()));
        }
        remarks
    }

    fn notes(&self) -> Vec<String> {
        let slow = self.delays.mean().filter(|mean| *mean >= SLOW);
        let note = |mean: f64| {
            let origin = self.origin();
            format!(
                "{origin}: rewards came {mean:.0} seconds after the decision on average; policies that learn had them at once"
            )
        };
        slow.map(note).into_iter().collect()
    }

    fn take_keys(&mut self) -> Vec<[u64; 2]> {
        let met = self.rewards.all.iter().filter(|reward| reward.met).map(|reward| reward.key);
        let own = met.chain(self.unrewarded.iter().copied());
        let mut keys: Vec<[u64; 2]> = own.chain(std::mem::take(&mut self.before)).collect();
        keys.sort_unstable();
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::read_all;
    use super::*;
    use std::io::Cursor;

    const DECISION: &str = r#"{"decision_id":"d1","user":"ann","policy":"egreedy-v1","shadow":false,"chosen":"b","propensity":0.05,"explored":true,"scores":[0.1,0],"propensities":[0.95,0.05],"seed":1,"request":{"context":{"hour":8.5,"weekday":0},"candidates":[{"id":"a","kind":"rest"},{"id":"b","kind":"focus"}]},"time_ms":1000}"#;
    const REWARD: &str = r#"{"seq":1,"user":"ann","policy":"egreedy-v1","op":"reward","prev":0,"event":"d1","reward":-0.5,"decision_id":"d1","reaction":"dismissed","request":{},"time_ms":4000}"#;

    fn segment(text: &str, name: &'static str) -> LazyLogLines {
        let text = text.to_owned();
        Box::new(move || Ok(LogLines::new(Box::new(Cursor::new(text)), name)))
    }

    fn read(decisions: &str, rewards: &str) -> Result<(Vec<Row>, Vec<String>)> {
        let rewards = vec![segment(rewards, "rewards.jsonl")];
        let decisions = vec![segment(decisions, "decisions.jsonl")];
        let mut log = RehearsalLog::new("decisions.jsonl".to_owned(), decisions, rewards)?;
        let rows = read_all(&mut log)?;
        Ok((rows, log.remarks()))
    }

    #[test]
    fn decisions_meet_their_rewards() {
        let shadow = DECISION.replace("\"shadow\":false", "\"shadow\":true");
        let unrewarded = DECISION.replace("d1", "d2");
        let reset = r#"{"seq":2,"user":"ann","op":"reset","policies":{"egreedy-v1":1},"time_ms":5000}"#;
        let twice = REWARD.replace("egreedy-v1", "egreedy-v2");
        let decisions = format!("{DECISION}\n{shadow}\n{unrewarded}\n");
        let orphan = REWARD.replace("d1", "d9");
        let (rows, remarks) = read(&decisions, &format!("{REWARD}\n{reset}\n{twice}\n{orphan}\n")).unwrap();
        assert_eq!(rows.len(), 1);
        let row = &rows[0];
        assert_eq!((row.chosen, row.reward, row.propensity), (1, -0.5, Some(0.05)));
        assert_eq!(row.listed.iter().map(|l| (l.item, l.kind)).collect::<Vec<_>>(), [(0, 0), (1, 1)]);
        assert_eq!(row.features.len(), 2 * FeatureSet::WIDEST.dim());
        let said = remarks.join("; ");
        assert!(said.contains("1 decisions (50.0%) have no reward"), "{said}");
        assert!(said.contains("1 rewards belong to no decision that was read"), "{said}");
        assert!(said.contains("1 shadow decisions") && !said.contains("seconds"), "{said}");
    }

    #[test]
    fn slow_rewards_are_noted() {
        for (time, expected) in [("60999", 0), ("61000", 1)] {
            let decisions = vec![segment(DECISION, "decisions.jsonl")];
            let reward = REWARD.replace("4000", time);
            let rewards =
                vec![Box::new(move || Ok(LogLines::new(Box::new(Cursor::new(reward)), "rewards.jsonl")))
                    as LazyLogLines];
            let mut log = RehearsalLog::new("decisions.jsonl".to_owned(), decisions, rewards).unwrap();
            assert_eq!(read_all(&mut log).unwrap().len(), 1);
            assert_eq!(log.notes().len(), expected, "{time}: {:?}", log.notes());
        }
    }

    #[test]
    fn an_unknown_propensity_is_unknown_and_a_wrong_one_an_error() {
        let unknown =
            DECISION.replace("\"propensity\":0.05", "\"propensity\":null").replace("[0.95,0.05]", "null");
        let (rows, _) = read(&unknown, REWARD).unwrap();
        assert_eq!(rows[0].propensity, None);
        assert!(rows[0].listed[0].propensity.is_nan());
        for (from, to, expected) in [
            (
                "\"propensity\":0.05",
                "\"propensity\":0",
                "decisions.jsonl, line 2, column 84: propensity is 0;",
            ),
            ("\"propensity\":0.05,", "\"propensity\":-1,", "propensity is -1;"),
            (
                "\"chosen\":\"b\"",
                "\"chosen\":\"c\"",
                "column 71: chosen is \"c\"; allowed: the id of a candidate",
            ),
            ("[0.95,0.05]", "[0.9,0.05]", "propensities is a list that adds up to 0.95"),
            ("[0.95,0.05]", "[1]", "propensities is a list of 1; allowed: 2, as candidates"),
            ("\"hour\":8.5", "\"hour\":24", "request.context.hour is 24;"),
            ("\"time_ms\":1000", "\"time\":1000", "missing field `time_ms`"),
        ] {
            let bad = DECISION.replace(from, to);
            let message = read(&format!("\n{bad}\n"), REWARD).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
        let bad = REWARD.replace("\"user\":\"ann\"", "\"user\":\"bob\"");
        let message = read(DECISION, &format!("{REWARD}\n{bad}\n")).unwrap_err().to_string();
        assert_eq!(
            message,
            "rewards.jsonl, line 2, column 1: user is another; allowed: \"ann\", as its decision has at \
             decisions.jsonl, line 1, column 1"
        );
        let bad = REWARD.replace("\"reward\":-0.5,", "");
        let message = read(DECISION, &bad).unwrap_err().to_string();
        assert!(message.starts_with("rewards.jsonl, line 1, column"), "{message}");
    }
}
