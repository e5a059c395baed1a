//! The e-process keeps its promise on populations whose truth is known, and the harness that shows it
//! catches tests that do not.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rehearsal::base::stats::{Moments, student_t_quantile};
use rehearsal::gate::{EProcess, GRID, Gain, lower_bound, upper_bound};

const ALPHA: f64 = 0.05;
const RUNS: u64 = 2_000;
const USERS: u64 = 1_000;
/// The most false crossings that are forgiven. A test that crosses in just alpha of all runs, the most that it may, has
/// more of them in 2,000 runs with probability 4e-5: the false-alarm rate of each comparison with it.
const MOST: u64 = 140;

/// Populations with a known mean: names, means, draws.
fn populations() -> [(&'static str, f64, fn(&mut ChaCha8Rng) -> f64); 4] {
    [
        ("sign flips of paired differences", 0.0, |rng| {
            let size = 0.02 + 0.2 * rng.random::<f64>();
            if rng.random() { size } else { -size }
        }),
        ("coins", 0.0, |rng| if rng.random() { 1.0 } else { -1.0 }),
        ("uniform on [-0.5, 0.7]", 0.1, |rng| 1.2 * rng.random::<f64>() - 0.5),
        ("rare losses", -0.02, |rng| if rng.random::<f64>() < 0.1 { -0.65 } else { 0.05 }),
    ]
}

/// Runs in which `test`, made anew for each, ever says that the true mean is exceeded.
fn false_crossings<T: FnMut(f64) -> bool>(
    (name, mean, draw): (&str, f64, fn(&mut ChaCha8Rng) -> f64),
    test: impl Fn(f64) -> T,
) -> u64 {
    let crosses = |run: &u64| {
        let mut rng = ChaCha8Rng::seed_from_u64(name.len() as u64);
        rng.set_stream(*run);
        let mut test = test(mean);
        (0..USERS).any(|_| test(draw(&mut rng)))
    };
    (0..RUNS).filter(crosses).count() as u64
}

#[test]
fn the_e_process_crosses_as_rarely_as_it_says() {
    for population in populations() {
        // A lower bound lies above the mean just when the process at the mean has crossed, an upper bound
        // below it when the mirrored one has: this is the coverage of both at all times together.
        for direction in [1.0, -1.0] {
            let crossings = false_crossings(population, |mean| {
                let mut process = EProcess::new(direction * mean);
                move |x| {
                    process.observe(Gain::of(direction * x));
                    process.reaches(ALPHA)
                }
            });
            assert!(crossings <= MOST, "{}, {direction}: {crossings} of {RUNS}", population.0);
        }
    }
}

/// The e-process of the gate written again, with what can go wrong as parameters.
fn broken(m0: f64, stake: f64, sign: f64, alpha: f64) -> impl FnMut(f64) -> bool {
    let mut wealth: Vec<f64> = GRID.iter().map(|(_, weight)| *weight).collect();
    move |x| {
        for (w, (fraction, _)) in wealth.iter_mut().zip(GRID) {
            *w *= 1.0 + sign * stake * fraction * (x - m0) / (1.0 + m0);
        }
        wealth.iter().sum::<f64>() >= 1.0 / alpha
    }
}

fn caught(test: impl Fn(f64) -> Box<dyn FnMut(f64) -> bool>) -> bool {
    populations().into_iter().any(|population| false_crossings(population, &test) > MOST)
}

#[test]
fn the_harness_accepts_the_rewritten_process_and_catches_broken_ones() {
    assert!(!caught(|m0| Box::new(broken(m0, 1.0, 1.0, ALPHA))), "the sound one");
    assert!(caught(|m0| Box::new(broken(m0, 1.6, 1.0, ALPHA))), "bets beyond the cap");
    assert!(caught(|m0| Box::new(broken(m0, 1.0, 1.0, 2.0 * ALPHA))), "alpha doubled");
    // Betting on the wrong side of the boundary: a null mean that is a margin too low.
    assert!(caught(|m0| Box::new(broken(m0 - 0.04, 1.0, 1.0, ALPHA))), "the margin's sign");
}

#[test]
fn a_process_of_the_wrong_sign_never_proves_a_gain() {
    // The wrong sign does not cross more often under the null: it has no power. 200 users that all gain 0.1.
    let mut right = broken(0.0, 1.0, 1.0, ALPHA);
    let mut wrong = broken(0.0, 1.0, -1.0, ALPHA);
    assert!((0..200).any(|_| right(0.1)));
    assert!(!(0..200).any(|_| wrong(0.1)));
}

#[test]
fn a_t_test_that_peeks_fails_the_harness() {
    let peeking = |m0: f64| -> Box<dyn FnMut(f64) -> bool> {
        let mut moments = Moments::default();
        let quantile = student_t_quantile(1.0 - ALPHA, 50.0);
        Box::new(move |x| {
            moments.observe(x - m0);
            // Every fifty users, as a person would.
            moments.count() % 50 == 0
                && moments.mean().unwrap() > quantile * moments.standard_error().unwrap()
        })
    };
    for population in populations() {
        let crossings = false_crossings(population, peeking);
        assert!(crossings > 2 * MOST, "{}: {crossings} of {RUNS}", population.0);
    }
}

#[test]
fn bounds_cover_the_mean_at_every_time_that_is_looked_at() {
    // Looks at 10 times in each of 400 runs, each side at 0.05: more than 37 misses of a side have
    // probability below 2e-4 if a bound missed in 5% of the runs.
    for (name, mean, draw) in populations() {
        let (mut above, mut below) = (0, 0);
        for run in 0..400 {
            let mut rng = ChaCha8Rng::seed_from_u64(99);
            rng.set_stream(run);
            let xs: Vec<Gain> = (0..500).map(|_| Gain::of(draw(&mut rng))).collect();
            let looks = || (1..=10).map(|i| &xs[..i * 50]);
            above += u32::from(looks().any(|xs| lower_bound(xs, ALPHA) > mean));
            below += u32::from(looks().any(|xs| upper_bound(xs, ALPHA) < mean));
        }
        assert!(above <= 37 && below <= 37, "{name}: {above} and {below} of 400");
    }
}

/// Blocks of eight independent personas with unequal shares whose weighted mean is 0, some gaining and some losing: the most
/// that is gained of a null by betting on each of them. `shares` are those that are bet with.
fn block_crossings(shares: [f64; 8], largest: f64) -> u64 {
    let means = [0.4, -0.1, -0.3, 0.2, -0.2, 0.1, -0.05, 0.2];
    let crosses = |run: &u64| {
        let mut rng = ChaCha8Rng::seed_from_u64(17);
        rng.set_stream(*run);
        let mut wealth: Vec<f64> = GRID.iter().map(|(_, weight)| *weight).collect();
        (0..200).any(|_| {
            for (share, mean) in shares.iter().zip(means) {
                // Two values, the smaller a loss of everything, with this mean.
                let x: f64 = if rng.random::<f64>() < (1.0 + mean) / 1.5 { 0.5 } else { -1.0 };
                for (w, (fraction, _)) in wealth.iter_mut().zip(GRID) {
                    *w = (*w * (1.0 + fraction * share / largest * x)).max(0.0);
                }
            }
            wealth.iter().sum::<f64>() >= 1.0 / ALPHA
        })
    };
    (0..RUNS).filter(crosses).count() as u64
}

#[test]
fn a_block_of_independent_users_is_bet_on_one_by_one() {
    // Shares times means add up to 0.
    let shares = [0.1, 0.2, 0.15, 0.1, 0.1, 0.15, 0.12, 0.08];
    let means = [0.4, -0.1, -0.3, 0.2, -0.2, 0.1, -0.05, 0.2];
    let mean: f64 = shares.iter().zip(means).map(|(s, m): (&f64, f64)| s * m).sum();
    assert!(mean.abs() < 1e-12, "{mean}");
    assert!(block_crossings(shares, 0.2) <= MOST);
    // Bet on with equal stakes whatever their shares, those who gain pay for those who lose.
    let (equal, tilted) = ([1.0; 8], [1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
    assert!(block_crossings(tilted, 1.0) > MOST && block_crossings(equal, 0.4) > MOST);
}

#[test]
fn a_series_of_fifty_attempts_promotes_wrongly_no_oftener_than_one() {
    // Each attempt is on the null that uses up its level. Of 2,000 series at most alpha have any wrong promotion; at full
    // level each, most would.
    use rehearsal::gate::Attempt;
    let wrong = |level: fn(u64) -> f64| {
        let crosses = |series: &u64| {
            (1..=50).any(|attempt| {
                let mut rng = ChaCha8Rng::seed_from_u64(attempt);
                rng.set_stream(*series);
                let mut process = EProcess::new(0.0);
                (0..400).any(|_| {
                    let x = if rng.random::<f64>() < 1.0 / 1.1 { 0.1 } else { -1.0 };
                    process.observe(Gain::of(x));
                    process.reaches(level(attempt))
                })
            })
        };
        (0..RUNS).filter(crosses).count() as u64
    };
    let spent = wrong(|attempt| Attempt::Number(attempt).level(ALPHA));
    assert!(spent <= MOST, "{spent}");
    assert!(wrong(|_| ALPHA) > 1_000);
}
