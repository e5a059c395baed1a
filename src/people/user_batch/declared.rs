//! Feature sets that files declare, over the finitely many values that simulated candidates have.
//!
//! What is made of one input of a candidate or a moment is in a table, computed once by what `score` computes it with; what is
//! made of the profile is computed again only when the profile's value has changed. Vectors are put together value by value,
//! for all people of a batch side by side.

use super::batch::UserBatch;
use crate::base::vector::{LANES, Lanes, each, lanes};
use crate::domain::profile::{ProfileIndex, ProfileValues};
use crate::domain::{InputSlot, InputValue, TipsInput};
use crate::features::profile_history::ProfileHistory;
use crate::features::{Chain, Clock, DeclaredSet, FeatureBlock, Made};
use crate::people::person::Person;
use crate::people::person::candidates::Drawn;
use crate::people::persona_simulator::{DUE_DAYS, EFFORT_MINUTES, MeantFor, PersonaSimulator, priority};
use smol_str::{SmolStr, format_smolstr};

/// A declared feature set, ready for people of a simulator's kinds.
#[derive(Debug, Clone)]
pub struct DeclaredTables {
    set: &'static DeclaredSet,
    parts: Vec<TabledPart>,
    ids: Vec<SmolStr>,
    /// Chains over one feature of the profile.
    chains: Vec<ProfileChain>,
    /// Whether the values are the vector as they are, none hidden.
    is_plain: bool,
    /// Memory: everybody's candidates of the step, their values where some are hidden, and those of one part for one person.
    coded: Vec<Coded>,
    values: Vec<Lanes>,
    alone: Vec<f64>,
    /// What is known of each person's profile.
    known: [KnownProfile; LANES],
}

/// How the values of one part are found for a simulated candidate.
#[derive(Debug, Clone)]
struct TabledPart {
    first: usize,
    width: usize,
    from: From,
}

#[derive(Debug, Clone)]
enum From {
    Constant(f64),
    Cross(Vec<(usize, usize)>),
    /// The number at each position of what it is made from.
    Number(Code, Box<[f64; 256]>),
    /// The same for several numbers each.
    Numbers(Code, Vec<f64>),
    /// Numbers by the candidate's place, which is what its id says.
    Id(Vec<f64>),
    /// A chain over one feature of the profile: where what is made of it begins.
    Profile(usize),
    /// An hour aligned with one of the profile: where it points to, by position, and where the other's begins.
    Align(Code, Box<[Clock; 256]>, usize),
    /// A chain over anything else.
    Chain(Chain),
}

/// What a table's positions are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Code {
    Kind,
    Priority,
    Due,
    Effort,
    /// The hour that a candidate is meant for, if it has one.
    OwnHour,
    /// That hour, else the moment's.
    Hour,
    /// The moment's hour.
    Now,
    Weekday,
}

/// A chain over one feature of the profile, or the hour of it that others are aligned with.
#[derive(Debug, Clone)]
struct ProfileChain {
    chain: Chain,
    index: ProfileIndex,
    /// Where what is made of it begins for the first kind, and how many numbers that are for each.
    first: usize,
    width: usize,
    /// Where it is over a count, what it makes of each from 0 on.
    of_counts: Vec<f64>,
}

/// Counts whose values are in a table.
const COUNTS: usize = 1_024;

impl ProfileChain {
    /// What it makes of a value, where that is in the table.
    fn of_count(&self, value: f64) -> Option<&[f64]> {
        let at = (value as usize).min(COUNTS);
        let is_it = (at as f64).to_bits() == value.to_bits();
        self.of_counts.get(at * self.width..(at + 1) * self.width).filter(|_| is_it)
    }
}

/// Cosine and sine of where an hour points to, and what is added to the alignment with it: nothing, or where the hour is not
/// known the value for that, beside an hour that is aligned with nothing.
const ALIGNED: usize = 3;

/// What a chain was computed from last.
#[derive(Debug, Clone, Copy, PartialEq)]
enum LastValue {
    /// It was not computed yet.
    None,
    /// By its bits; `None` was not known.
    Of(Option<u64>),
}

