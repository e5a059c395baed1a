//! The columns of a log, comma-separated or Parquet, that are inputs of a domain.

use super::columns::{Columns, find_column, no_column};
use super::declared::SaidInputs;
use super::place::malformed;
use crate::base::error::{Error, Fault, Result};
use crate::base::read::{is_nothing, number_or_truth};
use crate::domain::request::Context;
use crate::domain::{Domain, DomainInput, InputOf, InputSlot, InputType, KeptValue, TipsInput};
use crate::evaluation::inputs::InputPlaces;
use crate::evaluation::log::vocabulary::LogVocabulary;
use crate::evaluation::row::Row;

/// Which column each input of a domain is in.
pub(super) struct ColumnInputs {
    domain: &'static Domain,
    places: InputPlaces,
    /// Each input that has a column, with it.
    columns: Vec<(&'static DomainInput, usize)>,
    /// Of what each input is, by sort and place.
    values: Vec<Vec<KeptValue>>,
    said: SaidInputs,
    nothings: Nothings,
    /// A column that nothing reads, for two inputs have its name, with these.
    shared: Option<[String; 3]>,
    /// Outcomes whose names are numbers, each as that number, with what it is worth.
    numbered: Vec<(f64, f64)>,
}

/// Cells that say in a word that there is nothing.
#[derive(Default)]
pub(super) struct Nothings {
    /// How many of them are categories, in which such a word could be one like another.
    words: u64,
    /// The first of these, and of which input.
    example: Option<(String, String)>,
}

impl Nothings {
    /// What a cell says of an input. How programs write that there is nothing is unknown, as a null is, unless the domain has a
    /// level of that name.
    ///
    /// # Errors
    /// What the input may not be, also nothing where it is required.
    pub(super) fn value_of(&mut self, input: &DomainInput, cell: &str) -> Result<KeptValue, Fault> {
        let is_level = input.levels.as_ref().is_some_and(|levels| levels.iter().any(|level| level == cell));
        if !is_nothing(cell) || is_level {
            return input.of_text(cell);
        }
        if input.required {
            return Err(Fault::new(&input.name, format!("{cell:?}"), input.allowed()));
        }
        if input.kind == InputType::Category {
            self.words += 1;
            self.example.get_or_insert_with(|| (cell.to_owned(), input.path()));
        }
        Ok(KeptValue::Unknown)
    }

