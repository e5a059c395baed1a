//! The people of one batch, and the steps that they take together.

use super::characters::Characters;
use super::kernels::{BatchOdds, Consider, Draw, Profiles};
use crate::base::vector::{Cell, Kernel, LANES, Lanes, Vector, each, lanes};
use crate::features::profile_history::ProfileHistory;
use crate::features::{FeatureBlock, ProfileFeatures};
use crate::people::person::candidates::Offer;
use crate::people::person::odds::ReactionOdds;
use crate::people::person::{Outcome, Person};
use crate::people::persona_simulator::PersonaSimulator;
use crate::people::scenario::RawScenario;
use std::ops::Range;

/// People who take their steps together.
#[derive(Debug)]
pub struct UserBatch<'a> {
    simulator: &'a PersonaSimulator<'a>,
    pub(in crate::people) people: [Person<'a>; LANES],
    /// How many of them are users; the others fill a lane.
    len: usize,
    characters: Characters,
    /// What is remembered of each candidate.
    offers: Vec<[Offer; LANES]>,
    /// The u of each candidate, and the largest of them.
    u: Vec<Lanes>,
    best_u: Lanes,
    /// The u of the best candidate and of those that each policy chose, and what they make of them.
    considered: Vec<Lanes>,
    odds: Vec<BatchOdds>,
    /// Memory for what the scenario makes of their profiles.
    served: [Vec<ProfileFeatures>; LANES],
}

impl PersonaSimulator<'_> {
    /// The simulated people of these numbers, of whom there are 1 to [`LANES`], side by side.
    pub fn batch(&self, users: Range<u64>) -> UserBatch<'_> {
        UserBatch::new(self, users)
    }
}

impl<'a> UserBatch<'a> {
    /// The people of these numbers, of whom there are 1 to [`LANES`].
    fn new(simulator: &'a PersonaSimulator<'a>, users: Range<u64>) -> Self {
        let len = (users.end - users.start) as usize;
        assert!((1..=LANES).contains(&len));
        let of_lane = |lane| Person::new(simulator, users.start + if lane < len { lane as u64 } else { 0 });
        let people = std::array::from_fn(of_lane);
        let count = simulator.scenario.raw().candidates.count as usize;
        let mut batch = Self {
            simulator,
            people,
            len,
            characters: Characters::default(),
            offers: vec![[Offer::default(); LANES]; count],
            u: vec![Lanes::default(); count],
            best_u: Lanes::default(),
            considered: Vec::new(),
            odds: Vec::new(),
            served: Default::default(),
        };
        batch.characters.gather(batch.people.each_ref().map(|person| &person.character));
        batch
    }

