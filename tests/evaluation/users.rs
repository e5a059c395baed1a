//! People who differ, with many decisions each: bounds are of people like them, and who takes their decisions as
//! independent is caught.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rehearsal::base::error::Result;
use rehearsal::base::stats::{clopper_pearson_lower, clopper_pearson_upper};
use rehearsal::evaluation::log::{LogReader, LogVocabulary};
use rehearsal::evaluation::{
    Cluster, Estimator, EvaluationSettings, IntervalMethod, ListedItem, ModelKind, Row, Target,
    ValueEstimate, evaluate,
};
use rehearsal::policy::Policy;

const ITEMS: [&str; 4] = ["a", "b", "c", "d"];
const LOGGED: [f64; 4] = [0.4, 0.3, 0.2, 0.1];
const REWARD: [f64; 4] = [0.4, 0.5, 0.6, 0.45];
const TARGET: [f64; 4] = [0.1, 0.3, 0.3, 0.3];
/// Dimensions of a feature vector.
const DIM: usize = 7;
/// Probability with which an interval may fail.
const ALPHA: f64 = 0.1;
const LOGS: u64 = 200;

/// The people of one log, one after the other, each with 5 to 35 decisions.
struct People {
    rng: ChaCha8Rng,
    users: u32,
    /// Whether the log says whose decisions they are.
    named: bool,
    user: u32,
    left: u32,
    /// How much likelier this one completes anything, and how much likelier the first two items.
    readiness: f64,
    taste: f64,
    /// What the table of [`TARGET`] was worth on the decisions so far, and their number.
    worth: f64,
    rows: f64,
}

impl People {
    fn new(seed: u64, users: u32, named: bool) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self { rng, users, named, user: 0, left: 0, readiness: 0.0, taste: 0.0, worth: 0.0, rows: 0.0 }
    }

    fn reward(&self, item: usize) -> f64 {
        REWARD[item] + self.readiness + if item < 2 { self.taste } else { -self.taste }
    }
}

impl LogReader for People {
    fn next(&mut self, row: &mut Row, names: &mut LogVocabulary) -> Result<bool> {
        if self.left == 0 {
            if self.user == self.users {
                return Ok(false);
            }
            self.user += 1;
            self.left = self.rng.random_range(5..=35);
            self.readiness = 0.7 * (self.rng.random::<f64>() - 0.5);
            self.taste = 0.1 * (self.rng.random::<f64>() - 0.5);
        }
        self.left -= 1;
        let mut draw: f64 = self.rng.random();
        let item = LOGGED.iter().position(|p| {
            draw -= p;
            draw < 0.0
        });
        let item = item.unwrap_or(3);
        row.chosen = item as u32;
        row.propensity = Some(LOGGED[item]);
        row.reward = f64::from(u8::from(self.rng.random::<f64>() < self.reward(item)));
        row.listed.clear();
        row.features.clear();
        for (k, name) in ITEMS.into_iter().enumerate() {
            let number = names.items.number(name.as_bytes());
            row.listed.push(ListedItem { item: number, kind: number, propensity: LOGGED[k] });
            row.features.extend((0..DIM).map(|d| f64::from(u8::from(d == 0 || d == k + 1))));
            // Something of the moment that matters to nobody.
            *row.features.last_mut().unwrap() = self.rng.random();
        }
        if self.named {
            names.of_user(format!("user {}", self.user).as_bytes(), row);
        }
        self.worth += TARGET.iter().enumerate().map(|(k, p)| p * self.reward(k)).sum::<f64>();
        self.rows += 1.0;
        Ok(true)
    }

    fn origin(&self) -> &'static str {
        "people"
    }
}

fn table() -> Target {
    let items = ITEMS.iter().zip(TARGET).map(|(item, p)| (item.as_bytes().to_vec(), p));
    Target::Table { name: "table".to_owned(), items: items.collect() }
}

fn settings(method: IntervalMethod, model: ModelKind, estimators: &[Estimator]) -> EvaluationSettings {
    EvaluationSettings {
        named: true,
        estimators: estimators.iter().map(|e| (*e, None)).collect(),
        model: Some(model),
        method,
        alpha: ALPHA,
        seed: 1,
        replicates: 200,
        reward_range: Some((0.0, 1.0)),
        force: true,
    }
}