/// What is known of a person's profile.
#[derive(Debug, Clone, Default)]
struct KnownProfile {
    /// Its values by kind, and the version of each.
    profiles: Vec<ProfileValues>,
    versions: Vec<Option<u64>>,
    /// For each chain and kind the value that it was computed from last.
    of: Vec<LastValue>,
    /// What was made of them.
    made: Vec<f64>,
}

/// Number of codes.
const CODES: usize = Code::Weekday as usize + 1;

/// Everybody's candidate, and its moment, as positions in the simulator's tables: those of each code.
type Coded = [[u8; LANES]; CODES];

impl Code {
    /// The code of a chain's only input, or of the two that one hour is made from.
    fn of(inputs: &[InputSlot]) -> Option<Self> {
        use TipsInput::{CandidateHour, ContextHour, DueInDays, EffortMinutes, Kind, Priority, Weekday};
        Some(match inputs {
            [InputSlot::Tips(Kind)] => Self::Kind,
            [InputSlot::Tips(Priority)] => Self::Priority,
            [InputSlot::Tips(DueInDays)] => Self::Due,
            [InputSlot::Tips(EffortMinutes)] => Self::Effort,
            [InputSlot::Tips(CandidateHour)] => Self::OwnHour,
            [InputSlot::Tips(ContextHour)] => Self::Now,
            [InputSlot::Tips(Weekday)] => Self::Weekday,
            [InputSlot::Tips(CandidateHour), InputSlot::Tips(ContextHour)] => Self::Hour,
            _ => return None,
        })
    }

    /// How many positions there are.
    fn positions(self, kinds: usize) -> usize {
        match self {
            Self::Kind => kinds,
            Self::Due => DUE_DAYS.count() + 1,
            Self::Effort => EFFORT_MINUTES.len(),
            Self::Weekday => 7,
            Self::Priority | Self::OwnHour | Self::Hour | Self::Now => 256,
        }
    }

    /// A candidate at this position of what the code is of.
    fn example(self, position: usize) -> [u8; CODES] {
        let mut codes = [0; CODES];
        codes[Self::OwnHour as usize] = MeantFor::THE_MOMENT.code();
        codes[if self == Self::Hour { Self::Now } else { self } as usize] = position as u8;
        codes
    }
}

/// What an input is for a candidate, as the request that a person makes of the step would say it.
fn value<'v>(
    slot: InputSlot,
    codes: [u8; CODES],
    id: &'v str,
    simulator: &'v PersonaSimulator,
    profile: &ProfileValues,
) -> InputValue<'v> {
    let InputSlot::Tips(input) = slot else {
        return if slot == InputSlot::Id { InputValue::Text(id) } else { InputValue::Unknown };
    };
    let at = |code: Code| usize::from(codes[code as usize]);
    match input {
        TipsInput::ContextHour => InputValue::Number(simulator.hour.at(at(Code::Now))),
        TipsInput::Weekday => InputValue::Number(at(Code::Weekday) as f64),
        TipsInput::Kind => InputValue::Text(&simulator.kinds[at(Code::Kind)]),
        TipsInput::Priority => InputValue::Number(priority(at(Code::Priority))),
        TipsInput::DueInDays => InputValue::number(DUE_DAYS.clone().nth(at(Code::Due)).map(f64::from)),
        TipsInput::EffortMinutes => InputValue::Number(f64::from(EFFORT_MINUTES[at(Code::Effort)])),
        TipsInput::CandidateHour => {
            InputValue::number(MeantFor::of_code(codes[Code::OwnHour as usize]).own_hour())
        }
        TipsInput::Profile(index) => InputValue::number(profile.get(index)),
    }
}

