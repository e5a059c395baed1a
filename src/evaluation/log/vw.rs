//! Vowpal Wabbit's contextual-bandit text with multi-line actions: an optional `shared` line, one line for
//! each action, a blank line after each decision. The line of the chosen action starts with
//! `action:cost:probability`.
//!
//! An action is known by its tag, else by its features: a word before the bar is a tag if it starts with a quote
//! or touches the bar (`'tag |...`, `tag|...`). [`super::described`] tells which features are read; the weight of a
//! namespace multiplies their values. A category counts 1 where it is there, and 0 where it is not (`kind=focus:1 kind=rest:0`).
//! The reward is minus the cost.

use super::checks::{checked_among, checked_propensity, checked_reward};
use super::columns::is_header_with_bars;
use super::described::{Described, Feature, WAY_OUT};
use super::dsjson::SAME_TAGS;
use super::format::{FormatInput, FormatRule, ReadOptions};
use super::lines::LogLines;
use super::look_ahead::{DescribedLog, LookAhead};
use super::place::{malformed, place};
use super::reader::LogReader;
use super::said::Said;
use super::so_far::SoFar;
use super::vocabulary::{LogVocabulary, untagged_remark};
use crate::base::error::{Error, Fault, Result};
use crate::base::read::of_notation;
use crate::evaluation::row::{ListedItem, Row};
use std::collections::HashSet;

/// What may stand before the features of an action.
const LABEL: &str = "action:cost:probability, or nothing";
/// What a log may be whose lines are decisions by themselves.
const OTHER_FORMAT: &str = "where each line is a decision (--cb), the log does not say what else could be chosen: it is \
                            to be written with the actions of each decision, as --cb_adf reads it, or as csv";
/// First words of lines of Vowpal Wabbit's other formats.
const OTHERS: [&str; 3] = ["ccb", "slates", "ca"];

/// The format of that text.
pub(super) struct Vw;

impl FormatRule for Vw {
    const NAME: &'static str = "vw";
    const HAS_ACTIONS: bool = true;

    fn detects(first_line: &str) -> bool {
        first_line.contains('|') && !first_line.starts_with(['{', '[']) && !is_header_with_bars(first_line)
    }

    fn open(input: FormatInput) -> Result<Box<dyn LogReader>> {
        Ok(Box::new(LookAhead::new(VwLog::new(input.lines, input.options, input.so_far))))
    }
}

/// A log in that text.
pub(super) struct VwLog {
    lines: LogLines,
    unlabelled: u64,
    described: Said,
    /// Actions without a tag that were not told apart.
    others: u64,
    same_tags: bool,
    so_far: SoFar,
    /// Whether any decision counts.
    has_decided: bool,
    /// The items of the current decision.
    listed: HashSet<u32>,
}

impl VwLog {
    pub(super) fn new(lines: LogLines, options: &ReadOptions, so_far: &SoFar) -> Self {
        Self {
            lines,
            unlabelled: 0,
            described: Said::new(options, so_far),
            others: 0,
            same_tags: options.same_tags,
            so_far: so_far.clone(),
            has_decided: false,
            listed: HashSet::new(),
        }
    }

