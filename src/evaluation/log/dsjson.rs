//! Vowpal Wabbit's `dsjson`: one decision a line, with a cost, a probability and its own list of actions.
//!
//! An action is known by its `_tag`, else by all that it says of itself; [`super::described`] tells which
//! features are read. The reward is minus the cost. Keys that are read stand once in their object; others may hold
//! anything, as often as they like.

use super::checks::{checked_propensity, checked_reward};
use super::described::Feature;
use super::dsjson_line::DsjsonLine;
use super::format::{FormatInput, FormatRule};
use super::json_members;
use super::lines::LogLines;
use super::reader::LogReader;
use super::said::Said;
use super::timestamp::moment;
use super::vocabulary::{LogVocabulary, untagged_remark};
use crate::base::error::{Error, Fault, Result, within};
use crate::domain::request;
use crate::evaluation::row::{ListedItem, Row};
use serde_json::{Map, Value};

/// How far two writings of the same probability may be apart: other programs compute in single precision.
const SAME: f64 = 1e-6;

/// The format of Vowpal Wabbit's `dsjson`.
pub(super) struct Dsjson;

impl FormatRule for Dsjson {
    const NAME: &'static str = "dsjson";

    fn detects(first_line: &str) -> bool {
        first_line.starts_with('{')
    }

    fn open(input: FormatInput) -> Result<Box<dyn LogReader>> {
        let described = Said::new(input.options);
        Ok(Box::new(DsjsonLog::new(input.lines, described)))
    }
}

/// A `dsjson` log.
pub(super) struct DsjsonLog {
    lines: LogLines,
    without_decision: u64,
    /// Decisions that say that nothing is to be learned from them.
    skipped: u64,
    described: Said,
    /// Actions without a tag that were not told apart.
    others: u64,
}

/// Hands every feature below `map`, which stands in this namespace, on. What begins with '_' is about the action, not of it.
fn features(map: &Map<String, Value>, namespace: &str, described: &mut Said) -> Result<(), Fault> {
    for (name, value) in map.iter().filter(|(name, _)| !name.starts_with('_')) {
        let feature = match value {
            Value::Object(inner) => {
                features(inner, name, described)?;
                continue;
            }
            // Of inputs that are declared null is unknown, as in a request.
            Value::Null if described.is_declared() => continue,
            Value::Number(number) => number.as_f64().map_or(Feature::Other, Feature::Number),
            Value::String(text) => Feature::Text(text),
            Value::Bool(flag) => Feature::Flag(*flag),
            Value::Null | Value::Array(_) => Feature::Other,
        };
        described.take(namespace, name, feature)?;
    }
    Ok(())
}

impl DsjsonLog {
    pub(super) fn new(lines: LogLines, described: Said) -> Self {
        Self { lines, without_decision: 0, skipped: 0, described, others: 0 }
    }