/// The feature of the profile that a chain is over, or that its hour is aligned with.
fn profile_index(chain: &Chain) -> Option<ProfileIndex> {
    match (&chain.inputs[..], chain.other) {
        ([InputSlot::Tips(TipsInput::Profile(index))], None) => Some(*index),
        (hour, Some(InputSlot::Tips(TipsInput::Profile(index)))) if chain.aligns_alone() => {
            Code::of(hour).filter(|code| matches!(code, Code::Hour | Code::Now)).map(|_| index)
        }
        _ => None,
    }
}

impl DeclaredTables {
    /// The tables of a set over the domain `tips`.
    pub fn new(set: &'static DeclaredSet, simulator: &PersonaSimulator) -> Self {
        let (candidates, kinds) = (simulator.scenario.raw().candidates.count as usize, simulator.kinds.len());
        let ids: Vec<SmolStr> = (0..candidates).map(|k| format_smolstr!("c{k}")).collect();
        let nothing = ProfileValues::default();
        let (mut chains, mut made) = (Vec::new(), 0);
        let mut of_profile = |chain: &Chain, index: ProfileIndex, width: usize| {
            let first = made;
            made += width * kinds;
            let is_count = index == ProfileIndex::TipVolume && chain.other.is_none();
            let mut of_counts = vec![0.0; if is_count { COUNTS * width } else { 0 }];
            for (count, out) in of_counts.chunks_exact_mut(width).enumerate() {
                chain.write(InputValue::Number(count as f64), InputValue::Unknown, out);
            }
            chains.push(ProfileChain { chain: chain.clone(), index, first, width, of_counts });
            first
        };
        // What a chain without anything of the profile makes of a candidate.
        let write = |chain: &Chain, codes: [u8; CODES], id: &str, out: &mut [f64]| {
            let mut inputs = chain.inputs.iter().map(|slot| value(*slot, codes, id, simulator, &nothing));
            let first = inputs.find(|value| *value != InputValue::Unknown);
            chain.write(first.unwrap_or(InputValue::Unknown), InputValue::Unknown, out);
        };
        let parts = set.parts().iter().map(|part| {
            let width = part.width;
            let from = match &part.made {
                Made::Constant(x) => From::Constant(*x),
                Made::Cross(factors) => From::Cross(factors.clone()),
                Made::Of(chain) => match (Code::of(&chain.inputs), profile_index(chain)) {
                    (Some(code), None) if chain.other.is_none() => {
                        let mut table = vec![0.0; code.positions(kinds) * width];
                        for (position, out) in table.chunks_exact_mut(width).enumerate() {
                            write(chain, code.example(position), "", out);
                        }
                        if width == 1 {
                            From::Number(code, Box::new(padded(&table, 0.0)))
                        } else {
                            From::Numbers(code, table)
                        }
                    }
                    (None, None) if chain.inputs[..] == [InputSlot::Id] && chain.other.is_none() => {
                        let mut table = vec![0.0; candidates * width];
                        for (id, out) in ids.iter().zip(table.chunks_exact_mut(width)) {
                            write(chain, [0; CODES], id, out);
                        }
                        From::Id(table)
                    }
                    (None, Some(index)) => From::Profile(of_profile(chain, index, width)),
                    (Some(code), Some(index)) => {
                        let clocks = std::array::from_fn(|i| Clock::at(simulator.hour.at(i)));
                        From::Align(code, Box::new(clocks), of_profile(chain, index, ALIGNED))
                    }
                    _ => From::Chain(chain.clone()),
                },
            };
            TabledPart { first: part.first, width, from }
        });
        let parts: Vec<TabledPart> = parts.collect();
        let known = KnownProfile {
            profiles: vec![ProfileValues::default(); kinds],
            versions: vec![None; kinds],
            of: vec![LastValue::None; chains.len() * kinds],
            made: vec![0.0; made],
        };
        Self {
            set,
            ids,
            chains,
            is_plain: set.outputs().iter().copied().eq(0..set.values()),
            coded: vec![Coded::default(); candidates],
            values: vec![Lanes::default(); candidates * set.values()],
            alone: vec![0.0; parts.iter().map(|part| part.width).max().unwrap_or(0)],
            parts,
            known: each!(_lane => known.clone()),
        }
    }

