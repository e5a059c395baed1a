//! Vowpal Wabbit's `dsjson`: one decision a line, with a cost, a probability and its own list of actions.
//!
//! An action is known by its `_tag`, else by all that it says of itself; [`super::described`] tells which
//! features are read. The reward is minus the cost. Keys that are read stand once in their object; others may hold
//! anything, as often as they like.

use super::checks::{SAME, checked_among, checked_probability, checked_propensity, checked_reward};
use super::described::{Described, Feature};
use super::distinct::{Distinct, DistinctObject};
use super::dsjson_line::DsjsonLine;
use super::format::{FormatInput, FormatRule, ReadOptions};
use super::json_members;
use super::lines::{LogLine, LogLines};
use super::look_ahead::{DescribedLog, LookAhead};
use super::observations::Observations;
use super::parsed_lines::ParsedLines;
use super::reader::LogReader;
use super::said::Said;
use super::so_far::{EventMet, SoFar};
use super::timestamp::{TimeStamp, allowed_moment, moment};
use super::vocabulary::{LogVocabulary, untagged_remark};
use crate::base::error::{Error, Fault, Result};
use crate::domain::request;
use crate::evaluation::row::{ListedItem, Row};
use serde::Serialize;
use serde::de::IgnoredAny;

/// What to do about two candidates with the same tag.
pub(super) const SAME_TAGS: &str = "each action of a decision once; --same-tags, in a gate `same_tags = true`, tells \
                                    candidates with the same tag apart by their places";

/// The format of Vowpal Wabbit's `dsjson`.
pub(super) struct Dsjson;

impl FormatRule for Dsjson {
    const NAME: &'static str = "dsjson";
    const HAS_ACTIONS: bool = true;

    fn detects(first_line: &str) -> bool {
        first_line.starts_with('{')
    }

    fn open(input: FormatInput) -> Result<Box<dyn LogReader>> {
        Ok(Box::new(LookAhead::new(DsjsonLog::new(input.lines, input.options, input.so_far))))
    }
}

/// A line of such a log.
enum DsjsonRecord {
    /// One that the program that logged has put in for itself.
    Mark,
    Line(Box<DsjsonLine>),
}

/// Whether a line is one that logging programs put between decisions, such as `[CHECKPOINT INFO LINE]`: words in brackets
/// that are no list.
pub(super) fn is_mark(line: &[u8]) -> bool {
    line.starts_with(b"[") && line.ends_with(b"]") && serde_json::from_slice::<IgnoredAny>(line).is_err()
}

fn parse(line: LogLine) -> Result<Option<DsjsonRecord>> {
    if is_mark(line.text()) {
        return Ok(Some(DsjsonRecord::Mark));
    }
    Ok(Some(DsjsonRecord::Line(Box::new(line.json()?))))
}

/// A `dsjson` log.
pub(super) struct DsjsonLog {
    lines: ParsedLines<DsjsonRecord>,
    same_tags: bool,
    so_far: SoFar,
    /// Lines that are passed over, by why.
    passed_over: PassedOver,
    /// Decisions whose cost is not the one that was logged first.
    relabelled: u64,
    observations: Observations,
    described: Said,
    /// Actions without a tag that were not told apart.
    others: u64,
    /// Whether any decision counts.
    has_decided: bool,
    /// The decision, by its number, in which each item was listed last.
    listed_in: Vec<u64>,
    /// Decisions that were begun.
    decisions: u64,
}

/// How many lines are passed over, by why.
#[derive(Default)]
struct PassedOver {
    marks: u64,
    /// Decisions that say that nothing is to be learned from them.
    skipped: u64,
    /// Decisions that were put off, and never made.
    deferred: u64,
    /// Events that stand there once more.
    again: u64,
}

/// Hands every feature below `object`, which stands in this namespace, on. What begins with '_' is about the action, not of it.
fn features(object: &DistinctObject, namespace: &str, described: &mut Said) -> Result<(), Fault> {
    for (name, value) in object.iter().filter(|(name, _)| !name.starts_with('_')) {
        feature(name, value, namespace, described)?;
    }
    Ok(())
}

