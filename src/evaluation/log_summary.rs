//! What a log says by a domain's inputs is summed up, in memory that does not grow with it.

use super::inputs::InputPlaces;
use super::log::{LogReader, LogVocabulary};
use super::refusal::LogRefusal;
use super::row::Row;
use crate::base::error::{Error, Result};
use crate::base::stats::Distribution;
use crate::domain::{Domain, InputType, InputValue};
use crate::features::{InputSummary, LogSummary, SummedValues};
use std::collections::HashMap;

/// Different texts of an input that are counted, at most.
const MAX_TEXTS: usize = 4_096;

/// Texts by their numbers, and how often each was there.
#[derive(Default)]
struct Counts {
    by_number: HashMap<u32, u64>,
    more: bool,
    known: u64,
}

impl Counts {
    fn observe(&mut self, number: u32) {
        self.known += 1;
        if let Some(count) = self.by_number.get_mut(&number) {
            *count += 1;
        } else if self.by_number.len() < MAX_TEXTS {
            self.by_number.insert(number, 1);
        } else {
            self.more = true;
        }
    }

    fn summary(self, unknown: u64, text: impl Fn(u32) -> String) -> InputSummary {
        let Self { by_number, more, known } = self;
        let mut counts: Vec<(String, u64)> =
            by_number.into_iter().map(|(number, count)| (text(number), count)).collect();
        counts.sort();
        InputSummary { known, unknown, values: SummedValues::Levels { counts, more } }
    }
}

/// What is known of an input so far.
enum Sums {
    Texts(Counts),
    Numbers(Distribution),
}

/// Sums up what `reader` says by the inputs of `domain`: of candidates that are listed of each of them, else of the chosen one.
///
/// # Errors
/// Those of the log; one without decisions, or that says nothing of what candidates are.
pub fn summarize(reader: &mut dyn LogReader, domain: &'static Domain) -> Result<LogSummary> {
    reader.want_inputs(domain);
    let places = InputPlaces::new(domain);
    let mut names = LogVocabulary::default();
    names.forgets_users = true;
    let new = |kind| match kind {
        InputType::Category => (Sums::Texts(Counts::default()), 0),
        _ => (Sums::Numbers(Distribution::default()), 0),
    };
    let mut inputs: Vec<(Sums, u64)> = domain.raw().inputs.iter().map(|input| new(input.kind)).collect();
    let (mut items, mut decisions, mut row) = (Counts::default(), 0, Row::default());
    while reader.next(&mut row, &mut names)? {
        if row.inputs.is_empty() {
            let (log, domain) = (reader.origin().to_owned(), domain.label());
            return Err(Error::because(LogRefusal::NothingOfInputs { log, domain }));
        }
        decisions += 1;
        if row.listed.is_empty() {
            items.observe(row.item());
        }
        row.listed.iter().for_each(|listed| items.observe(listed.item));
        places.each(&row, |input, code| {
            let (sums, unknown) = &mut inputs[input];
            match sums {
                _ if code.is_nan() => *unknown += 1,
                Sums::Texts(counts) => counts.observe(code as u32),
                Sums::Numbers(numbers) => numbers.observe(code),
            }
        });
    }
    if decisions == 0 {
        return Err(Error::because(LogRefusal::NoDecision { log: reader.origin().to_owned() }));
    }
    let level = |number: u32| match names.level(f64::from(number)) {
        InputValue::Text(text) => text.to_owned(),
        _ => String::new(),
    };
    let summed = |(sums, unknown)| match sums {
        Sums::Texts(counts) => counts.summary(unknown, level),
        Sums::Numbers(numbers) => {
            InputSummary { known: numbers.count(), unknown, values: SummedValues::Numbers(numbers) }
        }
    };
    Ok(LogSummary {
        decisions,
        items: items.summary(0, |item| names.items.name(item)),
        inputs: inputs.into_iter().map(summed).collect(),
    })
}