    /// A block for the candidates of one step.
    pub fn block(&self) -> FeatureBlock<Lanes> {
        FeatureBlock::new(self.set.dim(), self.ids.len())
    }

    /// Writes the vectors of everybody's candidates into `block`.
    fn fill(&mut self, people: &[Person; LANES], block: &mut FeatureBlock<Lanes>) {
        for (lane, person) in people.iter().enumerate() {
            let (now, weekday) = (person.moment.now, person.weekday());
            for (coded, word) in self.coded.iter_mut().zip(person.candidate_words()) {
                let drawn = Drawn::of(*word, person.simulator());
                let Drawn { kind, priority, due, effort, meant_for } = drawn;
                let mut put = |code: Code, at: u8| coded[code as usize][lane] = at;
                put(Code::Kind, kind);
                put(Code::Priority, priority as u8);
                put(Code::Due, due as u8);
                put(Code::Effort, effort as u8);
                put(Code::OwnHour, meant_for.code());
                put(Code::Hour, meant_for.quarter(now));
                put(Code::Now, now);
                put(Code::Weekday, weekday);
            }
        }
        if self.is_plain {
            return self.compute(people, block.dim(), block.rows_mut());
        }
        let (all, mut values) = (self.set.values(), std::mem::take(&mut self.values));
        self.compute(people, all, &mut values);
        for (k, values) in values.chunks_exact(all).enumerate() {
            for (out, place) in block.row_mut(k).iter_mut().zip(self.set.outputs()) {
                *out = values[*place];
            }
        }
        self.values = values;
    }

    /// Computes the values of everybody's candidates, so many for each, the hidden ones among them. Part by part, so that how
    /// one is made is looked at once for all candidates.
    fn compute(&mut self, people: &[Person; LANES], all: usize, values: &mut [Lanes]) {
        let Self { parts, ids, alone, known, coded, .. } = self;
        let at = |coded: &Coded, code: Code| coded[code as usize].map(usize::from);
        for TabledPart { first, width, from } in &*parts {
            let (first, width) = (*first, *width);
            let rows = values.chunks_exact_mut(all).zip(&*coded);
            match from {
                From::Constant(x) => rows.for_each(|(row, _)| row[first] = lanes!(_lane => *x)),
                From::Number(code, table) => rows.for_each(|(row, coded)| {
                    let at = at(coded, *code);
                    row[first] = lanes!(lane => table[at[lane]]);
                }),
                From::Numbers(code, table) => rows.for_each(|(row, coded)| {
                    gather(each!(_lane => &table[..]), at(coded, *code), &mut row[first..first + width]);
                }),
                From::Id(table) => {
                    for ((row, _), numbers) in rows.zip(table.chunks_exact(width)) {
                        for (out, x) in row[first..].iter_mut().zip(numbers) {
                            *out = lanes!(_lane => *x);
                        }
                    }
                }
                From::Profile(made) => {
                    let made = each!(lane => &known[lane].made[*made..]);
                    rows.for_each(|(row, coded)| {
                        gather(made, at(coded, Code::Kind), &mut row[first..first + width]);
                    });
                }
                From::Align(code, clocks, made) => {
                    let made = each!(lane => known[lane].made[*made..].as_chunks::<ALIGNED>().0);
                    rows.for_each(|(row, coded)| {
                        let (at, kind) = (at(coded, *code), at(coded, Code::Kind));
                        row[first] = lanes!(lane => {
                            let [cos, sin, added] = made[lane][kind[lane]];
                            clocks[at[lane]].alignment(Clock { sin, cos }) + added
                        });
                    });
                }
                From::Cross(factors) => rows.for_each(|(row, _)| {
                    let (before, out) = row.split_at_mut(first);
                    cross(factors, before, &mut out[..width]);
                }),
                From::Chain(chain) => {
                    for ((row, coded), id) in rows.zip(&*ids) {
                        for (lane, person) in people.iter().enumerate() {
                            let codes = coded.map(|of| of[lane]);
                            let profile = &known[lane].profiles[usize::from(codes[Code::Kind as usize])];
                            let of = |slot: InputSlot| value(slot, codes, id, person.simulator(), profile);
                            let mut inputs = chain.inputs.iter().map(|slot| of(*slot));
                            let own = inputs.find(|value| *value != InputValue::Unknown);
                            let other = chain.other.map_or(InputValue::Unknown, of);
                            let alone = &mut alone[..width];
                            chain.write(own.unwrap_or(InputValue::Unknown), other, alone);
                            row[first..].iter_mut().zip(alone).for_each(|(out, x)| out[lane] = *x);
                        }
                    }
                }
            }
        }
    }

