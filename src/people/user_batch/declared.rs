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
    /// Memory: the values of a candidate where some are hidden, and those of one part for one person.
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
    /// A table of `width` values for each position of what it is made from.
    Table(Code, Vec<f64>),
    /// A chain over one feature of the profile: where what is made of it begins.
    Profile(usize),
    /// An hour aligned with one of the profile: where it points to, by position, and where the other's begins.
    Align(Code, Vec<Clock>, usize),
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

/// A chain over one feature of the profile, or the hour of it that others are aligned with.
#[derive(Debug, Clone)]
struct ProfileChain {
    chain: Chain,
    index: ProfileIndex,
    /// Where what is made of it begins for the first kind, and how many numbers that are for each.
    first: usize,
    width: usize,
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
    /// Its values by kind.
    profiles: Vec<ProfileValues>,
    /// For each chain and kind the value that it was computed from last.
    of: Vec<LastValue>,
    /// What was made of them.
    made: Vec<f64>,
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

    /// The position of a candidate.
    #[inline(always)]
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

    /// The positions of everybody's candidate.
    #[inline(always)]
    fn positions_of(self, coded: &[Coded; LANES]) -> [usize; LANES] {
        // Which code it is, is looked at once for all.
        macro_rules! of {
            ($($Code:ident),+) => {
                match self { $(Self::$Code => each!(lane => Self::$Code.position(&coded[lane])),)+ }
            };
        }
        of!(Position, Kind, Priority, Due, Effort, OwnHour, Hour, Now, Weekday)
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
        let (candidates, kinds) = (simulator.scenario.raw().candidates.count as usize, simulator.kinds.len());
        let ids: Vec<SmolStr> = (0..candidates).map(|k| format_smolstr!("c{k}")).collect();
        let nothing = ProfileValues::default();
        let (mut chains, mut made) = (Vec::new(), 0);
        let mut of_profile = |chain: &Chain, index: ProfileIndex, width: usize| {
            let first = made;
            made += width * kinds;
            chains.push(ProfileChain { chain: chain.clone(), index, first, width });
            first
        };
        let parts = set.parts().iter().map(|part| {
            let from = match &part.made {
                Made::Constant(x) => From::Constant(*x),
                Made::Cross(factors) => From::Cross(factors.clone()),
                Made::Of(chain) => match (Code::of(&chain.inputs), profile_index(chain)) {
                    (Some(code), None) if chain.other.is_none() => {
                        let mut table = vec![0.0; code.positions(candidates, kinds) * part.width];
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
                    (None, Some(index)) => From::Profile(of_profile(chain, index, part.width)),
                    (Some(code), Some(index)) => {
                        let hours = (0..code.positions(candidates, kinds)).map(|i| simulator.hour.at(i));
                        From::Align(code, hours.map(Clock::at).collect(), of_profile(chain, index, ALIGNED))
                    }
                    _ => From::Chain(chain.clone()),
                },
            };
            TabledPart { first: part.first, width: part.width, from }
        });
        let parts: Vec<TabledPart> = parts.collect();
        let known = KnownProfile {
            profiles: vec![ProfileValues::default(); kinds],
            of: vec![LastValue::None; chains.len() * kinds],
            made: vec![0.0; made],
        };
        Self {
            set,
            ids,
            chains,
            is_plain: set.outputs().iter().copied().eq(0..set.values()),
            values: vec![Lanes::default(); set.values()],
            alone: vec![0.0; parts.iter().map(|part| part.width).max().unwrap_or(0)],
            parts,
            known: each!(_lane => known.clone()),
        }
    }

    /// A block for the candidates of one step.
    pub fn block(&self) -> FeatureBlock<Lanes> {
        FeatureBlock::new(self.set.dim(), self.ids.len())
    }

    /// Writes the vector of everybody's candidate at `position` into `row`.
    fn fill(&mut self, position: usize, people: &[Person; LANES], row: &mut [Lanes]) {
        if self.is_plain {
            return self.compute(position, people, row);
        }
        let mut values = std::mem::take(&mut self.values);
        self.compute(position, people, &mut values);
        for (out, place) in row.iter_mut().zip(self.set.outputs()) {
            *out = values[*place];
        }
        self.values = values;
    }

    /// Computes the values of everybody's candidate at `position`, the hidden ones among them.
    fn compute(&mut self, position: usize, people: &[Person; LANES], values: &mut [Lanes]) {
        let Self { parts, ids, alone, known, .. } = self;
        let coded = each!(lane => {
            let person = &people[lane];
            let drawn = Drawn::of(person.candidate_words()[position], person.simulator());
            Coded { position, drawn, now: person.moment.now, weekday: person.weekday() }
        });
        let kinds = each!(lane => usize::from(coded[lane].drawn.kind));
        for TabledPart { first, width, from } in &*parts {
            let (before, out) = values.split_at_mut(*first);
            let out = &mut out[..*width];
            match from {
                From::Constant(x) => out[0] = lanes!(_lane => *x),
                From::Table(code, table) => {
                    let at = code.positions_of(&coded);
                    gather(each!(_lane => &table[..]), at, out);
                }
                From::Profile(made) => gather(each!(lane => &known[lane].made[*made..]), kinds, out),
                From::Align(code, clocks, made) => {
                    let at = code.positions_of(&coded);
                    out[0] = lanes!(lane => {
                        let other = &known[lane].made[made + kinds[lane] * ALIGNED..][..ALIGNED];
                        clocks[at[lane]].alignment(Clock { cos: other[0], sin: other[1] }) + other[2]
                    });
                }
                From::Cross(factors) => cross(factors, before, out),
                From::Chain(chain) => {
                    for (lane, coded) in coded.iter().enumerate() {
                        let (simulator, profile) =
                            (people[lane].simulator(), &known[lane].profiles[kinds[lane]]);
                        let of = |slot: InputSlot| value(slot, coded, ids, simulator, profile);
                        let mut inputs = chain.inputs.iter().map(|slot| of(*slot));
                        let own = inputs.find(|value| *value != InputValue::Unknown);
                        let other = chain.other.map_or(InputValue::Unknown, of);
                        let alone = &mut alone[..*width];
                        chain.write(own.unwrap_or(InputValue::Unknown), other, alone);
                        out.iter_mut().zip(alone).for_each(|(out, x)| out[lane] = *x);
                    }
                }
            }
        }
    }

    /// Computes what is made of the profile of the person in this lane, where it has changed.
    fn know(&mut self, lane: usize, person: &Person, history: &ProfileHistory) {
        let KnownProfile { profiles, of, made } = &mut self.known[lane];
        profiles.clear();
        person.profile_values(history, profiles);
        let kinds = profiles.len();
        for (ProfileChain { chain, index, first, width }, of) in
            self.chains.iter().zip(of.chunks_exact_mut(kinds))
        {
            for ((profile, of), made) in profiles.iter().zip(of).zip(made[*first..].chunks_exact_mut(*width))
            {
                let value = profile.get(*index);
                if *of == LastValue::Of(value.map(f64::to_bits)) {
                    continue;
                }
                *of = LastValue::Of(value.map(f64::to_bits));
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
        for position in 0..block.len() {
            tables.fill(position, &self.people, block.row_mut(position));
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
