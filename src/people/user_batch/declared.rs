//! Feature sets that files declare, over the finitely many values that simulated candidates have.
//!
//! What is made of one input of a candidate or a moment is in a table, computed once by what `score` computes it with; what is
//! made of the profile is computed again only when the profile's value has changed. Vectors are put together number by number,
//! for each of the people apart.

use super::batch::UserBatch;
use crate::base::vector::{LANES, Lanes};
use crate::domain::profile::{ProfileIndex, ProfileValues};
use crate::domain::{InputSlot, InputValue, TipsInput};
use crate::features::profile_history::ProfileHistory;
use crate::features::{Chain, Clock, DeclaredSet, FeatureBlock, Made, write_cross};
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
    /// Memory: the values of a candidate, and those of the profile by lane and kind.
    values: Vec<f64>,
    profiles: Vec<ProfileValues>,
    /// Parts of the profile, by lane: for each kind a value of the profile and what is made of it.
    known: [Vec<KnownPart>; LANES],
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
    /// A table of `width` values for each position of what it is made from.
    Table(Code, Vec<f64>),
    /// A chain over one feature of the profile: its place among those.
    Profile(usize),
    /// An hour aligned with one of the profile: where it points to, by position, and the place of the other.
    Align(Code, Vec<Clock>, usize, f64),
    /// A chain over anything else.
    Chain(Chain),
}

/// What a table's positions are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Code {
    Position,
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

/// What a chain makes of a feature of the profile, for one kind.
#[derive(Debug, Clone, Default)]
struct KnownPart {
    value: Option<f64>,
    is_there: bool,
    made: Vec<f64>,
    /// Where an hour points to, for what is aligned with it.
    clock: Option<Clock>,
}

/// A candidate, and its moment, as positions in the simulator's tables.
#[derive(Debug, Clone, Copy)]
struct Coded {
    position: usize,
    drawn: Drawn,
    now: u8,
    weekday: u8,
}