/// Hands a feature on, or all below it: a namespace is an object or a list of them.
fn feature(name: &str, value: &Distinct, namespace: &str, described: &mut Said) -> Result<(), Fault> {
    let said = match value {
        Distinct::Object(inner) => return features(inner, name, described),
        Distinct::List(list)
            if !list.is_empty()
                && list.iter().all(|one| matches!(one, Distinct::Object(_) | Distinct::List(_))) =>
        {
            return list.iter().try_for_each(|one| feature(name, one, namespace, described));
        }
        // Of inputs that are declared null is unknown, as in a request.
        Distinct::Null if described.is_declared() => return Ok(()),
        Distinct::Number(number) => number.as_f64().map_or(Feature::Other, Feature::Number),
        Distinct::Text(text) => Feature::Text(text),
        Distinct::Bool(flag) => Feature::Flag(*flag),
        Distinct::Null | Distinct::List(_) => Feature::Other,
    };
    described.take(namespace, name, said)
}

/// What was JSON as JSON.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("it was read from JSON")
}

impl DsjsonLog {
    pub(super) fn new(lines: LogLines, options: &ReadOptions, so_far: &SoFar) -> Self {
        Self {
            lines: ParsedLines::new(lines, parse),
            same_tags: options.same_tags,
            so_far: so_far.clone(),
            passed_over: PassedOver::default(),
            relabelled: 0,
            observations: Observations::default(),
            described: Said::new(options, so_far),
            others: 0,
            has_decided: false,
            listed_in: Vec::new(),
            decisions: 0,
        }
    }

    /// Reads a decision into `row`. One that counts has a label; of others what is there of it is checked.
    fn fill(
        &mut self,
        line: &DsjsonLine,
        counts: bool,
        row: &mut Row,
        names: &mut LogVocabulary,
    ) -> Result<()> {
        let at = self.lines.line();
        let fault = |key: &str, value: String, allowed: &str| at.fault(key, Fault::new(key, value, allowed));
        let missing = |key: &str, allowed: &str| fault(key, "missing".to_owned(), allowed);
        if line.outcomes.is_some() {
            let allowed =
                "none: a decision of several slots (ccb, slates) is not read, only one with one choice";
            return Err(fault("_outcomes", "there".to_owned(), allowed));
        }
        let cost = line.cost.as_ref().map(|cost| {
            let cost = cost.0.ok_or_else(|| fault("_label_cost", "null".to_owned(), "a number"))?;
            checked_reward("_label_cost", cost).map_err(|f| at.fault("_label_cost", f))
        });
        let cost = cost.transpose()?;
        if cost.is_none() && counts {
            return Err(missing("_label_cost", "a number"));
        }
        row.reward = -cost.unwrap_or(0.0);
        let propensity = line.probability.map(|p| checked_propensity("_label_probability", p)).transpose();
        row.propensity = propensity.map_err(|f| at.fault("_label_probability", f))?;
        if row.propensity.is_none() && counts {
            return Err(missing("_label_probability", "a number in (0, 1]"));
        }
        if let Some(pdrop) = line.pdrop.filter(|p| *p != 0.0) {
            let allowed = "0: a log from which decisions were dropped is not what happened";
            return Err(fault("pdrop", pdrop.to_string(), allowed));
        }
        let candidates = line.context.as_ref().map_or(&[][..], |c| &c.multi[..]);
        if candidates.is_empty() {
            return Err(missing("_multi", "the list of actions, in c"));
        }
        if counts || line.says_what_was_chosen() {
            row.chosen = chosen(at, line, candidates.len())? as u32;
        }
        row.listed.clear();
        self.decisions += 1;
        let mut others = 0;
        for (k, candidate) in candidates.iter().enumerate() {
            let tag = match candidate.get("_tag") {
                None => None,
                Some(Distinct::Text(tag)) if !tag.is_empty() && tag.trim() == tag => Some(tag),
                Some(other) => {
                    let allowed = match other {
                        Distinct::Text(_) => "the name of an action, without blanks around it",
                        _ => "the name of an action as a text, in quotes: \"7\" for 7",
                    };
                    return Err(fault_of(at, Some(k), Fault::new("_tag", json(other), allowed)));
                }
            };
            // An action without a tag is known by all that it says of itself.
            let item = if let Some(tag) = tag {
                names.tagged(tag.as_bytes())
            } else {
                let (item, own) = names.untagged(json(candidate).as_bytes());
                others += u64::from(!own);
                item
            };
            if item as usize >= self.listed_in.len() {
                self.listed_in.resize(item as usize + 1, 0);
            }
            let again = std::mem::replace(&mut self.listed_in[item as usize], self.decisions)
                == self.decisions
                && !self.same_tags;
            if let Some(twice) = tag.filter(|_| again) {
                let twice = Fault::new("_tag", format!("{twice:?} again"), SAME_TAGS);
                return Err(fault_of(at, Some(k), twice));
            }
            row.listed.push(ListedItem { item, kind: item, propensity: f64::NAN });
        }
        take_probabilities(at, line, row)?;
        if let Some(propensity) = row.propensity {
            let among = checked_among("_label_probability", propensity, candidates.len());
            among.map_err(|f| at.fault("_label_probability", f))?;
        }
        let stamped = line.timestamp.as_ref().map(|stamp| moment_of(at, stamp)).transpose()?.flatten();
        self.others += others;
        let described = &mut self.described;
        described.begin();
        let context = line.context.as_ref().expect("it has candidates");
        let mut of = None;
        let said = features(&context.shared, "", described).and_then(|()| {
            for (k, candidate) in candidates.iter().enumerate() {
                of = Some(k);
                described.begin_action();
                features(candidate, "", described)?;
            }
            of = None;
            described.fill(row, names, stamped)
        });
        said.map_err(|fault| fault_of(at, of, fault))
    }