    /// Reads the lines of one decision; false at the end of the log, and whether an action was chosen.
    fn decision(&mut self, row: &mut Row, names: &mut LogVocabulary) -> Result<(bool, bool)> {
        row.listed.clear();
        self.listed.clear();
        self.described.begin();
        let mut chosen = None;
        let (mut began, mut labelled_at) = (None, (0, 1));
        while self.lines.advance()? {
            if self.lines.text().is_empty() {
                if began.is_none() {
                    continue;
                }
                if self.lines.is_blanks() {
                    let message = "a line of blanks, which Vowpal Wabbit takes for one more action; an empty one ends a \
                                   decision";
                    return Err(malformed(self.lines.at(1), message));
                }
                break;
            }
            let text = std::str::from_utf8(self.lines.text())
                .map_err(|e| malformed(self.lines.at(e.valid_up_to() + 1), "not UTF-8"))?;
            let Some((head, features)) = text.split_once('|') else {
                return Err(malformed(self.lines.at(text.len() + 1), "no '|' before the features"));
            };
            let LineHead { shared, tag, label } =
                LineHead::parse(head).map_err(|bad| bad.error(&self.lines))?;
            if shared && began.is_some() {
                let message = "a shared line amid the actions; decisions end with a blank line";
                return Err(malformed(self.lines.at(1), message));
            }
            began.get_or_insert(self.lines.number());
            if !shared {
                self.described.begin_action();
            }
            let read = each_feature(features, head.len() + 2, &mut self.described);
            read.map_err(|bad| bad.error(&self.lines))?;
            if shared {
                continue;
            }
            let item = if let Some(tag) = tag {
                names.tagged(tag.as_bytes())
            } else {
                let (item, own) = names.untagged(features.trim().as_bytes());
                self.others += u64::from(!own);
                item
            };
            let again = !self.listed.insert(item) && !self.same_tags;
            if let Some(twice) = tag.filter(|_| again) {
                let fault = Fault::new("tag", format!("{twice:?} again"), SAME_TAGS);
                let start = within(head, twice) - 1;
                let quoted = head.as_bytes()[..start].ends_with(b"'");
                return Err(fault.at(self.lines.at(start + 1 - usize::from(quoted))));
            }
            row.listed.push(ListedItem { item, kind: item, propensity: f64::NAN });
            if let Some((reward, propensity)) = label {
                if chosen.is_some() {
                    let message = format!("a second chosen action in one decision; {OTHER_FORMAT}");
                    return Err(malformed(self.lines.at(1), message));
                }
                chosen = Some(row.listed.len() as u32 - 1);
                labelled_at = (self.lines.number(), probability_column(head));
                row.reward = reward;
                row.propensity = Some(propensity);
            }
        }
        if let Some(line) = began.filter(|_| row.listed.is_empty()) {
            return Err(malformed(place(self.lines.origin(), line, 1), "a shared line without actions"));
        }
        if let Some(line) = began {
            row.chosen = chosen.unwrap_or(0);
            if let Some(propensity) = row.propensity.filter(|_| chosen.is_some()) {
                let among = checked_among("probability", propensity, row.listed.len());
                let (line, column) = labelled_at;
                among.map_err(|fault| {
                    let allowed = format!("{}; {OTHER_FORMAT}", fault.allowed);
                    Fault { allowed, ..fault }.at(place(self.lines.origin(), line, column))
                })?;
            }
            let filled = self.described.fill(row, names, None);
            filled.map_err(|fault| fault.at(place(self.lines.origin(), line, 1)))?;
        }
        Ok((began.is_some(), chosen.is_some()))
    }
}

/// What stands before the first '|' of a line.
struct LineHead<'a> {
    /// Whether the line is about all actions.
    shared: bool,
    tag: Option<&'a str>,
    /// Reward and propensity.
    label: Option<(f64, f64)>,
}

/// A fault at a byte of the line.
struct FaultAt {
    column: usize,
    fault: Fault,
}

impl FaultAt {
    fn error(self, lines: &LogLines) -> Error {
        self.fault.at(lines.at(self.column))
    }
}

impl<'a> LineHead<'a> {
    fn parse(head: &'a str) -> Result<Self, FaultAt> {
        let (mut shared, mut tag, mut tagged, mut label) = (false, None, false, None);
        for (i, word) in head.split_whitespace().enumerate() {
            let column = within(head, word);
            let touches = column + word.len() == head.len() + 1;
            if i == 0 && OTHERS.contains(&word) && !touches {
                let allowed = "shared, action:cost:probability, or nothing: decisions of several slots (ccb, slates) and \
                               of continuous actions (ca) are not read";
                return Err(FaultAt { column, fault: Fault::new("label", format!("{word:?}"), allowed) });
            }
            if tagged {
                let (field, allowed) = if word.contains(':') {
                    ("label", "one before the tag")
                } else {
                    ("tag", "one, the last before '|'")
                };
                return Err(FaultAt { column, fault: Fault::new(field, format!("{word:?}"), allowed) });
            } else if let Some(name) = word.strip_prefix('\'') {
                tag = Some(name).filter(|name| !name.is_empty());
                tagged = true;
            } else if touches && (word == "shared" || word.contains(':')) {
                let allowed = "a blank before '|', without which it would be a tag";
                return Err(FaultAt { column, fault: Fault::new("label", format!("{word:?}"), allowed) });
            } else if touches {
                tag = Some(word);
            } else if word == "shared" && i == 0 {
                shared = true;
            } else if word.contains(':') && label.is_none() && !shared {
                label = Some(labelled(word, column)?);
            } else {
                let allowed = if shared { "nothing on a shared line" } else { LABEL };
                return Err(FaultAt { column, fault: Fault::new("label", format!("{word:?}"), allowed) });
            }
        }
        Ok(Self { shared, tag, label })
    }
}

/// Column, from 1, of a part of `text` in it: both are of one string, so their distance is a place.
fn within(text: &str, part: &str) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize + 1
}

