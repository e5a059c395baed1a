//! What the comparison promises, tried on a small world whose truth is known, and wrong comparisons that must break
//! the promise.

use super::cells::{Cells, Observed, PREDICTED};
use super::distance::{ASPECTS, Aspect};
use super::resample::Sides;
use super::settings::ComparisonSettings;
use crate::base::stats::effective_units;
use crate::domain::profile::PROFILE_FEATURES;
use crate::domain::reaction::Reaction;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// Share of each of two personas, and how many tips of a hundred they complete.
const SHARES: [f64; 2] = [0.25, 0.75];
const READINESS: [f64; 2] = [0.15, 0.65];
/// Users of a log, and simulated users of each persona.
const USERS: usize = 80;
/// Most reactions of a user.
const LONGEST: usize = 24;
/// Probability with which a log of the very people may seem different.
const ALPHA: f64 = 0.1;

/// The reactions of one user: people differ, tips of the second kind are liked more, and everybody tires. What the
/// personas predict of a tip is right about which is liked more, and overdoes it.
fn user(rng: &mut ChaCha8Rng, persona: usize, length: usize, eagerness: f64) -> Vec<Observed> {
    let own = READINESS[persona] + eagerness + 0.8 * (rng.random::<f64>() - 0.5);
    let slowness = (1.0 + 2.0 * persona as f64) * (5.0 + 20.0 * rng.random::<f64>());
    let one = |step: usize| {
        let kind = usize::from(rng.random::<bool>());
        let liked = kind as f64 - 0.5;
        let chance = own + 0.1 * liked - 0.6 * step as f64 / LONGEST as f64;
        let completed = rng.random::<f64>() < chance;
        let reaction = if completed { Reaction::Completed } else { Reaction::Ignored };
        let mut profile = [None; PROFILE_FEATURES.len()];
        profile[0] = Some(own);
        Observed {
            kind: Some(kind),
            hour: 24.0 * rng.random::<f64>(),
            reaction,
            dwell_seconds: Some(slowness * (0.5 + rng.random::<f64>())),
            reward: reaction.reward(),
            profile,
            predicted: Some(0.5 + 0.5 * liked),
        }
    };
    (0..length).map(one).collect()
}

/// Lives of a log's people, and of as many simulated ones of each persona, the persona changing fastest.
struct Lives {
    logged: Vec<Vec<Observed>>,
    pool: Vec<Vec<Observed>>,
}

impl Lives {
    /// Of so many users, the log's more eager than the simulated ones by so much. `horizon` is how many reactions a
    /// simulated person has who is compared with one who has `length`.
    fn new(seed: u64, users: usize, eagerness: f64, horizon: fn(usize) -> usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let length = |i: usize| 2 + i % (LONGEST - 1);
        let logged = |i| {
            let persona = usize::from(rng.random::<f64>() >= SHARES[0]);
            user(&mut rng, persona, length(i), eagerness)
        };
        let logged = (0..users).map(logged).collect();
        let simulated = |i| user(&mut rng, i % 2, horizon(length(i / 2)), 0.0);
        Self { logged, pool: (0..2 * users).map(simulated).collect() }
    }

    /// What is compared: the sums of each user.
    fn sides<'a>(&self, cells: &'a Cells, shares: &'a [f64]) -> Sides<'a> {
        let sums = |life: &Vec<Observed>| {
            let mut sums = vec![0.0; cells.len()];
            life.iter().for_each(|o| cells.add(o, &mut sums));
            sums
        };
        let [pool, logged] = [&self.pool, &self.logged].map(|lives| lives.iter().map(sums).collect());
        let effective_users = effective_units(self.logged.iter().map(|life| life.len() as f64));
        Sides { cells, pool, shares, logged, users: self.logged.len(), effective_users }
    }

    /// The same reactions, each as if it were of a person of its own.
    fn apart(&self) -> Self {
        let alone = |lives: &[Vec<Observed>]| lives.iter().flatten().map(|o| vec![*o]).collect::<Vec<_>>();
        let [first, second] = [0, 1].map(|persona| {
            let of = self.pool.iter().skip(persona).step_by(2).cloned().collect::<Vec<_>>();
            alone(&of)
        });
        let pool = first.into_iter().zip(second).flat_map(|(a, b)| [a, b]).collect();
        Self { logged: alone(&self.logged), pool }
    }
}