    fn remark(&self, origin: &str) -> Option<String> {
        let (cell, path) = self.example.as_ref()?;
        Some(format!(
            "{origin}: {} cells of categories are how programs write that there is nothing, such as {cell:?} of {path}: they \
             are unknown; where it is a word, name it among the input's `levels` in the domain's file",
            self.words
        ))
    }
}

impl ColumnInputs {
    /// The columns of the inputs of `domain`: those that are named, else those that have an input's name and are not `taken` by
    /// anything else. `place` is where errors say that a column of the header stands.
    ///
    /// # Errors
    /// An input or a column that there is not; a column that is there twice.
    pub(super) fn new(
        domain: &'static Domain,
        names: &Columns,
        header: &[String],
        taken: &[usize],
        place: impl Fn(usize) -> String,
    ) -> Result<Self> {
        let column_of =
            |name: &str| find_column(header, name).map_err(|(second, fault)| fault.at(place(second)));
        let missing = |error: Error| malformed(place(0), error);
        let mut columns: Vec<(&'static DomainInput, usize)> = Vec::new();
        for (role, column) in &names.inputs {
            let (input, _) = domain.find(&role.replacen(':', ".", 1)).map_err(missing)?;
            let Some(input) = input else {
                let allowed = "the column of action, which is the candidate's id";
                return Err(Fault::new("--columns", role, allowed).at("command line"));
            };
            let at = column_of(column)?.ok_or_else(|| missing(no_column(header, column)))?;
            if let Some(allowed) = known_too_late(names, column) {
                return Err(Fault::new("--columns", format!("{role}={column}"), allowed).at("command line"));
            }
            columns.push((input, at));
        }
        for input in &domain.raw().inputs {
            if columns.iter().any(|(own, _)| std::ptr::eq(*own, input)) {
                continue;
            }
            let alone = domain.raw().inputs.iter().filter(|other| other.name == input.name).count() == 1;
            let free = |at: &usize| !taken.contains(at);
            let found = match &input.in_logs {
                Some(name) => {
                    if let Some(allowed) = known_too_late(names, name) {
                        let field = format!("in_logs of input {}", input.path());
                        return Err(Fault::new(field, format!("{name:?}"), allowed).at(domain.label()));
                    }
                    column_of(name)?
                }
                None => match column_of(&input.path())? {
                    None if alone => column_of(&input.name)?.filter(free),
                    by_path => by_path,
                },
            };
            columns.extend(found.map(|at| (input, at)));
        }
        let mut said = SaidInputs::new(domain);
        columns.iter().for_each(|(input, _)| said.add(input));
        if header.contains(&names.timestamp) {
            let inputs = InputOf::ALL.into_iter().flat_map(|of| domain.inputs_of(of).enumerate());
            let moments = inputs.filter(|(n, input)| is_of_moment(domain, input.of, *n));
            moments.for_each(|(_, input)| said.add(input));
        }
        let is_read = |at: &usize| taken.contains(at) || columns.iter().any(|(_, own)| own == at);
        let shared = (0..header.len()).filter(|at| !is_read(at)).find_map(|at| {
            let mut inputs = domain.raw().inputs.iter().filter(|input| input.name == header[at]);
            let (one, other) = (inputs.next()?, inputs.next()?);
            Some([&header[at], &one.path(), &other.path()].map(String::clone))
        });
        let values = InputOf::ALL.map(|of| vec![KeptValue::Unknown; domain.inputs_of(of).count()]).to_vec();
        let outcomes = domain.raw().outcomes.iter();
        let numbered = outcomes.filter_map(|own| Some((own.name.parse().ok()?, own.reward))).collect();
        Ok(Self {
            domain,
            places: InputPlaces::new(domain),
            columns,
            values,
            said,
            nothings: Nothings::default(),
            shared,
            numbered,
        })
    }

    /// The reward that a text says: the name of an outcome, which may look like a number, or a number.
    ///
    /// # Errors
    /// What is allowed.
    pub(super) fn reward(&self, text: &str) -> Result<f64, String> {
        let text = text.trim();
        let outcomes = &self.domain.raw().outcomes;
        let named = outcomes.iter().find(|own| own.name == text).map(|own| own.reward);
        named.or_else(|| number_or_truth(text).map(|number| self.reward_of_number(number))).ok_or_else(|| {
            let outcomes = outcomes.iter().map(|own| own.name.as_str());
            format!("a number, true or false, or an outcome: {}", outcomes.collect::<Vec<_>>().join(", "))
        })
    }

    /// The reward that a number says: that of the outcome of this name, or itself.
    pub(super) fn reward_of_number(&self, number: f64) -> f64 {
        self.numbered.iter().find(|(name, _)| *name == number).map_or(number, |(_, reward)| *reward)
    }

    /// Whether an input is in this column.
    pub(super) fn reads(&self, column: usize) -> bool {
        self.columns.iter().any(|(_, at)| *at == column)
    }

    /// The last column that is looked at.
    pub(super) fn last(&self) -> usize {
        self.columns.iter().map(|(_, at)| *at).max().unwrap_or(0)
    }

    /// The inputs that have a column, each with it.
    pub(super) fn columns(&self) -> &[(&'static DomainInput, usize)] {
        &self.columns
    }

    /// Writes what a record says into `row`, whose item is known; `value` gives what an input is by its column.
    ///
    /// # Errors
    /// A value that is not as the domain declares it, with its column.
    pub(super) fn fill(
        &mut self,
        row: &mut Row,
        names: &mut LogVocabulary,
        value: impl Fn(&DomainInput, usize, &mut Nothings) -> Result<KeptValue, Fault>,
    ) -> Result<(), (usize, Fault)> {
        for (input, at) in &self.columns {
            let value = value(input, *at, &mut self.nothings).map_err(|fault| (*at, fault))?;
            let place = self.domain.inputs_of(input.of).position(|own| std::ptr::eq(own, *input));
            self.values[input.of as usize][place.expect("it is one of them")] = value;
        }
        let (values, moment, domain) = (&self.values, row.moment, self.domain);
        self.places.write(row, names, 1, |of, n, _| {
            let own = values[of as usize][n].get();
            match (own, moment) {
                // The moment says the hour and the weekday of the domain that is built in.
                (crate::domain::InputValue::Unknown, Some(moment)) => of_moment(domain, of, n, moment),
                (own, _) => own,
            }
        });
        self.places.keep_item(row, names);
        Ok(())
    }

    /// What deserves attention once the log is read.
    pub(super) fn remarks(&self, origin: &str, varied: u64) -> Vec<String> {
        let mut remarks: Vec<String> = Vec::new();
        remarks.extend(self.said.remark(origin));
        remarks.extend(self.nothings.remark(origin));
        if let Some([column, one, other]) = &self.shared {
            let role = one.replacen('.', ":", 1);
            remarks.push(format!(
                "{origin}: column {column:?} may be {one} or {other}: say which, as with --columns {role}={column}"
            ));
        }
        if varied > 0 {
            remarks.push(format!(
                "{origin}: in {varied} decisions the chosen item is not what it was when it was chosen first, by which all \
                 decisions know it; a log that lists its candidates says what each of them was"
            ));
        }
        remarks
    }
}

/// What is allowed in place of a column that nobody knows before the choice is made; `None` for others.
fn known_too_late(names: &Columns, column: &str) -> Option<&'static str> {
    let is_late = [&names.reward, &names.propensity].into_iter().any(|late| late == column);
    is_late.then_some("a column of what is known when a choice is made, which reward and propensity are not")
}

/// Whether the moment of a decision says this input.
fn is_of_moment(domain: &Domain, of: InputOf, n: usize) -> bool {
    matches!(domain.slot_of(of, n), Some(InputSlot::Tips(TipsInput::ContextHour | TipsInput::Weekday)))
}

fn of_moment(domain: &Domain, of: InputOf, n: usize, moment: Context) -> crate::domain::InputValue<'static> {
    use crate::domain::InputValue::{Number, Unknown};
    match domain.slot_of(of, n) {
        Some(InputSlot::Tips(TipsInput::ContextHour)) => Number(moment.hour),
        Some(InputSlot::Tips(TipsInput::Weekday)) => Number(f64::from(moment.weekday)),
        _ => Unknown,
    }
}