/// Hands on the features of all that follows the first '|', which begins at `column`. What touches a '|' is a
/// namespace, whose weight multiplies the values of its features. What nobody knows may be anything.
fn each_feature(text: &str, column: usize, described: &mut Said) -> Result<(), FaultAt> {
    if described.is_ignored() {
        return Ok(());
    }
    let at = |part: &str| column + within(text, part) - 1;
    let fault_at = |(part, fault): (&str, Fault)| FaultAt { column: at(part), fault };
    for part in text.split('|') {
        let touching = part.split([' ', '\t']).next().unwrap_or_default();
        let namespace = touching.split_once(':').map_or(touching, |(name, _)| name);
        let mut weight = 1.0;
        for word in part.split([' ', '\t']).filter(|word| !word.is_empty()) {
            let is_namespace = word.as_ptr() == part.as_ptr();
            if is_namespace {
                if let Some((name, value)) = word.split_once(':') {
                    weight = finite(name, value).map_err(|fault| fault_at((value, fault)))?;
                }
                continue;
            }
            let found = feature(word, namespace, weight, described).map_err(fault_at)?;
            let Some((name, feature)) = found else { continue };
            described.take(namespace, name, feature).map_err(|fault| fault_at((word, fault)))?;
        }
    }
    Ok(())
}

/// The feature that a word of this namespace is, which has this weight; `None` for a category that is not there.
///
/// # Errors
/// A value that is none of a feature that is known, with where it stands.
fn feature<'a>(
    word: &'a str,
    namespace: &str,
    weight: f64,
    described: &Said,
) -> Result<Option<(&'a str, Feature<'a>)>, (&'a str, Fault)> {
    let Some((name, value)) = word.split_once(':') else {
        return Ok(Some(without_value(word, weight, described)));
    };
    let number = finite(name, value);
    if described.knows(namespace, name) {
        let number = number.map_err(|fault| (value, fault))?;
        return Ok(Some((name, Feature::Number(number * weight))));
    }
    let is_category = category(name, described).is_some_and(|(own, _)| described.knows(namespace, own));
    match number {
        // A category is a name of its own: with the weight 1 it is that, and with 0 it is not there.
        Ok(1.0) if is_category => Ok(Some(without_value(name, weight, described))),
        Ok(0.0) if is_category => Ok(None),
        _ if is_category => {
            let way_out = if described.is_declared() { "" } else { WAY_OUT };
            let allowed = format!("1, for a category that is there, or 0, for one that is not{way_out}");
            Err((value, Fault::new(format!("the weight of {name:?}"), format!("{value:?}"), allowed)))
        }
        Ok(number) => Ok(Some((name, Feature::Number(number * weight)))),
        Err(_) => Ok(Some((name, Feature::Other))),
    }
}

/// The feature that a word without a value of its own is.
fn without_value<'a>(word: &'a str, weight: f64, described: &Said) -> (&'a str, Feature<'a>) {
    match (category(word, described), word.split_once('=')) {
        (Some((name, text)), _) => (name, Feature::Text(text)),
        (None, Some((name, value))) => (name, value.parse().map_or(Feature::Other, Feature::Number)),
        (None, None) => (word, Feature::Word(weight)),
    }
}

/// The category that a name of it and of its text is: `kind=focus`.
fn category<'a>(name: &'a str, described: &Said) -> Option<(&'a str, &'a str)> {
    name.split_once('=').filter(|(own, _)| *own == "kind" || described.is_declared())
}

/// The value of the feature `name`.
fn finite(name: &str, value: &str) -> Result<f64, Fault> {
    value.parse().ok().filter(|x: &f64| x.is_finite()).ok_or_else(|| {
        let allowed = format!("a finite number{}", of_notation(value));
        Fault::new(format!("the value of {name:?}"), format!("{value:?}"), allowed)
    })
}

/// Where the probability stands in what is before the first '|' of a labelled line.
fn probability_column(head: &str) -> usize {
    head.split_whitespace()
        .find(|word| word.contains(':'))
        .and_then(|word| word.rsplit(':').next())
        .map_or(1, |probability| within(head, probability))
}

/// Reward and propensity of `action:cost:probability`.
fn labelled(word: &str, column: usize) -> Result<(f64, f64), FaultAt> {
    let parts: Vec<&str> = word.split(':').collect();
    let label = |allowed| FaultAt { column, fault: Fault::new("label", format!("{word:?}"), allowed) };
    let &[action, cost, probability] = &parts[..] else { return Err(label("action:cost:probability")) };
    if action.parse::<u32>().is_err() {
        return Err(label("action:cost:probability, the action a whole number"));
    }
    let cost_column = column + action.len() + 1;
    let probability_column = cost_column + cost.len() + 1;
    let number = |field: &str, text: &str, column: usize| {
        text.parse::<f64>().map_err(|_| {
            let allowed = format!("a number{}", of_notation(text));
            FaultAt { column, fault: Fault::new(field, format!("{text:?}"), allowed) }
        })
    };
    let reward = -checked_reward("cost", number("cost", cost, cost_column)?)
        .map_err(|fault| FaultAt { column: cost_column, fault })?;
    let propensity =
        checked_propensity("probability", number("probability", probability, probability_column)?)
            .map_err(|fault| FaultAt { column: probability_column, fault })?;
    Ok((reward, propensity))
}