    /// Reads a line into `row`; whether it is a decision that counts.
    fn take(&mut self, line: &DsjsonLine, row: &mut Row, names: &mut LogVocabulary) -> Result<bool> {
        if line.is_reward_alone() {
            let at = self.lines.line();
            line.timestamp.as_ref().map(|stamp| moment_of(at, stamp)).transpose()?;
            self.observations.take_alone(line);
            return Ok(false);
        }
        let (skipped, deferred) = (line.skip == Some(true), line.was_never_shown());
        // What is not to be learned from is well-formed all the same, but need have no label, and tells nothing of
        // what the log could choose.
        let (mark, shape, others) = (names.mark(), self.described.described.shape(), self.others);
        let counts = !skipped && !deferred;
        self.fill(line, counts, row, names)?;
        if counts && !self.is_again(line, row)? {
            let original = line.original_cost.filter(|cost| *cost != -row.reward);
            self.relabelled += u64::from(original.is_some());
            self.observations.take(line, row.reward);
            return Ok(true);
        }
        names.take_back(mark);
        self.described.described.restore(shape);
        self.others = others;
        let passed_over = &mut self.passed_over;
        let counter = match (skipped, deferred) {
            (true, _) => &mut passed_over.skipped,
            (_, true) => &mut passed_over.deferred,
            _ => &mut passed_over.again,
        };
        *counter += 1;
        Ok(false)
    }

    /// Whether a decision that counts is one that was met before.
    fn is_again(&self, line: &DsjsonLine, row: &Row) -> Result<bool> {
        let Some(id) = line.event_id() else { return Ok(false) };
        match self.so_far.meet(id, row.chosen, row.propensity, row.reward) {
            EventMet::First => Ok(false),
            EventMet::Again => Ok(true),
            EventMet::Otherwise => {
                let allowed = "each event once, or with the same label; which one is right?";
                let fault = Fault::new("EventId", format!("{id:?} again"), allowed);
                Err(self.lines.line().fault("EventId", fault))
            }
        }
    }
}