    /// Computes what is made of the profile of the person in this lane, where it has changed.
    fn know(&mut self, lane: usize, person: &Person, history: &ProfileHistory) {
        let KnownProfile { versions, profiles, of, made } = &mut self.known[lane];
        let kinds = profiles.len();
        for kind in 0..kinds {
            let version = person.profile_version(history, kind);
            if version.is_some() && version == versions[kind] {
                continue;
            }
            versions[kind] = version;
            profiles[kind] = person.profile_values(history, kind);
            for (i, own) in self.chains.iter().enumerate() {
                let ProfileChain { chain, index, first, width, .. } = own;
                let (value, last) = (profiles[kind].get(*index), &mut of[i * kinds + kind]);
                if *last == LastValue::Of(value.map(f64::to_bits)) {
                    continue;
                }
                *last = LastValue::Of(value.map(f64::to_bits));
                let made = &mut made[first + kind * width..][..*width];
                if let Some(numbers) = value.and_then(|value| own.of_count(value)) {
                    made.copy_from_slice(numbers);
                    continue;
                }
                if chain.other.is_none() {
                    chain.write(InputValue::number(value), InputValue::Unknown, made);
                    continue;
                }
                let clock = value.map(Clock::at);
                let nowhere = [0.0, 0.0, chain.unknown()];
                made.copy_from_slice(&clock.map_or(nowhere, |clock| [clock.cos, clock.sin, 0.0]));
            }
        }
    }

    /// Begins with people whose histories are others.
    pub fn begin(&mut self) {
        self.known.iter_mut().for_each(|known| known.versions.fill(None));
    }
}

/// A table for any byte, filled up so that no position of one has to be checked.
fn padded<T: Copy>(table: &[T], with: T) -> [T; 256] {
    std::array::from_fn(|at| table.get(at).copied().unwrap_or(with))
}

/// Writes for everybody the values that stand at their place in their table of so many values each.
#[inline(always)]
fn gather(tables: [&[f64]; LANES], at: [usize; LANES], out: &mut [Lanes]) {
    // Mostly it is one.
    if let [out] = out {
        *out = lanes!(lane => tables[lane][at[lane]]);
        return;
    }
    let width = out.len();
    let own = each!(lane => &tables[lane][at[lane] * width..][..width]);
    for (j, out) in out.iter_mut().enumerate() {
        *out = lanes!(lane => own[lane][j]);
    }
}

/// Multiplies every value of each factor with every one of the others, as `write_cross` does for one candidate.
fn cross(factors: &[(usize, usize)], before: &[Lanes], out: &mut [Lanes]) {
    out[0] = lanes!(_lane => 1.0);
    let mut made = 1;
    for (first, width) in factors {
        let factor = &before[*first..first + width];
        // From behind, so that nothing is overwritten that is yet to be multiplied.
        for i in (0..made).rev() {
            let x = out[i];
            for (out, y) in out[i * width..][..*width].iter_mut().zip(factor) {
                *out = lanes!(lane => x[lane] * y[lane]);
            }
        }
        made *= width;
    }
}