fn cells() -> Cells {
    let sample = Lives::new(u64::MAX, 200, 0.0, |length| length).pool;
    Cells::new(2, &sample.concat())
}

fn settings() -> ComparisonSettings {
    ComparisonSettings { users: USERS as u64, seed: 1, replicates: 200, alpha: ALPHA }
}

/// Of 30 logs of the very people, those in which any aspect seems different.
fn alarms(shares: &[f64], lives: impl Fn(u64) -> Lives) -> usize {
    let cells = cells();
    let alarm = |seed: &u64| {
        let aspects = lives(*seed).sides(&cells, shares).aspects(&settings());
        aspects.iter().any(|aspect| aspect.beyond_noise == Some(true))
    };
    (0..30).filter(alarm).count()
}

/// Each log with probability 0.1 at most: more alarms have probability below 1e-4.
const MOST_ALARMS: usize = 11;

#[test]
fn the_very_people_are_told_apart_as_rarely_as_is_said() {
    let found = alarms(&SHARES, |seed| Lives::new(seed, USERS, 0.0, |length| length));
    assert!(found <= MOST_ALARMS, "{found}");
}

#[test]
fn who_forgets_to_weight_personas_raises_false_alarms() {
    let found = alarms(&[0.5, 0.5], |seed| Lives::new(seed, USERS, 0.0, |length| length));
    assert!(found > MOST_ALARMS, "{found}");
}

#[test]
fn who_pools_reactions_however_many_each_person_has_raises_false_alarms() {
    let found = alarms(&SHARES, |seed| Lives::new(seed, USERS, 0.0, |_| LONGEST));
    assert!(found > MOST_ALARMS, "{found}");
}

#[test]
fn who_takes_reactions_for_people_raises_false_alarms() {
    let found = alarms(&SHARES, |seed| Lives::new(seed, USERS, 0.0, |length| length).apart());
    assert!(found > MOST_ALARMS, "{found}");
}

/// Aspects in which people differ who are more eager.
const EAGER: [Aspect; 4] = [Aspect::Reactions, Aspect::Rewards, Aspect::Profile(0), Aspect::Calibration];

/// Of 60 logs of more eager people, those whose interval holds the distance of the populations, by aspect of
/// [`EAGER`]; and those in which the aspect is seen to differ.
fn coverage(lives: impl Fn(u64) -> Lives) -> [(u64, u64); 4] {
    let cells = cells();
    let populations = Lives::new(u64::MAX - 1, 8000, 0.25, |length| length);
    let populations = populations.sides(&cells, &SHARES);
    let (log, people) = (populations.log(), populations.people());
    let mut covered = [(0, 0); 4];
    for seed in 0..60 {
        let aspects = lives(seed).sides(&cells, &SHARES).aspects(&settings());
        for (aspect, (holds, seen)) in EAGER.iter().zip(&mut covered) {
            let result = &aspects[ASPECTS.iter().position(|a| a == aspect).unwrap()];
            let truth = aspect.distance(&cells, &log, &people);
            *holds += u64::from((result.lower..=result.upper).contains(&truth));
            assert!((result.lower..=result.upper).contains(&result.distance), "{result:?}");
            *seen += u64::from(result.beyond_noise == Some(true));
        }
    }
    covered
}

/// 0.95 of 60, of which resampling so few users may take three percent: fewer have probability below 1e-3.
const FEWEST_COVERED: u64 = 48;

#[test]
fn intervals_hold_the_distance_of_the_populations_and_differences_are_seen() {
    for (aspect, (holds, seen)) in EAGER.iter().zip(coverage(|s| Lives::new(s, USERS, 0.25, |l| l))) {
        assert!(holds >= FEWEST_COVERED, "{aspect:?}: {holds} of 60");
        assert!(seen >= 50, "{aspect:?}: seen in {seen} of 60");
    }
}

#[test]
fn intervals_that_take_reactions_for_people_miss_it() {
    let covered = coverage(|seed| Lives::new(seed, USERS, 0.25, |length| length).apart());
    assert!(covered.iter().any(|(holds, _)| *holds < FEWEST_COVERED), "{covered:?}");
}

/// Of 60 logs of the very people, those in which the interval of an aspect leaves 0 out, for the aspect with most.
fn above_zero(lower: impl Fn(&Sides) -> Vec<Option<f64>>) -> usize {
    let cells = cells();
    let mut above = [0; ASPECTS.len()];
    for seed in 0..60 {
        let lower = lower(&Lives::new(seed, USERS, 0.0, |length| length).sides(&cells, &SHARES));
        above.iter_mut().zip(lower).for_each(|(n, lower)| *n += usize::from(lower > Some(0.0)));
    }
    above.into_iter().max().unwrap()
}

