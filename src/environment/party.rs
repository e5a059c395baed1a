//! Four people of one persona who live side by side, each in a lane of a vector register.
//!
//! They have nothing to do with each other: each draws from streams of their own, and what is computed of them together
//! has the same bits as if each were alone. Where there are fewer, the first stands in for those who are missing, and
//! nobody looks at what becomes of them.

use super::logit::sigmas;
use super::person::candidates::{Drawn, Moment};
use super::person::character::{Character, KindTaste};
use super::person::reaction::{Answer, expected};
use super::person::utility::u;
use super::person::{Outcome, Person};
use super::stage::Stage;
use crate::features::{ALL_DIMS, FeatureBlock, ProfileFeatures};
use crate::history::History;
use crate::persona::Refusal;
use crate::scenario::RawScenario;
use crate::vector::{Cell, Kernel, LANES, Lanes, Vector, each, lanes};
use std::ops::Range;

/// People who take their steps together.
#[derive(Debug)]
pub struct Party<'a> {
    stage: &'a Stage<'a>,
    pub(super) people: [Person<'a>; LANES],
    /// How many of them are not there to fill a lane.
    len: usize,
    characters: Characters,
    /// Index of each candidate's kind.
    kinds: Vec<[u8; LANES]>,
    /// u of each candidate, and the largest.
    u: Vec<Lanes>,
    best_u: Lanes,
    /// What they make of the best candidate, and of those that each policy chose.
    answers: Vec<Answers>,
    /// Room for what the scenario makes of their profiles.
    served: [Vec<ProfileFeatures>; LANES],
}

/// What of their characters a candidate's u depends on.
#[derive(Debug, Default)]
struct Characters {
    /// For priority, urgency and effort.
    features: [Lanes; 3],
    timing: Lanes,
    /// By kind: the taste, and quarter hours from the best one to midnight.
    kinds: Vec<(Lanes, [u8; LANES])>,
}

/// What they make of one tip each.
#[derive(Debug, Clone, Copy, Default)]
struct Answers {
    completed: Lanes,
    dismissed: Lanes,
    expected: Lanes,
}

impl<'a> Party<'a> {
    /// The people of these numbers, of whom there are 1 to [`LANES`].
    pub(super) fn new(stage: &'a Stage<'a>, users: Range<u64>) -> Self {
        let len = (users.end - users.start) as usize;
        assert!((1..=LANES).contains(&len));
        let of_lane = |lane| Person::new(stage, users.start + if lane < len { lane as u64 } else { 0 });
        let people = std::array::from_fn(of_lane);
        let count = stage.scenario.raw().candidates.count as usize;
        let mut party = Self {
            stage,
            people,
            len,
            characters: Characters::default(),
            kinds: vec![[0; LANES]; count],
            u: vec![Lanes::default(); count],
            best_u: Lanes::default(),
            answers: Vec::new(),
            served: Default::default(),
        };
        party.look_at_characters();
        party
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Never: there is somebody.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The conditions they live under.
    #[inline(always)]
    pub fn scenario(&self) -> &'a RawScenario {
        self.stage.scenario.raw()
    }