    /// Number of users.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no user: never.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The conditions that the scenario sets.
    #[inline(always)]
    pub fn scenario(&self) -> &'a RawScenario {
        self.simulator.scenario.raw()
    }

    /// The user in this lane.
    #[inline(always)]
    pub fn person(&self, lane: usize) -> &Person<'a> {
        &self.people[lane]
    }

    /// One of them goes on to the next step, at which a random candidate is shown and the others are not computed.
    #[inline(always)]
    pub(crate) fn pass(&mut self, lane: usize) -> Outcome {
        self.people[lane].pass()
    }

    /// Everybody goes on to the next step: moment, candidates and reactions are drawn, and the candidates' dimensions 1 to 6
    /// written into `block`, which comes from [`PersonaSimulator::block`].
    pub fn advance(&mut self, block: &mut FeatureBlock<Lanes>) {
        self.advance_only([true; LANES], block);
    }

    /// The same step for those users for whom `who` is true; the others meet the candidates of their last step again.
    pub fn advance_only(&mut self, who: [bool; LANES], block: &mut FeatureBlock<Lanes>) {
        Lanes::run(Advance { batch: self, who, block });
    }

    /// The same step within a kernel, for those users for whom `who` is true; the others meet the candidates of their last
    /// step again.
    #[inline(always)]
    pub(crate) fn advance_those<V: Vector<Cell = Lanes>>(
        &mut self,
        level: V::Level,
        who: [bool; LANES],
        block: &mut FeatureBlock<Lanes>,
    ) {
        for (person, goes) in self.people[..self.len].iter_mut().zip(who) {
            if goes {
                person.draw_moment();
            }
        }
        if self.scenario().change.is_some() {
            self.characters.gather(self.people.each_ref().map(|person| &person.character));
        }
        let draw = Draw {
            simulator: self.simulator,
            characters: &self.characters,
            moments: each!(lane => self.people[lane].moment),
            words: each!(lane => self.people[lane].candidate_words()),
            rows: block.full_rows_mut(),
            offers: &mut self.offers,
            u: &mut self.u,
        };
        self.best_u = draw.run::<V>(level);
    }

    /// Index of the kind of everybody's candidate `k`.
    #[inline(always)]
    pub fn kinds(&self, k: usize) -> [u8; LANES] {
        self.offers[k].map(|offer| offer.kind)
    }

    /// Writes the profile's dimensions of every candidate into `block`, as the scenario serves the profiles that follow
    /// from their `histories`.
    #[inline(always)]
    pub(crate) fn serve_profiles<V: Vector<Cell = Lanes>>(
        &mut self,
        level: V::Level,
        histories: &[ProfileHistory; LANES],
        block: &mut FeatureBlock<Lanes>,
    ) {
        let ([first, second, third, fourth], room) = (&self.people, &mut self.served);
        let [in_first, in_second, in_third, in_fourth] = room;
        let features = [
            first.profile_features(&histories[0], in_first),
            second.profile_features(&histories[1], in_second),
            third.profile_features(&histories[2], in_third),
            fourth.profile_features(&histories[3], in_fourth),
        ];
        Profiles { features, offers: &self.offers, rows: block.full_rows_mut() }.run::<V>(level);
    }

    /// Computes what everybody makes of their best candidate and of those `chosen` by each policy.
    #[inline(always)]
    pub(crate) fn consider<V: Vector<Cell = Lanes>>(
        &mut self,
        level: V::Level,
        chosen: impl Iterator<Item = [usize; LANES]>,
    ) {
        let Self { odds, considered, u, best_u, .. } = self;
        considered.clear();
        considered.push(*best_u);
        for chosen in chosen {
            considered.push(lanes!(lane => u[chosen[lane]][lane]));
        }
        odds.resize(considered.len(), BatchOdds::default());
        let (refusal, mild) = (&self.simulator.persona.raw().refusal, self.simulator.mild_reward);
        Consider { refusal, mild, u: considered, odds }.run::<V>(level);
    }

    /// Expected reward of the best candidate: what an oracle that knows the person would get. Once
    /// [`Self::consider`] was called.
    #[inline(always)]
    pub(crate) fn best_expected(&self) -> Lanes {
        self.odds[0].expected
    }

    /// How one of them reacts when candidate `k` is shown, which policy `i` of those that [`Self::consider`] was called
    /// with has chosen.
    #[inline(always)]
    pub(crate) fn react_to_chosen(&self, i: usize, lane: usize, k: usize) -> Outcome {
        let BatchOdds { completed, dismissed, expected } = &self.odds[i + 1];
        let (completed, dismissed, expected) = (completed[lane], dismissed[lane], expected[lane]);
        self.people[lane].react_by(self.offers[k][lane], ReactionOdds { completed, dismissed, expected })
    }

    /// How one of them reacts when candidate `k` is shown.
    pub fn react(&self, lane: usize, k: usize) -> Outcome {
        let person = &self.people[lane];
        person.react_by(self.offers[k][lane], person.odds(self.u[k][lane]))
    }
}

/// The kernel of [`UserBatch::advance`].
struct Advance<'p, 'a> {
    batch: &'p mut UserBatch<'a>,
    who: [bool; LANES],
    block: &'p mut FeatureBlock<Lanes>,
}

impl Kernel<Lanes> for Advance<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Cell = Lanes>>(self, level: V::Level) {
        self.batch.advance_those::<V>(level, self.who, self.block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::persona::Persona;
    use crate::people::scenario::Scenario;

    struct Think<'p, 'a>(&'p mut UserBatch<'a>, [[usize; LANES]; 3]);

    impl Kernel<Lanes> for Think<'_, '_> {
        type Output = ();

        fn run<V: Vector<Cell = Lanes>>(self, level: V::Level) {
            self.0.consider::<V>(level, self.1.into_iter());
        }
    }

    /// Calls `check` with every shipped persona's simulator in a scenario in which tastes change.
    fn simulators(check: impl Fn(&PersonaSimulator)) {
        let scenario = Scenario::load("drift").unwrap();
        for persona in Persona::shipped().unwrap() {
            check(&PersonaSimulator::new(&scenario, &persona, 7));
        }
    }

    #[test]
    fn together_everybody_does_as_they_would_alone() {
        simulators(|simulator| {
            let (mut together, mut block) = (simulator.batch(5..9), simulator.block());
            let mut alone = [5, 6, 7, 8].map(|user| (simulator.batch(user..user + 1), simulator.block()));
            for step in 0..60 {
                together.advance(&mut block);
                let chosen =
                    |policy: usize| std::array::from_fn(|lane| (lane * 7 + step + policy) % block.len());
                Lanes::run(Think(&mut together, [0, 1, 2].map(chosen)));
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
    fn a_step_passed_is_one_taken_at_random() {
        simulators(|simulator| {
            let (mut passing, mut stepping, mut block) =
                (simulator.person(3), simulator.batch(3..4), simulator.block());
            for _ in 0..100 {
                stepping.advance(&mut block);
                assert_eq!(passing.pass(), stepping.react(0, stepping.person(0).random_candidate()));
            }
        });
    }
}
