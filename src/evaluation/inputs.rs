//! What a log says by a domain's inputs, as numbers, and the vectors that declared feature sets make of it.
//!
//! A row holds first the inputs of the context, then for each candidate those of the profile, as they hold for it, and its own,
//! in the order in which the domain declares them. A category is the number of its text. Where a log does not list candidates,
//! a row has the inputs of the chosen one, and each item is taken to be what the first row that says it says.

use super::log::LogVocabulary;
use super::row::{Row, RowVectors};
use crate::domain::{Domain, InputOf, InputSlot, InputType, InputValue};
use crate::features::{DeclaredSet, FeatureBlock};

/// Where the inputs of a domain stand in a row.
#[derive(Debug, Clone)]
pub(crate) struct InputPlaces {
    domain: &'static Domain,
    /// For each input, whether it is a category.
    context: Vec<bool>,
    profile: Vec<bool>,
    candidate: Vec<bool>,
    /// The numbers of the inputs in the domain's file: those of the context, then profile and candidate.
    in_file: [Vec<usize>; 2],
}

impl InputPlaces {
    /// The places of this domain's inputs.
    pub(crate) fn new(domain: &'static Domain) -> Self {
        let of = |of| domain.inputs_of(of).map(|input| input.kind == InputType::Category).collect();
        let in_file = |of: InputOf| {
            let inputs = domain.raw().inputs.iter().enumerate();
            inputs.filter(move |(_, input)| input.of == of).map(|(i, _)| i)
        };
        let of_each = in_file(InputOf::Profile).chain(in_file(InputOf::Candidate)).collect();
        Self {
            domain,
            context: of(InputOf::Context),
            profile: of(InputOf::Profile),
            candidate: of(InputOf::Candidate),
            in_file: [in_file(InputOf::Context).collect(), of_each],
        }
    }

    /// Gives each input that `row` holds, by its number in the domain's file, with its code, to `take`; what is of candidates
    /// once for each of them.
    pub(crate) fn each(&self, row: &Row, mut take: impl FnMut(usize, f64)) {
        let [of_context, of_each] = &self.in_file;
        let (context, each) = row.inputs.split_at(of_context.len());
        of_context.iter().zip(context).for_each(|(input, code)| take(*input, *code));
        for codes in each.chunks_exact(of_each.len().max(1)) {
            of_each.iter().zip(codes).for_each(|(input, code)| take(*input, *code));
        }
    }

    /// Writes what `of` gives for the context, and for each of so many candidates, into `row`.
    pub(crate) fn write<'v>(
        &self,
        row: &mut Row,
        names: &mut LogVocabulary,
        candidates: usize,
        of: impl Fn(InputOf, usize, usize) -> InputValue<'v>,
    ) {
        names.domain = Some(self.domain);
        row.inputs.clear();
        row.inputs.extend((0..self.context.len()).map(|n| names.code(of(InputOf::Context, n, 0))));
        for k in 0..candidates {
            row.inputs.extend((0..self.profile.len()).map(|n| names.code(of(InputOf::Profile, n, k))));
            row.inputs.extend((0..self.candidate.len()).map(|n| names.code(of(InputOf::Candidate, n, k))));
        }
    }

    /// Keeps what the chosen item of a row without a list is, as far as no row before has said it.
    pub(crate) fn keep_item(&self, row: &Row, names: &mut LogVocabulary) {
        let own = &row.inputs[self.context.len() + self.profile.len()..];
        names.keep_item(row.chosen as usize, own);
    }

    /// What an input is for the candidate at `k` of a row.
    pub(crate) fn value<'a>(
        &self,
        row: &Row,
        names: &'a LogVocabulary,
        slot: InputSlot,
        k: usize,
    ) -> InputValue<'a> {
        let Some((of, n)) = slot.place() else {
            let item = row.listed.get(k).map_or(k as u32, |listed| listed.item);
            return InputValue::text(std::str::from_utf8(names.items.bytes(item)).ok());
        };
        let (context, profile) = (self.context.len(), self.profile.len());
        let each = profile + self.candidate.len();
        let is_listed = !row.listed.is_empty();
        let code = match of {
            InputOf::Context => row.inputs.get(n).copied(),
            InputOf::Candidate if !is_listed => names.first_of_item(k, n),
            InputOf::Candidate => row.inputs.get(context + k * each + profile + n).copied(),
            // Without a list there is one profile, of the user, for all.
            InputOf::Profile => {
                let k = if is_listed { k } else { 0 };
                row.inputs.get(context + k * each + n).copied()
            }
        };
        let texts = match of {
            InputOf::Context => &self.context,
            InputOf::Profile => &self.profile,
            InputOf::Candidate => &self.candidate,
        };
        match code {
            Some(code) if code.is_nan() => InputValue::Unknown,
            None => InputValue::Unknown,
            Some(code) if texts[n] => names.level(code),
            Some(code) => InputValue::Number(code),
        }
    }
}

/// Makes vectors of rows.
#[derive(Debug, Clone)]
pub(crate) struct Featurizer {
    set: &'static DeclaredSet,
    places: InputPlaces,
    values: Vec<f64>,
}

impl Featurizer {
    /// The vectors of this set.
    pub(crate) fn new(set: &'static DeclaredSet) -> Self {
        Self { set, places: InputPlaces::new(set.domain()), values: Vec::new() }
    }

    /// Writes the vectors of the candidates of `row`, or of this many items where it lists none, into `block`.
    pub(crate) fn fill(&mut self, row: &Row, names: &LogVocabulary, items: usize, block: &mut FeatureBlock) {
        let candidates = if row.listed.is_empty() { items } else { row.listed.len() };
        if block.len() != candidates || block.dim() != self.set.dim() {
            *block = FeatureBlock::new(self.set.dim(), candidates);
        }
        for k in 0..candidates {
            self.vector(row, names, k, block.row_mut(k));
        }
    }

    fn vector(&mut self, row: &Row, names: &LogVocabulary, k: usize, out: &mut [f64]) {
        let Self { set, places, values } = self;
        set.write(|slot| places.value(row, names, slot, k), values, out);
    }

    /// Gives `row` the vectors of these candidates for a reward model.
    pub(crate) fn vectors(
        &mut self,
        row: &mut Row,
        names: &LogVocabulary,
        candidates: std::ops::Range<usize>,
    ) {
        let (dim, first) = (self.set.dim(), candidates.start);
        let mut data = std::mem::take(&mut row.vectors.data);
        data.clear();
        data.resize(dim * candidates.len(), 0.0);
        for (k, out) in candidates.zip(data.chunks_exact_mut(dim)) {
            self.vector(row, names, k, out);
        }
        row.vectors = RowVectors { dim, first, data };
    }
}