impl UserBatch<'_> {
    /// Writes what a declared feature set sees of everybody's step into `block`, which comes from [`DeclaredTables::block`].
    #[inline(never)]
    pub fn fill_declared(
        &self,
        tables: &mut DeclaredTables,
        histories: &[ProfileHistory; LANES],
        block: &mut FeatureBlock<Lanes>,
    ) {
        if tables.set.uses_profile() {
            for (lane, history) in histories.iter().enumerate() {
                tables.know(lane, &self.people[lane], history);
            }
        }
        tables.fill(&self.people, block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::request::Request;
    use crate::features::FeatureSet;
    use crate::people::persona::Persona;
    use crate::people::scenario::Scenario;
    use std::path::Path;

    /// Every way in which values are found: tables, the profile, crosses, and chains over several inputs.
    const SET: &str = r#"
name = "every-way"
[[dimensions]]
name = "bias"
constant = 1
[[dimensions]]
name = "kind"
input = "candidate.kind"
steps = [{ one_hot = ["focus", "rest", "none-such"] }]
[[dimensions]]
name = "id"
input = "candidate.id"
steps = [{ hash = { bits = 2 } }]
[[dimensions]]
name = "hour"
input = ["candidate.hour", "context.hour"]
steps = ["cyclic"]
hidden = true
[[dimensions]]
name = "own"
input = "candidate.hour"
steps = [{ divide = 24 }]
unknown = -1
[[dimensions]]
name = "now"
input = "context.hour"
steps = [{ divide = 24 }]
[[dimensions]]
name = "day"
input = "context.weekday"
steps = [{ one_hot = [0, 5, 6] }]
[[dimensions]]
name = "priority"
input = "candidate.priority"
[[dimensions]]
name = "due"
input = "candidate.due_in_days"
steps = [{ divide = -3 }, "logistic"]
[[dimensions]]
name = "effort"
input = "candidate.effort_minutes"
steps = ["log1p"]
[[dimensions]]
name = "first"
input = ["candidate.due_in_days", "candidate.effort_minutes"]
steps = [{ clip = { minimum = -5, maximum = 5 } }]
[[dimensions]]
name = "rate"
input = "profile.completion_rate"
unknown = 0.5
[[dimensions]]
name = "volume"
input = "profile.tip_volume"
steps = ["log1p"]
[[dimensions]]
name = "alignment"
input = ["candidate.hour", "context.hour"]
steps = [{ align = "profile.preferred_hour" }]
[[dimensions]]
name = "often"
input = "profile.preferred_hour"
steps = ["cyclic"]
[[dimensions]]
name = "hour-of-kind"
cross = ["hour", "kind", "rate"]
"#;

    #[test]
    fn a_simulated_vector_is_that_of_the_persons_request() {
        let set = FeatureSet::from_toml(SET, "every-way.toml", Path::new(".")).unwrap();
        for scenario in
            ["steady", "declared-profile", "misleading-profile", "user-level", "no-profile", "warm-start"]
        {
            let scenario = Scenario::load(scenario).unwrap();
            for persona in Persona::shipped().unwrap().iter().take(2) {
                let simulator = PersonaSimulator::new(&scenario, persona, 7);
                let mut tables = DeclaredTables::new(set.declared().unwrap(), &simulator);
                let (mut batch, mut block) = (simulator.batch(3..6), tables.block());
                let mut built_in = simulator.block();
                let mut histories: [ProfileHistory; LANES] =
                    std::array::from_fn(|_| ProfileHistory::new(simulator.kinds().len()));
                for step in 0..40 {
                    batch.advance(&mut built_in);
                    batch.fill_declared(&mut tables, &histories, &mut block);
                    for lane in 0..3 {
                        let request = batch.person(lane).request(&histories[lane]);
                        let request = Request::try_from(request).unwrap();
                        let expected = FeatureBlock::of(set, request.offered());
                        for k in 0..block.len() {
                            let own: Vec<u64> = block.row(k).iter().map(|x| x[lane].to_bits()).collect();
                            let expected: Vec<u64> = expected.row(k).iter().map(|x| x.to_bits()).collect();
                            assert_eq!(own, expected, "{} step {step} candidate {k}", scenario.name());
                        }
                        histories[lane].observe(&batch.react(lane, step % block.len()).event);
                    }
                }
            }
        }
    }
}
