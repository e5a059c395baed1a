//! Training: rewards of everybody become the prior of a policy.

use super::empirical_bayes::{Centre, Fit, fit};
use super::held_out::held_out;
use super::training_data::TrainingData;
use super::user_sums::SufficientStatistics;
use crate::base::error::{Cause, Error, ErrorKind, Result};
use crate::policy::program::ProgramError;
use crate::policy::{MAX_USER_HASHES, Policy, Prior, RawKindPrior, RawPrior, Structure, TrainingRecord};
use sha2::{Digest, Sha256};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// Of so many users one is held out.
const HELD_OUT_OF: u64 = 5;
/// Users below which none is held out.
const LEAST_USERS: usize = 20;

/// How to train.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrainingSettings {
    /// Seed of the choice of the users who are held out.
    pub seed: u64,
}

/// Why nothing can be learned.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// There are no rewards.
    #[error("no rewards to learn a prior from; allowed: a store or a log with at least one")]
    NoRewards,
    /// What was learned is no prior.
    #[error("what was learned is no prior: {0}")]
    NoPrior(String),
}

impl Cause for TrainingError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

/// The sums of some users as doubles, by kind; all of them together for what kinds have in common.
type Units = BTreeMap<SmolStr, Vec<(SmolStr, SufficientStatistics)>>;

/// What was fitted: for all kinds together, and for each.
struct Fits {
    pooled: Fit,
    kinds: BTreeMap<SmolStr, Fit>,
}

impl Fits {
    /// Fits these users, beginning where another fit ended.
    fn of(units: &Units, structure: Structure, plain: &Centre, from: Option<&Self>) -> Self {
        let all: Vec<&SufficientStatistics> = units.values().flatten().map(|(_, unit)| unit).collect();
        let pooled = fit(&all, plain, from.map(|fits| &fits.pooled));
        let mut kinds = BTreeMap::new();
        if structure == Structure::Disjoint {
            let centre = Centre { mean: pooled.mean.clone(), covariance: pooled.covariance.clone() };
            for (kind, units) in units {
                let own: Vec<&SufficientStatistics> = units.iter().map(|(_, unit)| unit).collect();
                let before = from.and_then(|fits| fits.kinds.get(kind));
                kinds.insert(kind.clone(), fit(&own, &centre, before));
            }
        }
        Self { pooled, kinds }
    }

    fn kind(&self, kind: &str) -> &Fit {
        self.kinds.get(kind).unwrap_or(&self.pooled)
    }
}

/// Learns the prior of a policy from everybody's rewards. The result depends on neither their order nor on threads.
///
/// # Errors
/// No rewards; a program, whose states are its own.
pub fn train(policy: &Policy, data: &TrainingData, settings: TrainingSettings) -> Result<Prior> {
    if policy.program().is_some() {
        let (policy, why) = (policy.name().to_owned(), "and what it begins with is its own matter");
        return Err(Error::because(ProgramError::NotFor { policy, why }));
    }
    if data.rows() == 0 {
        return Err(Error::because(TrainingError::NoRewards));
    }
    let plain = Centre::plain(data.dim(), policy.lambda());
    let structure = policy.structure();
    let is_out = |user: &str| data.users() >= LEAST_USERS && is_held_out(user, settings.seed);
    let (units, others) = (units(data, |user| !is_out(user)), units(data, is_out));
    let mut held = None;
    let mut first = None;
    if !others.is_empty() {
        let fits = Fits::of(&units, structure, &plain, None);
        let users = data.users.keys().filter(|user| is_out(user)).count() as u64;
        let judged = others.iter().flat_map(|(kind, units)| {
            let fit = fits.kind(kind);
            units.iter().map(move |(_, unit)| (unit, fit))
        });
        held = held_out(users, judged, policy.lambda());
        first = Some(fits);
    }
    let mut all = units;
    for (kind, mut more) in others {
        let own = all.entry(kind).or_default();
        own.append(&mut more);
        own.sort_by(|(a, _), (b, _)| a.cmp(b));
    }
    let fits = Fits::of(&all, structure, &plain, first.as_ref());
    let record = record(policy, data, &fits, settings, held);
    prior(policy, &fits, record)
}

/// The sums of these users.
fn units(data: &TrainingData, of: impl Fn(&str) -> bool) -> Units {
    let mut units = Units::new();
    for (user, kinds) in data.users.iter().filter(|(user, _)| of(user)) {
        for (kind, sums) in kinds {
            units.entry(kind.clone()).or_default().push((user.clone(), sums.to_unit()));
        }
    }
    units
}

fn is_held_out(user: &str, seed: u64) -> bool {
    let mut hash = Sha256::new_with_prefix(b"rehearsal held out");
    hash.update(seed.to_le_bytes());
    hash.update(user.as_bytes());
    u64::from_be_bytes(hash.finalize()[..8].try_into().expect("eight of 32 bytes"))
        .is_multiple_of(HELD_OUT_OF)
}

fn record(
    policy: &Policy,
    data: &TrainingData,
    fits: &Fits,
    settings: TrainingSettings,
    held_out: Option<crate::policy::HeldOut>,
) -> TrainingRecord {
    let hash = |user: &SmolStr| {
        let digest = Sha256::digest(user.as_bytes());
        digest[..8].iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    };
    let mut user_hashes: Vec<String> = data.users.keys().map(hash).collect();
    user_hashes.sort_unstable();
    user_hashes.truncate(MAX_USER_HASHES);
    let all = || fits.kinds.values().chain([&fits.pooled]);
    TrainingRecord {
        policy: policy.name().to_owned(),
        data_digest: data.digest(),
        domain_digest: policy.features().domain().digest().to_owned(),
        rows: data.rows(),
        users: data.users() as u64,
        noise: fits.pooled.noise,
        iterations: all().map(|fit| fit.iterations).max().unwrap_or(0),
        converged: all().all(|fit| fit.converged),
        pseudo_users: Centre::pseudo_users(data.dim()),
        seed: settings.seed,
        held_out,
        simulated: data.simulated.clone(),
        user_hashes,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// The prior that the fits are. The policy's `lambda` multiplies its precision, so that is divided by it: `lambda` has been
/// said already.
fn prior(policy: &Policy, fits: &Fits, record: TrainingRecord) -> Result<Prior> {
    let lower = |fit: &Fit| -> Vec<f64> {
        let dim = fit.mean.len();
        let precision = fit.precision();
        (0..dim)
            .flat_map(|i| {
                precision[i * dim..=i * dim + i]
                    .iter()
                    .map(|value| value / policy.lambda())
                    .collect::<Vec<_>>()
            })
            .collect()
    };
    let kinds = fits.kinds.iter().map(|(kind, fit)| {
        (kind.to_string(), RawKindPrior { mean: fit.mean.clone(), precision: lower(fit) })
    });
    let features = policy.features();
    let raw = RawPrior {
        format_version: 1,
        feature_set: features.name().to_owned(),
        feature_set_digest: features.digest().to_owned(),
        feature_names: features.names().iter().map(|name| (*name).to_owned()).collect(),
        structure: policy.structure(),
        mean: fits.pooled.mean.clone(),
        precision: lower(&fits.pooled),
        kinds: kinds.collect(),
        training: Some(record),
    };
    Prior::try_from(raw).map_err(|fault| Error::because(TrainingError::NoPrior(fault.to_string())))
}