    /// One of them.
    #[inline(always)]
    pub fn person(&self, lane: usize) -> &Person<'a> {
        &self.people[lane]
    }

    /// Each of them, and those who fill the other lanes.
    #[inline(always)]
    pub(crate) fn people_mut(&mut self) -> &mut [Person<'a>; LANES] {
        &mut self.people
    }

    /// Everybody goes on to the next step: moment, candidates and luck are drawn, and the candidates' dimensions 0 to 6
    /// written into `block`.
    #[inline(always)]
    pub fn advance(&mut self, block: &mut FeatureBlock<Lanes>) {
        self.advance_those(&[true; LANES], block);
    }

    /// The same, of whom it is true.
    #[inline(always)]
    pub fn advance_those(&mut self, who: &[bool; LANES], block: &mut FeatureBlock<Lanes>) {
        for (person, goes) in self.people.iter_mut().zip(who) {
            if *goes {
                person.draw_moment();
            }
        }
        if self.scenario().change.is_some() {
            self.look_at_characters();
        }
        self.best_u = Lanes::run(Draw {
            stage: self.stage,
            characters: &self.characters,
            moments: each(
                #[inline(always)]
                |lane| self.people[lane].moment,
            ),
            words: each(
                #[inline(always)]
                |lane| self.people[lane].candidate_words(),
            ),
            rows: block.full_rows_mut(),
            kinds: &mut self.kinds,
            u: &mut self.u,
        });
    }

    fn look_at_characters(&mut self) {
        let characters = self.people.each_ref().map(|person| &person.character);
        let of = |value: fn(&Character) -> f64| Lanes(characters.map(value));
        self.characters.features = [of(|c| c.priority), of(|c| c.urgency), of(|c| c.effort)];
        self.characters.timing = of(|c| c.timing);
        let of_kind =
            |kind: usize, value: fn(&KindTaste) -> f64| Lanes(characters.map(|c| value(&c.kinds[kind])));
        let kind = |kind: usize| (of_kind(kind, |k| k.now), characters.map(|c| c.kinds[kind].offset));
        self.characters.kinds.clear();
        self.characters.kinds.extend((0..self.stage.kinds.len()).map(kind));
    }

    /// Index of the kind of everybody's candidate `k`.
    #[inline(always)]
    pub fn kinds(&self, k: usize) -> [u8; LANES] {
        self.kinds[k]
    }

    /// Writes the profile's dimensions of every candidate into `block`, as the scenario serves the profiles that follow
    /// from their `histories`.
    #[inline(always)]
    pub fn serve_profiles(&mut self, histories: &[History; LANES], block: &mut FeatureBlock<Lanes>) {
        let [a, b, c, d] = &mut self.served;
        let [e, f, g, h] = &self.people;
        let features = [
            e.profile_features(&histories[0], a),
            f.profile_features(&histories[1], b),
            g.profile_features(&histories[2], c),
            h.profile_features(&histories[3], d),
        ];
        Lanes::run(Profiles { features, kinds: &self.kinds, rows: block.full_rows_mut() });
    }

    /// Everybody makes up their mind on their best candidate and on those `chosen` by each policy.
    #[inline(always)]
    pub fn consider(&mut self, chosen: impl ExactSizeIterator<Item = [usize; LANES]>) {
        self.answers.resize(1 + chosen.len(), Answers::default());
        let (refusal, mild) = (&self.stage.persona.raw().refusal, self.stage.mild_reward);
        let consider = |u: Lanes| Lanes::run(Consider { refusal, mild, u });
        let Some((of_best, of_chosen)) = self.answers.split_first_mut() else { return };
        *of_best = consider(self.best_u);
        for (answers, chosen) in of_chosen.iter_mut().zip(chosen) {
            *answers = consider(lanes(
                #[inline(always)]
                |lane| self.u[chosen[lane]][lane],
            ));
        }
    }

    /// Expected reward of the best candidate: what an oracle that knows the person would get. Once
    /// [`Self::consider`] was called.
    #[inline(always)]
    pub fn best_expected(&self) -> Lanes {
        self.answers[0].expected
    }

    /// How one of them reacts when candidate `k` is shown, which policy `i` of those that [`Self::consider`] was called
    /// with has chosen.
    #[inline(always)]
    pub fn react_to_chosen(&self, i: usize, lane: usize, k: usize) -> Outcome {
        let Answers { completed, dismissed, expected } = &self.answers[i + 1];
        let (completed, dismissed, expected) = (completed[lane], dismissed[lane], expected[lane]);
        self.people[lane].react_by(k, Answer { completed, dismissed, expected })
    }

    /// How one of them reacts when candidate `k` is shown.
    pub fn react(&self, lane: usize, k: usize) -> Outcome {
        let person = &self.people[lane];
        person.react_by(k, person.answer(self.u[k][lane]))
    }
}