    /// Reads a decision into `row`. One that counts has a label; of others what is there of it is checked.
    fn fill(
        &mut self,
        line: &DsjsonLine,
        counts: bool,
        row: &mut Row,
        names: &mut LogVocabulary,
    ) -> Result<()> {
        let fault =
            |key: &str, value: String, allowed: &str| self.lines.fault(key, Fault::new(key, value, allowed));
        let missing = |key: &str, allowed: &str| fault(key, "missing".to_owned(), allowed);
        let cost = line.cost.as_ref().map(|cost| {
            let cost = cost.0.ok_or_else(|| fault("_label_cost", "null".to_owned(), "a number"))?;
            checked_reward("_label_cost", cost).map_err(|f| self.lines.fault("_label_cost", f))
        });
        let cost = cost.transpose()?;
        if cost.is_none() && counts {
            return Err(missing("_label_cost", "a number"));
        }
        row.reward = -cost.unwrap_or(0.0);
        let propensity = line.probability.map(|p| checked_propensity("_label_probability", p)).transpose();
        row.propensity = propensity.map_err(|f| self.lines.fault("_label_probability", f))?;
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
            row.chosen = self.chosen(line, candidates.len())? as u32;
        }
        row.listed.clear();
        let mut others = 0;
        for (k, candidate) in candidates.iter().enumerate() {
            let tag = match candidate.get("_tag") {
                None => None,
                Some(Value::String(tag)) if !tag.is_empty() && tag.trim() == tag => Some(tag),
                Some(other) => {
                    let allowed = "the name of an action, without blanks around it";
                    return Err(self.fault_of(Some(k), Fault::new("_tag", other.to_string(), allowed)));
                }
            };
            // An action without a tag is known by all that it says of itself.
            let item = if let Some(tag) = tag {
                names.items.number(tag.as_bytes())
            } else {
                let (item, own) = names.untagged(&serde_json::to_vec(candidate).expect("what was JSON"));
                others += u64::from(!own);
                item
            };
            if let Some(twice) = tag.filter(|_| row.lists(item)) {
                let allowed = "each action of a decision once";
                return Err(self.fault_of(Some(k), Fault::new("_tag", format!("{twice:?} again"), allowed)));
            }
            row.listed.push(ListedItem { item, kind: item, propensity: f64::NAN });
        }
        self.take_probabilities(line, row)?;
        let stamped = line.timestamp.as_ref().map(|text| self.moment(text)).transpose()?;
        self.others += others;
        self.described.begin();
        let context = line.context.as_ref().expect("it has candidates");
        let described = &mut self.described;
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
        said.map_err(|fault| self.fault_of(of, fault))
    }

    /// A fault of what action `action` says of itself, from 0, or of what is said of all.
    fn fault_of(&self, action: Option<usize>, fault: Fault) -> Error {
        let (text, key) = (self.lines.text(), fault.field.clone());
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
            Some(at) => fault.at(self.lines.at(at + 1)),
            None => self.lines.fault(&key, fault),
        }
    }

    /// Writes the probabilities of the actions in `row`, if the line has them. `a` is each action once, the chosen one
    /// first, and `p` as many probabilities, which add up to 1.
    fn take_probabilities(&self, line: &DsjsonLine, row: &mut Row) -> Result<()> {
        let fault = |key: &str, value: String, allowed: &str| {
            Err(self.lines.fault(key, Fault::new(key, value, allowed)))
        };
        let Some(actions) = &line.actions else {
            let missing = Fault::new("a", "missing", "the numbers of the actions to which p belongs");
            return line.probabilities.as_ref().map_or(Ok(()), |_| Err(self.lines.fault("p", missing)));
        };
        if let Some(probabilities) = &line.probabilities {
            self.check_lengths(actions, probabilities)?;
        }
        let count = row.listed.len();
        let mut met = vec![false; count];
        for action in actions {
            let place =
                action.checked_sub(1).filter(|k| *k < count && !std::mem::replace(&mut met[*k], true));
            if place.is_none() {
                let allowed = format!("each number from 1 to {count}, the number of actions, once");
                return fault("a", action.to_string(), &allowed);
            }
        }
        if actions.len() != count {
            return fault(
                "a",
                format!("a list of {}", actions.len()),
                &format!("{count}, one for each action"),
            );
        }
        let chosen = row.chosen as usize;
        if actions[0] != chosen + 1 {
            let allowed = format!("{}, the labelled action, first", chosen + 1);
            return fault("a", format!("a list that begins with {}", actions[0]), &allowed);
        }
        let Some(probabilities) = &line.probabilities else { return Ok(()) };
        for (action, p) in actions.iter().zip(probabilities) {
            let p = within("p", *p, 0.0, 1.0).map_err(|f| self.lines.fault("p", f))?;
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
    fn chosen(&self, line: &DsjsonLine, candidates: usize) -> Result<usize> {
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
            self.lines.fault("_label_Action", Fault::new("_label_Action", value, allowed))
        })
    }

    fn check_lengths(&self, actions: &[usize], probabilities: &[f64]) -> Result<()> {
        if actions.len() == probabilities.len() {
            return Ok(());
        }
        let value = format!("a list of {}", probabilities.len());
        let fault = Fault::new("p", value, format!("{}, as a has", actions.len()));
        Err(self.lines.fault("p", fault))
    }

    fn moment(&self, text: &str) -> Result<request::Context> {
        moment(text.as_bytes()).ok_or_else(|| {
            let allowed = "a date and time, as 2019-11-25T06:30:00Z";
            self.lines.fault("Timestamp", Fault::new("Timestamp", format!("{text:?}"), allowed))
        })
    }
}