impl LogReader for VwLog {
    fn next(&mut self, row: &mut Row, names: &mut LogVocabulary) -> Result<bool> {
        loop {
            let (mark, shape, others) = (names.mark(), self.described.described.shape(), self.others);
            match self.decision(row, names)? {
                (false, _) => {
                    if self.has_decided {
                        self.so_far.settle(self.described.described.settle());
                    }
                    return Ok(false);
                }
                (true, true) => {
                    self.has_decided = true;
                    return Ok(true);
                }
                // What has no label is well-formed all the same, and tells nothing of what the log could choose.
                (true, false) => {
                    names.take_back(mark);
                    self.described.described.restore(shape);
                    self.others = others;
                    self.unlabelled += 1;
                }
            }
        }
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
        if self.unlabelled > 0 {
            let unlabelled = self.unlabelled;
            remarks
                .push(format!("{}: {unlabelled} decisions without a label were passed over", self.origin()));
        }
        remarks
    }
}

impl DescribedLog for VwLog {
    fn described(&mut self) -> &mut Described {
        &mut self.described.described
    }

    fn line(&self) -> u64 {
        self.lines.number()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::read_all;
    use super::*;
    use std::io::Cursor;

    fn read(text: &str) -> Result<Vec<Row>> {
        let lines = LogLines::new(Box::new(Cursor::new(text.to_owned())), "log.vw");
        read_all(&mut VwLog::new(lines, &ReadOptions::default(), &SoFar::default()))
    }

    #[test]
    fn decisions_are_read() {
        let text = "shared |u a b\n'first |i x:1\n0:-1.5:0.25 'second |i y\n\n\n|i x:1\n|i y\n\n1:0:1 |i y\n";
        let rows = read(text).unwrap();
        // What touches the bar is a tag, with a quote and without.
        for other in
            [text.replace(" |i", "|i").replace("1:0:1|", "1:0:1 |"), text.replace("'first ", "first")]
        {
            // Propensities that are not known are NaN, which equals nothing.
            assert_eq!(format!("{:?}", read(&other).unwrap()), format!("{rows:?}"), "{other}");
        }
        assert_eq!(read("'a:1|i x\n0:1:0.5 '|i y\n").unwrap()[0].chosen, 1);
        // The middle one has no label.
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].chosen, rows[0].reward, rows[0].propensity), (1, 1.5, Some(0.25)));
        assert_eq!((rows[1].chosen, rows[1].reward, rows[1].propensity), (0, 0.0, Some(1.0)));
        // first, second; then "i y" by its features: what has no label names nothing.
        assert_eq!(rows[0].listed.iter().map(|l| l.item).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(rows[1].item(), 2);
    }

    #[test]
    fn every_bad_line_is_named_with_its_column() {
        for (text, expected) in [
            ("|i x\n0:1:0 |i y", "log.vw, line 2, column 5: probability is 0; allowed: a number in (0, 1]"),
            ("0:1:NaN |i y", "line 1, column 5: probability is NaN"),
            ("0:1:1.5 |i y", "line 1, column 5: probability is 1.5"),
            ("0:x:0.5 |i y", "line 1, column 3: cost is \"x\"; allowed: a number"),
            ("0:1 |i y", "line 1, column 1: label is \"0:1\"; allowed: action:cost:probability"),
            ("0:inf:0.5 |i y", "line 1, column 3: cost is inf; allowed: a finite number"),
            ("0:1:0.5 'a 'b |i y", "line 1, column 12: tag is \"'b\"; allowed: one, the last before '|'"),
            ("'a b|i y", "line 1, column 4: tag is \"b\"; allowed: one"),
            ("'a 0:1:0.5 |i y", "line 1, column 4: label is \"0:1:0.5\"; allowed: one before the tag"),
            ("  2 |i y", "line 1, column 3: label is \"2\""),
            ("0:1:0.5 i y", "line 1, column 12: no '|' before the features"),
            ("0:1:0.5 |i x\n0:1:0.5 |i y", "line 2, column 1: a second chosen action"),
            ("|i x\nshared |u a", "line 2, column 1: a shared line amid the actions"),
        ] {
            let message = read(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{text:?}: {message}");
        }
    }
}