/// Draws the candidates that random words stand for: writes their dimensions 1 to 6, their kinds, and u; gives the
/// largest u.
struct Draw<'p> {
    stage: &'p Stage<'p>,
    characters: &'p Characters,
    moments: [Moment; LANES],
    words: [&'p [[u8; 8]]; LANES],
    rows: &'p mut [[Lanes; ALL_DIMS]],
    kinds: &'p mut [[u8; LANES]],
    u: &'p mut [Lanes],
}

impl Kernel<Lanes> for Draw<'_> {
    type Output = Lanes;

    #[inline(always)]
    fn run<V: Vector<Cell = Lanes>>(self, level: V::Level) -> Lanes {
        let Self { stage, characters, moments, kinds: all_kinds, u: us, .. } = self;
        let count = self.rows.len();
        let (all_kinds, us) = (&mut all_kinds[..count], &mut us[..count]);
        let words = each(
            #[inline(always)]
            |l| &self.words[l][..count],
        );
        let moment = V::load(
            level,
            &lanes(
                #[inline(always)]
                |l| moments[l].u,
            ),
        );
        let weekend = lanes(
            #[inline(always)]
            |l| moments[l].weekend,
        );
        let [priority, urgency, effort] = &characters.features;
        let weights = [V::load(level, priority), V::load(level, urgency), V::load(level, effort)];
        let timing = V::load(level, &characters.timing);
        let mut best = V::all(level, f64::NEG_INFINITY);
        for k in 0..count {
            let drawn = each(
                #[inline(always)]
                |l| Drawn::of(words[l][k], stage),
            );
            let quarter = each(
                #[inline(always)]
                |l| drawn[l].meant_for.quarter(moments[l].now),
            );
            let of_kind = each(
                #[inline(always)]
                |l| &characters.kinds[drawn[l].kind],
            );
            let taste = lanes(
                #[inline(always)]
                |l| of_kind[l].0[l],
            );
            let suits = lanes(
                #[inline(always)]
                |l| stage.alignment.at((quarter[l] + of_kind[l].1[l]).into()),
            );
            let kind = V::load(level, &taste) + timing * V::load(level, &suits);
            let clock = each(
                #[inline(always)]
                |l| stage.clock.of(quarter[l].into()),
            );
            let sin = V::load(
                level,
                &lanes(
                    #[inline(always)]
                    |l| clock[l].sin,
                ),
            );
            let cos = V::load(
                level,
                &lanes(
                    #[inline(always)]
                    |l| clock[l].cos,
                ),
            );
            let priority = V::load(
                level,
                &lanes(
                    #[inline(always)]
                    |l| stage.priority.at(drawn[l].priority),
                ),
            );
            let urgency = V::load(
                level,
                &lanes(
                    #[inline(always)]
                    |l| stage.urgency.at(drawn[l].due),
                ),
            );
            let effort = V::load(
                level,
                &lanes(
                    #[inline(always)]
                    |l| stage.effort.at(drawn[l].effort),
                ),
            );
            let of_this = u(level, weights, moment, kind, [priority, urgency, effort]);
            best = best.larger(of_this);
            us[k] = of_this.cell();
            all_kinds[k] = each(
                #[inline(always)]
                |l| drawn[l].kind as u8,
            );
            let row = &mut self.rows[k];
            row[1] = sin.cell();
            row[2] = cos.cell();
            row[3] = weekend;
            row[4] = priority.cell();
            row[5] = urgency.cell();
            row[6] = effort.cell();
        }
        best.cell()
    }
}

/// Writes dimensions 7 to 11 of candidates of these kinds, once dimensions 1 and 2 are there.
struct Profiles<'p> {
    /// By lane and kind.
    features: [&'p [ProfileFeatures]; LANES],
    kinds: &'p [[u8; LANES]],
    rows: &'p mut [[Lanes; ALL_DIMS]],
}