/// A fault of what action `action` says of itself, from 0, or of what is said of all.
fn fault_of(line: LogLine, action: Option<usize>, fault: Fault) -> Error {
    let (text, key) = (line.text(), fault.field.clone());
    let found = || {
        let context = json_members::field(text, 0, "c")?.value;
        let multi = json_members::field(text, context.start, "_multi")?.value;
        let first = |within| json_members::first(text, within, &key);
        match action {
            Some(k) => first(json_members::members(text, multi.start).get(k)?.value.clone()),
            None => first(context.start..multi.start).or_else(|| first(multi.end..context.end)),
        }
    };
    match found() {
        Some(at) => fault.at(line.at(at + 1)),
        None => line.fault(&key, fault),
    }
}

/// Writes the probabilities of the actions in `row`, if the line has them. `a` is each action once, the chosen one
/// first, and `p` as many probabilities, which add up to 1.
fn take_probabilities(at: LogLine, line: &DsjsonLine, row: &mut Row) -> Result<()> {
    let fault = |key: &str, value: String, allowed: &str| Err(at.fault(key, Fault::new(key, value, allowed)));
    let Some(actions) = &line.actions else {
        let missing = Fault::new("a", "missing", "the numbers of the actions to which p belongs");
        return line.probabilities.as_ref().map_or(Ok(()), |_| Err(at.fault("p", missing)));
    };
    if let Some(probabilities) = &line.probabilities {
        check_lengths(at, actions, probabilities)?;
    }
    let count = row.listed.len();
    let mut met = vec![false; count];
    for action in actions {
        let place = action.checked_sub(1).filter(|k| *k < count && !std::mem::replace(&mut met[*k], true));
        if place.is_none() {
            let allowed = format!("each number from 1 to {count}, the number of actions, once");
            return fault("a", action.to_string(), &allowed);
        }
    }
    if actions.len() != count {
        return fault("a", format!("a list of {}", actions.len()), &format!("{count}, one for each action"));
    }
    let chosen = row.chosen as usize;
    if actions[0] != chosen + 1 {
        let allowed = format!("{}, the labelled action, first", chosen + 1);
        return fault("a", format!("a list that begins with {}", actions[0]), &allowed);
    }
    let Some(probabilities) = &line.probabilities else { return Ok(()) };
    for (action, p) in actions.iter().zip(probabilities) {
        let p = checked_probability("p", *p).map_err(|f| at.fault("p", f))?;
        row.listed[action - 1].propensity = p;
    }
    let sum: f64 = probabilities.iter().sum();
    // Each of them may be written that far off.
    if (sum - 1.0).abs() > SAME * count as f64 {
        return fault("p", format!("a list that adds up to {sum}"), "one that adds up to 1");
    }
    if let Some(propensity) = row.propensity.filter(|p| (p - probabilities[0]).abs() > SAME) {
        let allowed = format!("{}, as the chosen action has in p", probabilities[0]);
        return fault("_label_probability", propensity.to_string(), &allowed);
    }
    Ok(())
}

/// Position of the chosen one of so many actions. `_label_Action` and `a` count from 1, `_labelIndex` from 0.
fn chosen(at: LogLine, line: &DsjsonLine, candidates: usize) -> Result<usize> {
    let by_number = line.action.or_else(|| line.actions.as_ref()?.first().copied());
    let chosen = line.index.or_else(|| by_number?.checked_sub(1)).filter(|c| *c < candidates);
    // Where both say it, they say the same.
    let chosen = chosen.filter(|c| line.action.is_none_or(|action| action == c + 1));
    chosen.ok_or_else(|| {
        let said = line.action.or_else(|| Some(line.index?.saturating_add(1))).or(by_number);
        let mut value = said.map_or("missing".to_owned(), |a| a.to_string());
        if let (Some(_), Some(index)) = (line.action, line.index) {
            value += &format!(" and _labelIndex {index}");
        }
        let allowed = format!("1 to {candidates}, the number of actions, _labelIndex one less");
        at.fault("_label_Action", Fault::new("_label_Action", value, allowed))
    })
}

fn check_lengths(at: LogLine, actions: &[usize], probabilities: &[f64]) -> Result<()> {
    if actions.len() == probabilities.len() {
        return Ok(());
    }
    let value = format!("a list of {}", probabilities.len());
    let fault = Fault::new("p", value, format!("{}, as a has", actions.len()));
    Err(at.fault("p", fault))
}