/// Estimates of many logs: for each, those of the first policy and then of the difference.
fn estimates(
    targets: &[Target],
    settings: &EvaluationSettings,
    named: bool,
    logs: u64,
) -> Vec<Vec<ValueEstimate>> {
    estimates_of(50, targets, settings, named, logs)
}

fn estimates_of(
    users: u32,
    targets: &[Target],
    settings: &EvaluationSettings,
    named: bool,
    logs: u64,
) -> Vec<Vec<ValueEstimate>> {
    let of = |seed| {
        let settings = EvaluationSettings { seed, ..settings.clone() };
        let result = evaluate(&mut People::new(seed, users, named), targets, &settings).unwrap();
        let differences = result.differences.into_iter().flat_map(|d| d.estimates);
        result.policies.into_iter().take(1).flat_map(|p| p.estimates).chain(differences).collect()
    };
    (0..logs).map(of).collect()
}

/// How many of the logs' intervals hold the truth, by estimate: `None` for the mean over all logs, which is
/// what an estimator is of whose value nobody knows.
fn covered(
    estimates: &[Vec<ValueEstimate>],
    truth: impl Fn(usize) -> Option<f64>,
) -> Vec<(&'static str, u64)> {
    let of = |i: usize| {
        let mean = estimates.iter().map(|e| e[i].value.unwrap()).sum::<f64>() / estimates.len() as f64;
        let truth = truth(i).unwrap_or(mean);
        let holds = |e: &&Vec<ValueEstimate>| (e[i].lower.unwrap()..=e[i].upper.unwrap()).contains(&truth);
        (estimates[0][i].estimator, estimates.iter().filter(holds).count() as u64)
    };
    (0..estimates[0].len()).map(of).collect()
}

/// Whether so many of `logs` are too few for intervals that hold with 0.88, two percent for asymptotics taken
/// off: with probability below 1e-4 if they do.
fn too_few(held: u64, logs: u64) -> bool {
    clopper_pearson_upper(held, logs, 1e-4) < 1.0 - ALPHA - 0.02
}

/// Whether they are so many that the intervals must be much too long.
fn too_many(held: u64, logs: u64) -> bool {
    clopper_pearson_lower(held, logs, 1e-4) > 1.0 - ALPHA + 0.04
}

const UNBIASED: [Estimator; 5] = [
    Estimator::Replay,
    Estimator::Ips,
    Estimator::Snips,
    Estimator::DoublyRobust,
    Estimator::SelfNormalizedDoublyRobust,
];

fn value(policy: [f64; 4]) -> f64 {
    policy.iter().zip(REWARD).map(|(p, r)| p * r).sum()
}

/// The value of the table, and of uniform less that.
fn truth(i: usize) -> f64 {
    if i < UNBIASED.len() { value(TARGET) } else { value([0.25; 4]) - value(TARGET) }
}

fn check(method: IntervalMethod, model: ModelKind, logs: u64) {
    check_of(50, method, model, logs);
}

fn check_of(users: u32, method: IntervalMethod, model: ModelKind, logs: u64) {
    let settings = settings(method, model, &UNBIASED);
    let targets = [table(), Target::Uniform];
    let estimates = estimates_of(users, &targets, &settings, true, logs);
    for (estimator, held) in covered(&estimates, |i| Some(truth(i))) {
        assert!(!too_few(held, logs), "{method:?}, {model:?}, {estimator}: {held} of {logs}");
        assert!(!too_many(held, logs), "{method:?}, {model:?}, {estimator}: {held} of {logs}");
    }
}

#[test]
fn bounds_hold_the_value_for_people_like_these_as_often_as_they_say() {
    check(IntervalMethod::Normal, ModelKind::CrossItemMean, LOGS);
    check(IntervalMethod::Normal, ModelKind::Ridge, LOGS);
}

#[test]
fn so_do_those_of_few_people() {
    check_of(8, IntervalMethod::Normal, ModelKind::CrossItemMean, LOGS);
}

#[test]
fn so_do_those_of_the_bootstrap() {
    check_of(100, IntervalMethod::Bootstrap, ModelKind::CrossItemMean, LOGS);
}

#[test]
#[ignore = "takes a minute"]
fn bounds_hold_in_2000_logs() {
    for method in [IntervalMethod::Normal, IntervalMethod::Bootstrap] {
        for model in [ModelKind::CrossItemMean, ModelKind::Ridge] {
            check_of(100, method, model, 2000);
        }
    }
}