impl Kernel<Lanes> for Profiles<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Cell = Lanes>>(self, level: V::Level) {
        for (row, kinds) in self.rows.iter_mut().zip(self.kinds) {
            let of = each(
                #[inline(always)]
                |l| &self.features[l][kinds[l] as usize],
            );
            // As `Clock::alignment` has it.
            let cos = V::load(
                level,
                &lanes(
                    #[inline(always)]
                    |l| of[l].preferred.cos,
                ),
            );
            let sin = V::load(
                level,
                &lanes(
                    #[inline(always)]
                    |l| of[l].preferred.sin,
                ),
            );
            let alignment = V::load(level, &row[2]) * cos + V::load(level, &row[1]) * sin;
            row[7] = V::load(
                level,
                &lanes(
                    #[inline(always)]
                    |l| of[l].completion_rate,
                ),
            )
            .cell();
            row[8] = V::load(
                level,
                &lanes(
                    #[inline(always)]
                    |l| of[l].dismiss_rate,
                ),
            )
            .cell();
            row[9] = V::load(
                level,
                &lanes(
                    #[inline(always)]
                    |l| of[l].mean_dwell,
                ),
            )
            .cell();
            row[10] = alignment.cell();
            row[11] = V::load(
                level,
                &lanes(
                    #[inline(always)]
                    |l| of[l].tip_volume,
                ),
            )
            .cell();
        }
    }
}

/// What people who refuse so make of a tip with this u: the same bits as [`Person::answer`] gives.
struct Consider<'p> {
    refusal: &'p Refusal,
    mild: f64,
    u: Lanes,
}

impl Kernel<Lanes> for Consider<'_> {
    type Output = Answers;

    #[inline(always)]
    fn run<V: Vector<Cell = Lanes>>(self, _: V::Level) -> Answers {
        let v = each(
            #[inline(always)]
            |l| self.refusal.base - self.refusal.relief * self.u[l],
        );
        let (completed, dismissed) = (Lanes(sigmas(self.u.0)), Lanes(sigmas(v)));
        let expected = lanes(
            #[inline(always)]
            |l| expected(self.mild, completed[l], dismissed[l]),
        );
        Answers { completed, dismissed, expected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persona::Persona;
    use crate::scenario::Scenario;

    /// Calls `check` with every shipped persona's stage in a scenario in which tastes change.
    fn stages(check: impl Fn(&Stage)) {
        let scenario = Scenario::load("drift").unwrap();
        for persona in Persona::shipped().unwrap() {
            check(&Stage::new(&scenario, &persona, 7));
        }
    }

    #[test]
    fn together_everybody_lives_as_they_would_alone() {
        stages(|stage| {
            let (mut together, mut block) = (stage.party(5..9), stage.block());
            let mut alone = [5, 6, 7, 8].map(|user| (stage.party(user..user + 1), stage.block()));
            for step in 0..60 {
                together.advance(&mut block);
                let chosen =
                    |policy: usize| std::array::from_fn(|lane| (lane * 7 + step + policy) % block.len());
                together.consider((0..3).map(chosen));
                for (lane, (person, own)) in alone.iter_mut().enumerate() {
                    person.advance(own);
                    for k in 0..block.len() {
                        let of = |row: &[Lanes], lane: usize| row.iter().map(|x| x[lane]).collect::<Vec<_>>();
                        assert_eq!(of(block.row(k), lane), of(own.row(k), 0));
                        assert_eq!(together.react(lane, k), person.react(0, k));
                    }
                    for policy in 0..3 {
                        let k = chosen(policy)[lane];
                        assert_eq!(together.react_to_chosen(policy, lane, k), person.react(0, k));
                    }
                    let all = (0..block.len()).map(|k| person.react(0, k).expected);
                    assert_eq!(together.best_expected()[lane], all.fold(f64::NEG_INFINITY, f64::max));
                }
            }
        });
    }

    #[test]
    fn a_step_passed_is_one_lived_at_random() {
        stages(|stage| {
            let (mut passing, mut living, mut block) = (stage.person(3), stage.party(3..4), stage.block());
            for _ in 0..100 {
                living.advance(&mut block);
                assert_eq!(passing.pass(), living.react(0, living.person(0).random_candidate()));
            }
        });
    }
}