/// The moment that a time stamp says, if it says the hour.
fn moment_of(at: LogLine, stamp: &TimeStamp) -> Result<Option<request::Context>> {
    let text = stamp.as_str();
    let read = moment(text.as_bytes()).ok_or_else(|| {
        let allowed = allowed_moment(text.as_bytes());
        at.fault("Timestamp", Fault::new("Timestamp", format!("{text:?}"), allowed))
    })?;
    Ok(read.context())
}

impl LogReader for DsjsonLog {
    fn next(&mut self, row: &mut Row, names: &mut LogVocabulary) -> Result<bool> {
        while let Some(record) = self.lines.next()? {
            let counts = match &record {
                DsjsonRecord::Mark => {
                    self.passed_over.marks += 1;
                    false
                }
                DsjsonRecord::Line(line) => self.take(line, row, names)?,
            };
            self.lines.give_back(record);
            if counts {
                self.has_decided = true;
                return Ok(true);
            }
        }
        if self.has_decided {
            self.so_far.settle(self.described.described.settle());
        }
        Ok(false)
    }

    fn origin(&self) -> &str {
        self.lines.origin()
    }

    fn place(&self) -> String {
        self.lines.line().place()
    }

    fn remarks(&self) -> Vec<String> {
        let mut remarks = self.described.remarks(self.origin());
        remarks.extend(untagged_remark(self.origin(), self.others));
        let PassedOver { marks, skipped, deferred, again } = self.passed_over;
        let origin = self.origin();
        for (lines, what) in [
            (skipped, "lines with _skipLearn"),
            (deferred, "lines whose decision was put off (_deferred) and never made"),
            (again, "lines whose EventId stands there before, with the same label,"),
            (marks, "lines in brackets that are no JSON, such as marks of checkpoints,"),
        ] {
            if lines > 0 {
                remarks.push(format!("{origin}: {lines} {what} were passed over"));
            }
        }
        remarks.extend(self.observations.remarks(origin, &self.so_far));
        if self.relabelled > 0 {
            remarks.push(format!(
                "{origin}: {} decisions have a _label_cost that is not their _original_label_cost, as logs of apprentices \
                 have; _label_cost is what was used",
                self.relabelled
            ));
        }
        remarks
    }
}

impl DescribedLog for DsjsonLog {
    fn described(&mut self) -> &mut Described {
        &mut self.described.described
    }