impl Code {
    /// The code of a chain's only input, or of the two that one hour is made from.
    fn of(inputs: &[InputSlot]) -> Option<Self> {
        use TipsInput::{CandidateHour, ContextHour, DueInDays, EffortMinutes, Kind, Priority, Weekday};
        Some(match inputs {
            [InputSlot::Id] => Self::Position,
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
    fn positions(self, candidates: usize, kinds: usize) -> usize {
        match self {
            Self::Position => candidates,
            Self::Kind => kinds,
            Self::Due => DUE_DAYS.count() + 1,
            Self::Effort => EFFORT_MINUTES.len(),
            Self::Weekday => 7,
            Self::Priority | Self::OwnHour | Self::Hour | Self::Now => 256,
        }
    }

    #[inline]
    fn position(self, coded: &Coded) -> usize {
        match self {
            Self::Position => coded.position,
            Self::Kind => coded.drawn.kind.into(),
            Self::Priority => coded.drawn.priority,
            Self::Due => coded.drawn.due,
            Self::Effort => coded.drawn.effort,
            Self::OwnHour => coded.drawn.meant_for.code(),
            Self::Hour => coded.drawn.meant_for.quarter(coded.now).into(),
            Self::Now => coded.now.into(),
            Self::Weekday => coded.weekday.into(),
        }
    }

    /// A candidate at this position of what the code is of.
    fn example(self, position: usize) -> Coded {
        let byte = position as u8;
        let mut coded = Coded {
            position: 0,
            drawn: Drawn { kind: 0, priority: 0, due: 0, effort: 0, meant_for: MeantFor::THE_MOMENT },
            now: 0,
            weekday: 0,
        };
        match self {
            Self::Position => coded.position = position,
            Self::Kind => coded.drawn.kind = byte,
            Self::Priority => coded.drawn.priority = position,
            Self::Due => coded.drawn.due = position,
            Self::Effort => coded.drawn.effort = position,
            Self::OwnHour => coded.drawn.meant_for = MeantFor::of_code(byte),
            Self::Hour | Self::Now => coded.now = byte,
            Self::Weekday => coded.weekday = byte,
        }
        coded
    }
}

/// What an input is for a candidate, as the request that a person makes of the step would say it.
fn value<'v>(
    slot: InputSlot,
    coded: &Coded,
    ids: &'v [SmolStr],
    simulator: &'v PersonaSimulator,
    profile: &ProfileValues,
) -> InputValue<'v> {
    let InputSlot::Tips(input) = slot else {
        return if slot == InputSlot::Id {
            InputValue::Text(&ids[coded.position])
        } else {
            InputValue::Unknown
        };
    };
    match input {
        TipsInput::ContextHour => InputValue::Number(simulator.hour.at(coded.now.into())),
        TipsInput::Weekday => InputValue::Number(f64::from(coded.weekday)),
        TipsInput::Kind => InputValue::Text(&simulator.kinds[usize::from(coded.drawn.kind)]),
        TipsInput::Priority => InputValue::Number(priority(coded.drawn.priority)),
        TipsInput::DueInDays => InputValue::number(DUE_DAYS.clone().nth(coded.drawn.due).map(f64::from)),
        TipsInput::EffortMinutes => InputValue::Number(f64::from(EFFORT_MINUTES[coded.drawn.effort])),
        TipsInput::CandidateHour => InputValue::number(coded.drawn.meant_for.own_hour()),
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
        let candidates = simulator.scenario.raw().candidates.count as usize;
        let ids: Vec<SmolStr> = (0..candidates).map(|k| format_smolstr!("c{k}")).collect();
        let nothing = ProfileValues::default();
        let mut of_profile = 0;
        let parts = set.parts().iter().map(|part| {
            let from = match &part.made {
                Made::Constant(x) => From::Constant(*x),
                Made::Cross(factors) => From::Cross(factors.clone()),
                Made::Of(chain) => match Code::of(&chain.inputs).filter(|_| chain.other.is_none()) {
                    Some(code) => {
                        let positions = code.positions(candidates, simulator.kinds.len());
                        let mut table = vec![0.0; positions * part.width];
                        for (position, out) in table.chunks_exact_mut(part.width).enumerate() {
                            let coded = code.example(position);
                            let mut known = chain
                                .inputs
                                .iter()
                                .map(|slot| value(*slot, &coded, &ids, simulator, &nothing));
                            let first = known.find(|value| *value != InputValue::Unknown);
                            chain.write(first.unwrap_or(InputValue::Unknown), InputValue::Unknown, out);
                        }
                        From::Table(code, table)
                    }
                    None if profile_index(chain).is_some() => {
                        of_profile += 1;
                        match Code::of(&chain.inputs) {
                            None => From::Profile(of_profile - 1),
                            Some(code) => {
                                let hours = (0..code.positions(candidates, simulator.kinds.len()))
                                    .map(|i| simulator.hour.at(i));
                                From::Align(
                                    code,
                                    hours.map(Clock::at).collect(),
                                    of_profile - 1,
                                    chain.unknown(),
                                )
                            }
                        }
                    }
                    None => From::Chain(chain.clone()),
                },
            };
            TabledPart { first: part.first, width: part.width, from }
        });
        let parts = parts.collect();
        let known = || vec![KnownPart::default(); of_profile * simulator.kinds.len()];
        Self {
            set,
            parts,
            ids,
            values: vec![0.0; set.values()],
            profiles: Vec::new(),
            known: std::array::from_fn(|_| known()),
        }
    }

    /// A block for the candidates of one step.
    pub fn block(&self) -> FeatureBlock<Lanes> {
        FeatureBlock::new(self.set.dim(), self.ids.len())
    }

    /// Writes what one person of a batch is offered into their lane of `block`.
    fn fill(
        &mut self,
        lane: usize,
        person: &Person,
        history: &ProfileHistory,
        block: &mut FeatureBlock<Lanes>,
    ) {
        let simulator = person.simulator();
        let kinds = simulator.kinds.len();
        self.profiles.clear();
        if self.set.uses_profile() {
            person.profile_values(history, &mut self.profiles);
            self.know(lane, kinds);
        } else {
            self.profiles.resize(kinds, ProfileValues::default());
        }
        let Self { set, parts, ids, values, profiles, known } = self;
        let (now, weekday) = (person.moment.now, person.weekday());
        for (position, word) in person.candidate_words().iter().enumerate() {
            let coded = Coded { position, drawn: Drawn::of(*word, simulator), now, weekday };
            let kind = usize::from(coded.drawn.kind);
            for TabledPart { first, width, from } in &*parts {
                match from {
                    From::Table(code, table) if *width == 1 => {
                        values[*first] = table[code.position(&coded)];
                    }
                    From::Table(code, table) => {
                        let at = code.position(&coded) * width;
                        values[*first..first + width].copy_from_slice(&table[at..at + width]);
                    }
                    From::Profile(place) => {
                        values[*first..first + width]
                            .copy_from_slice(&known[lane][place * kinds + kind].made);
                    }
                    From::Align(code, clocks, place, unknown) => {
                        let other = known[lane][place * kinds + kind].clock;
                        let own = clocks[code.position(&coded)];
                        values[*first] = other.map_or(*unknown, |other| own.alignment(other));
                    }
                    From::Constant(x) => values[*first] = *x,
                    From::Cross(factors) => {
                        let (before, out) = values.split_at_mut(*first);
                        write_cross(factors, before, &mut out[..*width]);
                    }
                    From::Chain(chain) => {
                        let of = |slot: InputSlot| value(slot, &coded, ids, simulator, &profiles[kind]);
                        let first_known = chain.inputs.iter().map(|slot| of(*slot));
                        let own = first_known.clone().find(|value| *value != InputValue::Unknown);
                        let other = chain.other.map_or(InputValue::Unknown, of);
                        chain.write(
                            own.unwrap_or(InputValue::Unknown),
                            other,
                            &mut values[*first..first + width],
                        );
                    }
                }
            }
            for (cell, place) in block.row_mut(position).iter_mut().zip(set.outputs()) {
                cell[lane] = values[*place];
            }
        }
    }

    /// Computes what is made of the profile of a person in this lane, where it has changed.
    fn know(&mut self, lane: usize, kinds: usize) {
        let chains = self.set.parts().iter().filter_map(|part| match &part.made {
            Made::Of(chain) => profile_index(chain).map(|index| (part.width, chain, index)),
            _ => None,
        });
        for (place, (width, chain, index)) in chains.enumerate() {
            for (kind, profile) in self.profiles.iter().enumerate() {
                let (known, value) = (&mut self.known[lane][place * kinds + kind], profile.get(index));
                let same = known.is_there && known.value.map(f64::to_bits) == value.map(f64::to_bits);
                if !same {
                    if chain.other.is_some() {
                        known.clock = value.map(Clock::at);
                    } else {
                        known.made.resize(width, 0.0);
                        chain.write(InputValue::number(value), InputValue::Unknown, &mut known.made);
                    }
                    (known.value, known.is_there) = (value, true);
                }
            }
        }
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
        for lane in 0..self.len() {
            tables.fill(lane, self.person(lane), &histories[lane], block);
        }
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