impl LogReader for DsjsonLog {
    fn next(&mut self, row: &mut Row, names: &mut LogVocabulary) -> Result<bool> {
        while self.lines.advance()? {
            if self.lines.text().is_empty() {
                continue;
            }
            let line: DsjsonLine = self.lines.json()?;
            if line.is_reward_alone() {
                line.timestamp.as_ref().map(|text| self.moment(text)).transpose()?;
                self.without_decision += 1;
                continue;
            }
            let skipped = line.skip == Some(true);
            // What is not to be learned from is well-formed all the same, but need have no label, and tells nothing of
            // what the log could choose.
            let (mark, shape, others) = (names.mark(), self.described.shape(), self.others);
            self.fill(&line, !skipped, row, names)?;
            if skipped {
                names.take_back(mark);
                self.described.restore(shape);
                self.others = others;
                self.skipped += 1;
                continue;
            }
            return Ok(true);
        }
        Ok(false)
    }

    fn origin(&self) -> &str {
        self.lines.origin()
    }

    fn place(&self) -> String {
        self.lines.place()
    }

    fn remarks(&self) -> Vec<String> {
        let mut remarks = self.described.remarks(self.origin());
        remarks.extend(untagged_remark(self.origin(), self.others));
        if self.skipped > 0 {
            let skipped = self.skipped;
            remarks.push(format!("{}: {skipped} lines with _skipLearn were passed over", self.origin()));
        }
        if self.without_decision > 0 {
            let passed_over = self.without_decision;
            remarks
                .push(format!("{}: {passed_over} lines without a decision were passed over", self.origin()));
        }
        remarks
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::read_all;
    use super::*;
    use std::io::Cursor;

    fn read(text: &str) -> Result<Vec<Row>> {
        let lines = LogLines::new(Box::new(Cursor::new(text.to_owned())), "log.json");
        read_all(&mut DsjsonLog::new(lines, Said::default()))
    }

    const GOOD: &str = r#"{"_label_cost":-1,"_label_probability":0.8,"_label_Action":2,"_labelIndex":1,"o":[{"v":1}],"Timestamp":"2019-11-25T06:30:00.0Z","Version":"1","EventId":"x","a":[2,1],"c":{"User":{"age":3},"_multi":[{"Item":{"id":"a"}},{"_tag":"b","Item":{"id":"b"}}]},"p":[0.8,0.2],"VWState":{"m":"m"}}"#;

    #[test]
    fn a_decision_is_read() {
        let rows = read(&format!("{GOOD}\n{{\"RewardValue\":1,\"EventId\":\"y\"}}\n\n{GOOD}")).unwrap();
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
        let keep = skip.replace("true", "false");
        let unlabelled = "{\"_skipLearn\":true,\"EventId\":\"x\",\"c\":{\"_multi\":[{}]}}";
        let text = format!("{skip}\n{GOOD}\n{unlabelled}\n{keep}\n");
        let mut log = DsjsonLog::new(LogLines::new(Box::new(Cursor::new(text)), "log.json"), Said::default());
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
                "line 2, column 42: _label_probability: invalid type: string \"x\", expected f64",
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