#[test]
fn who_takes_decisions_as_independent_misses_it_far_too_often() {
    for (method, model) in
        [(IntervalMethod::Normal, ModelKind::Ridge), (IntervalMethod::Bootstrap, ModelKind::CrossItemMean)]
    {
        let settings = settings(method, model, &UNBIASED[1..4]);
        let truth = |_| Some(value(TARGET));
        for (estimator, held) in covered(&estimates(&[table()], &settings, false, LOGS), truth) {
            assert!(too_few(held, LOGS) && held < 8 * LOGS / 10, "{method:?}, {estimator}: {held} of {LOGS}");
        }
    }
}

#[test]
fn bounds_hold_for_policies_that_learn_of_each_user() {
    let learner = Target::of(Policy::named("egreedy-v1").unwrap()).unwrap();
    let settings = settings(IntervalMethod::Normal, ModelKind::Ridge, &UNBIASED[1..]);
    for (estimator, held) in covered(&estimates(&[learner], &settings, true, LOGS), |_| None) {
        assert!(!too_few(held, LOGS), "{estimator}: {held} of {LOGS}");
    }
}

#[test]
fn confidence_sequences_are_of_these_decisions_and_need_no_number_of_people() {
    let settings = settings(IntervalMethod::Anytime, ModelKind::CrossItemMean, &[Estimator::Ips]);
    let mut held = 0;
    for seed in 0..LOGS {
        // Five people: no bounds on others could be had from them.
        let mut people = People::new(seed, 5, true);
        let result = evaluate(&mut people, &[table()], &settings).unwrap();
        let ValueEstimate { lower: Some(lower), upper: Some(upper), .. } = result.policies[0].estimates[0]
        else {
            panic!("it has bounds")
        };
        held += u64::from((lower..=upper).contains(&(people.worth / people.rows)));
    }
    assert!(clopper_pearson_upper(held, LOGS, 1e-4) >= 1.0 - ALPHA, "{held} of {LOGS}");
}

#[test]
fn bounds_that_few_people_or_dependent_decisions_cannot_carry_are_not_given() {
    let ask = |users: u32, method: IntervalMethod| {
        let estimators = [Estimator::Ips, Estimator::DirectMethod];
        let settings =
            EvaluationSettings { force: false, ..settings(method, ModelKind::CrossItemMean, &estimators) };
        evaluate(&mut People::new(1, users, true), &[table()], &settings)
    };
    let enough = ask(60, IntervalMethod::Normal).unwrap();
    // Two of them fall into the same group.
    assert_eq!((enough.cluster, enough.clusters, enough.reason), (Cluster::User, 59, None));
    let few = ask(12, IntervalMethod::Bootstrap).unwrap();
    assert_eq!((few.clusters, few.reason), (12, None));
    assert!(few.policies[0].estimates.iter().all(|e| e.value.is_some() && e.lower.is_none()));
    let one = ask(1, IntervalMethod::Normal).unwrap();
    assert!(one.policies[0].estimates.iter().all(|e| e.value.is_some() && e.lower.is_none()));
    assert_eq!(ask(20, IntervalMethod::Anytime).unwrap().policies[0].estimates.len(), 2);
    let refused = ask(60, IntervalMethod::Bernstein).unwrap_err().to_string();
    assert!(
        refused.starts_with("people: empirical Bernstein bounds are for independent decisions"),
        "{refused}"
    );
}

/// A log of which a few decisions name their user.
struct HalfNamed(People);

impl LogReader for HalfNamed {
    fn next(&mut self, row: &mut Row, names: &mut LogVocabulary) -> Result<bool> {
        let more = self.0.next(row, names)?;
        row.cluster = row.cluster.filter(|_| self.0.rows < 100.0);
        Ok(more)
    }

    fn origin(&self) -> &'static str {
        "people"
    }
}

#[test]
fn a_log_names_users_or_it_does_not() {
    let settings = settings(IntervalMethod::Normal, ModelKind::CrossItemMean, &[Estimator::Ips]);
    let refused = evaluate(&mut HalfNamed(People::new(1, 50, true)), &[table()], &settings).unwrap_err();
    let why = "people: some of its decisions name a user and others none; evaluate them apart";
    assert_eq!(refused.to_string(), why);
}