/// Each log with probability 0.05, of which resampling so few users may make 0.08: more of 60 for any of 13 aspects
/// have probability below 1e-3.
const MOST_ABOVE: usize = 14;

#[test]
fn intervals_of_the_very_people_hold_0() {
    let above = above_zero(|sides| sides.aspects(&settings()).iter().map(|aspect| aspect.lower).collect());
    assert!(above <= MOST_ABOVE, "{above}");
}

#[test]
fn percentiles_of_resampled_distances_do_not() {
    let above = above_zero(|sides| {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut distances = vec![Vec::new(); ASPECTS.len()];
        for _ in 0..40 {
            let resampled = sides.resample(&mut rng);
            for (aspect, distances) in ASPECTS.iter().zip(&mut distances) {
                distances.extend(aspect.distance(sides.cells, &resampled.log, &resampled.people));
            }
        }
        let lowest = |distances: &Vec<f64>| distances.iter().copied().min_by(f64::total_cmp);
        distances.iter().map(lowest).collect()
    });
    assert_eq!(above, 60);
}

/// Sums of so many logged and simulated people.
fn sums(cells: &Cells, eagerness: f64) -> (Vec<f64>, Vec<f64>) {
    let lives = Lives::new(7, 4000, eagerness, |length| length);
    let sides = lives.sides(cells, &SHARES);
    (sides.log(), sides.people())
}

#[test]
fn distances_do_not_depend_on_how_many_people_there_are_and_are_0_for_the_same() {
    let cells = cells();
    let (log, people) = sums(&cells, 0.25);
    for aspect in ASPECTS {
        // The profile of these people has one value.
        let Some(distance) = aspect.distance(&cells, &log, &people) else {
            assert!(matches!(aspect, Aspect::Profile(1..)), "{aspect:?}");
            continue;
        };
        assert!((0.0..=1.0).contains(&distance), "{aspect:?}: {distance}");
        assert!(aspect.distance(&cells, &log, &log).unwrap() < 1e-12, "{aspect:?}");
        let tenfold: Vec<f64> = people.iter().map(|sum| 10.0 * sum).collect();
        let again = aspect.distance(&cells, &log, &tenfold).unwrap();
        assert!((distance - again).abs() < 1e-12, "{aspect:?}: {distance} and {again}");
    }
    // Counts in place of rates: the larger side is the other one.
    let counts = |log: &[f64], people: &[f64]| -> f64 {
        let of = |sums: &[f64]| (0..2).map(|kind| sums[cells.kind(kind, 0)]).sum::<f64>();
        (of(log) - of(people)).abs()
    };
    let tenfold: Vec<f64> = people.iter().map(|sum| 10.0 * sum).collect();
    assert!(counts(&log, &tenfold) > 2.0 * counts(&log, &people));
}

/// Calibration gone wrong: the log against what was predicted, not against what simulated people did where as much
/// was predicted.
fn against_predictions(cells: &Cells, log: &[f64]) -> f64 {
    let bins = (0..PREDICTED).map(|bin| [0, 1, 2].map(|what| log[cells.predicted(bin, what)]));
    let (apart, all) = bins.fold((0.0, 0.0), |(apart, all), [n, predicted, completed]| {
        (apart + (completed - predicted).abs(), all + n)
    });
    apart / all
}

#[test]
fn calibration_is_that_of_the_people_and_not_of_the_predictions() {
    let cells = cells();
    // Twice 4,000 people with 13 reactions each: the distance has a standard deviation below 0.01.
    let calibration =
        |(log, people): (Vec<f64>, Vec<f64>)| Aspect::Calibration.distance(&cells, &log, &people).unwrap();
    let (log, people) = sums(&cells, 0.0);
    let wrong = against_predictions(&cells, &log);
    let same = calibration((log, people));
    assert!(same < 0.05, "{same}");
    assert!(wrong > 0.1, "predictions that overdo it make a distance of nothing: {wrong}");
    // More eager by a quarter, but nobody completes more than everything or less than nothing.
    let eager = calibration(sums(&cells, 0.25));
    assert!((0.12..0.25).contains(&eager), "{eager}");
}