    fn line(&self) -> u64 {
        self.lines.line().number()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::read_all;
    use super::*;
    use std::io::Cursor;

    fn log(lines: LogLines) -> DsjsonLog {
        DsjsonLog::new(lines, &ReadOptions::default(), &SoFar::default())
    }

    fn read(text: &str) -> Result<Vec<Row>> {
        let lines = LogLines::new(Box::new(Cursor::new(text.to_owned())), "log.json");
        read_all(&mut log(lines))
    }

    const GOOD: &str = r#"{"_label_cost":-1,"_label_probability":0.8,"_label_Action":2,"_labelIndex":1,"o":[{"v":1}],"Timestamp":"2019-11-25T06:30:00.0Z","Version":"1","EventId":"x","a":[2,1],"c":{"User":{"age":3},"_multi":[{"Item":{"id":"a"}},{"_tag":"b","Item":{"id":"b"}}]},"p":[0.8,0.2],"VWState":{"m":"m"}}"#;

    #[test]
    fn a_decision_is_read() {
        let rows = read(&format!(
            "{GOOD}\n{{\"RewardValue\":1,\"EventId\":\"y\"}}\n\n{}",
            GOOD.replace("\"EventId\":\"x\"", "\"EventId\":\"z\"")
        ))
        .unwrap();
        assert_eq!(rows.len(), 2);
        let row = &rows[0];
        assert_eq!((row.chosen, row.reward, row.propensity), (1, 1.0, Some(0.8)));
        assert_eq!(row.listed.iter().map(|l| l.propensity).collect::<Vec<_>>(), [0.2, 0.8]);
        assert_eq!((row.listed[0].item, row.listed[1].item, row.item()), (0, 1, 1));
        assert_eq!(row.moment.map(|m| (m.hour, m.weekday)), Some((6.5, 0)));
    }

    #[test]
    fn what_is_not_to_be_learned_from_is_checked_and_passed_over() {
        let skip = GOOD.replace("\"Version\"", "\"_skipLearn\":true,\"Version\"");
        let keep = skip.replace("true", "false").replace("\"EventId\":\"x\"", "\"EventId\":\"z\"");
        let unlabelled = "{\"_skipLearn\":true,\"EventId\":\"x\",\"c\":{\"_multi\":[{}]}}";
        let text = format!("{skip}\n{GOOD}\n{unlabelled}\n{keep}\n");
        let mut log = log(LogLines::new(Box::new(Cursor::new(text)), "log.json"));
        assert_eq!(read_all(&mut log).unwrap().len(), 2);
        let remarks = log.remarks();
        assert!(
            remarks.contains(&"log.json: 2 lines with _skipLearn were passed over".to_owned()),
            "{remarks:?}"
        );
        let bad = skip.replace("\"_label_probability\":0.8", "\"_label_probability\":2");
        assert!(read(&bad).is_err());
    }

    #[test]
    fn every_bad_line_is_named() {
        for (from, to, expected) in [
            (
                "\"_label_cost\":-1",
                "\"_label_cost\":null",
                "line 2, column 2: _label_cost is null; allowed: a number",
            ),
            ("\"_label_cost\":-1", "\"_label_cost\":1e999", "number out of range"),
            ("\"c\":{", "\"d\":{", "_multi is missing; allowed: the list of actions, in c"),
            (
                "_label_cost\":-1,\"_label_probability\":0.8,\"_label_Action\":2,\"_labelIndex\":1,\"o\":[{\"v\":1}],\"Timestamp\":\"2019-11-25T06:30:00.0Z\",\"Version\":\"1\",\"EventId\":\"x\",\"a\":[2,1],\"c\"",
                "_label_Action\":2,\"EventId\":\"x\",\"d\"",
                "_label_cost is missing; allowed: a number",
            ),
            (
                "\"_tag\":\"b\"",
                "\"_tag\":\"b\",\"x\":1,\"x\":2",
                "line 2, column 239: c._multi[1]: duplicate field `x`",
            ),
            ("\"id\":\"b\"", "\"id\":\"b\",\"id\":\"b\"", "duplicate field `id`"),
            ("\"age\":3", "\"age\":3,\"age\":3", "duplicate field `age`"),
            (
                "\"_label_probability\":0.8",
                "\"_label_probability\":0",
                "log.json, line 2, column 19: _label_probability is 0; allowed: a number in (0, 1]",
            ),
            ("\"_label_probability\":0.8,", "", "line 2, column 1: _label_probability is missing"),
            (
                "\"_label_probability\":0.8",
                "\"_label_probability\":\"x\"",
                "line 2, column 42: _label_probability: invalid type: string \"x\", expected a number",
            ),
            (
                "\"_label_probability\":0.8",
                "\"_label_probability\":NaN",
                "line 2, column 40: _label_probability: expected value",
            ),
            (
                "\"_labelIndex\":1,",
                "\"_labelIndex\":2,",
                "_label_Action is 2 and _labelIndex 2; allowed: 1 to 2",
            ),
            ("\"a\":[2,1]", "\"a\":[2,3]", "a is 3; allowed: each number from 1 to 2"),
            ("\"User\":{\"age\":3}", "\"_multi\":[{}]", "duplicate field `_multi`"),
            ("\"_multi\"", "\"multi\"", "_multi is missing; allowed: the list of actions, in c"),
            ("\"Version\"", "\"pdrop\":0.5,\"Version\"", "pdrop is 0.5; allowed: 0"),
            ("\"_label_cost\":-1,", "", "_label_cost is missing"),
        ] {
            let bad = GOOD.replace(from, to);
            let message = read(&format!("{GOOD}\n{bad}\n")).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
        let cut = read(&GOOD[..40]).unwrap_err().to_string();
        assert!(cut.starts_with("log.json, line 1, column 40: EOF"), "{cut}");
    }
}
