//! Priors: what a ridge model believes of a user of whom it knows nothing yet, as `rehearsal train` learned it from
//! everybody.
//!
//! A prior is a normal distribution over weights, N(mu0, s^2 A0^-1) with the noise s^2 of a reward: a mean and a precision
//! in units of the noise. A model that starts there has A = A0 and b = A0 mu0 before its first reward. The plain ridge is
//! the prior with mu0 = 0 and A0 = lambda I.

use super::kernels::{Cholesky, Solve};
use super::structure::Structure;
use super::training_record::TrainingRecord;
use crate::base::digest::of_value;
use crate::base::error::{Fault, Result};
use crate::base::read;
use crate::base::vector::Cell;
use crate::features::FeatureSet;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The format that is written and read.
const FORMAT_VERSION: u32 = 1;
/// Largest size of a mean.
const MAX_MEAN: f64 = 1e6;
/// Most kinds that one may have.
const MAX_KINDS: usize = 10_000;

/// A prior's file, unchecked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawPrior {
    /// 1.
    pub format_version: u32,
    /// The feature set.
    pub feature_set: String,
    /// SHA-256 of what its dimensions are made from.
    pub feature_set_digest: String,
    /// Its dimensions, in order.
    pub feature_names: Vec<String>,
    /// Whether it was learned for one model of all candidates, or for one of each kind.
    pub structure: Structure,
    /// D values.
    pub mean: Vec<f64>,
    /// Lower triangle, row by row, in units of the noise: D (D + 1) / 2 values.
    pub precision: Vec<f64>,
    /// Of single kinds, for the structure `disjoint`; kinds that are not here have the ones above.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<String, RawKindPrior>,
    /// How it was learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<TrainingRecord>,
}

/// The prior of one kind; "" is that of candidates without a kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawKindPrior {
    /// D values.
    pub mean: Vec<f64>,
    /// D (D + 1) / 2 values.
    pub precision: Vec<f64>,
}

/// A checked prior.
#[derive(Debug, Clone)]
pub struct Prior {
    raw: RawPrior,
    digest: String,
}

impl PartialEq for Prior {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl TryFrom<RawPrior> for Prior {
    type Error = Fault;

    fn try_from(raw: RawPrior) -> Result<Self, Fault> {
        if raw.format_version != FORMAT_VERSION {
            let allowed = format!("{FORMAT_VERSION}, which this program knows");
            return Err(Fault::new("format_version", raw.format_version, allowed));
        }
        let dim = raw.feature_names.len();
        if dim == 0 {
            return Err(Fault::new("feature_names", "an empty list", "one name for each dimension"));
        }
        if raw.kinds.len() > MAX_KINDS {
            let allowed = format!("at most {MAX_KINDS} kinds");
            return Err(Fault::new("kinds", format!("a table of {}", raw.kinds.len()), allowed));
        }
        if raw.structure == Structure::Shared && !raw.kinds.is_empty() {
            return Err(Fault::new("kinds", "a table", "nothing where the structure is shared"));
        }
        check("", dim, &raw.mean, &raw.precision)?;
        for (kind, own) in &raw.kinds {
            check(&format!("kinds.{kind}"), dim, &own.mean, &own.precision)?;
        }
        let numbers = RawPrior { training: None, ..raw.clone() };
        Ok(Self { digest: of_value(&numbers), raw })
    }
}

/// Whether these are the numbers of a normal distribution.
fn check(outer: &str, dim: usize, mean: &[f64], precision: &[f64]) -> Result<(), Fault> {
    let named = |fault: Fault| if outer.is_empty() { fault } else { fault.within(outer) };
    let triangle = dim * (dim + 1) / 2;
    for (field, values, count) in [("mean", mean, dim), ("precision", precision, triangle)] {
        if values.len() != count {
            let allowed = format!("{count} numbers, for {dim} dimensions");
            return Err(named(Fault::new(field, format!("a list of {}", values.len()), allowed)));
        }
    }
    if let Some(i) = mean.iter().position(|value| value.is_nan() || value.abs() > MAX_MEAN) {
        let allowed = format!("a number in [-{MAX_MEAN}, {MAX_MEAN}]");
        return Err(named(Fault::new(format!("mean[{i}]"), mean[i], allowed)));
    }
    if let Some(i) = precision.iter().position(|value| !value.is_finite()) {
        return Err(named(Fault::new(format!("precision[{i}]"), precision[i], "a finite number")));
    }
    if RidgePrior::new(mean, precision, 1.0).is_none() {
        return Err(named(Fault::new("precision", "not positive definite", "a positive definite matrix")));
    }
    Ok(())
}

impl Prior {
    /// The prior in the file at `path`.
    ///
    /// # Errors
    /// A file that cannot be read, or is no prior.
    pub fn load(path: &Path) -> Result<Self> {
        Self::from_json(&read::text(path)?, &path.display().to_string())
    }

    /// The prior in a text of JSON, which errors call `origin`.
    ///
    /// # Errors
    /// A text that is no prior.
    pub fn from_json(text: &str, origin: &str) -> Result<Self> {
        let raw: RawPrior = read::json(text.as_bytes(), origin)?;
        Self::try_from(raw).map_err(|fault| fault.at(origin))
    }

    /// The text of its file.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(&self.raw).expect("plain values always serialize") + "\n"
    }

    /// What its file states.
    pub fn raw(&self) -> &RawPrior {
        &self.raw
    }

    /// SHA-256, in hexadecimal, of its numbers and what they belong to; how it was learned has no part in it.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// How it was learned, if its file says so.
    pub fn training(&self) -> Option<&TrainingRecord> {
        self.raw.training.as_ref()
    }

    /// Whether a policy of this feature set and structure may start from it.
    ///
    /// # Errors
    /// What does not fit, with both sides named.
    pub(super) fn belongs_to(&self, features: FeatureSet, structure: Structure) -> Result<(), Fault> {
        let of_set = |value: &str| format!("{value}, as the policy's feature set {} has it", features.name());
        if self.raw.feature_names != features.names() {
            let (own, wanted) = (self.raw.feature_names.join(", "), features.names().join(", "));
            return Err(Fault::new("feature_names", own, of_set(&wanted)).within("prior"));
        }
        let digest = features.digest();
        if self.raw.feature_set_digest != digest {
            let own = &self.raw.feature_set_digest;
            return Err(Fault::new("feature_set_digest", own, of_set(digest)).within("prior"));
        }
        if self.raw.structure == Structure::Disjoint && structure == Structure::Shared {
            let allowed = "shared, as the policy has it: this prior was learned for one model of each kind";
            return Err(Fault::new("structure", "\"disjoint\"", allowed).within("prior"));
        }
        Ok(())
    }
}

/// Where one ridge model starts.
#[derive(Debug, Clone, PartialEq)]
pub struct RidgePrior {
    /// D values.
    pub(super) mean: Vec<f64>,
    /// A0: D rows of D values, symmetric.
    pub(super) precision: Vec<f64>,
    /// A0^-1, laid out likewise.
    pub(super) covariance: Vec<f64>,
    /// A0 mu0: D values.
    pub(super) shift: Vec<f64>,
}

impl RidgePrior {
    /// From a mean and the lower triangle of a precision, which counts `weight` times; `None` if that is not positive
    /// definite.
    pub(super) fn new(mean: &[f64], lower: &[f64], weight: f64) -> Option<Self> {
        let dim = mean.len();
        let mut precision = vec![0.0; dim * dim];
        let mut values = lower.iter();
        for i in 0..dim {
            for j in 0..=i {
                let value = weight * values.next()?;
                precision[i * dim + j] = value;
                precision[j * dim + i] = value;
            }
        }
        let mut factor = precision.clone();
        f64::run(Cholesky { m: &mut factor, dim });
        if !factor.iter().step_by(dim + 1).all(|pivot| *pivot > 0.0) {
            return None;
        }
        let shift: Vec<f64> = precision
            .chunks_exact(dim)
            .map(|row| row.iter().zip(mean).fold(0.0, |sum, (a, m)| sum + a * m))
            .collect();
        let (mut covariance, mut solved, mut scratch) =
            (vec![0.0; dim * dim], vec![0.0; dim], vec![0.0; dim]);
        let (inverse, theta, scratch) = (&mut covariance, &mut solved, &mut scratch);
        f64::run(Solve { factor: &factor, b: &shift, inverse, theta, scratch });
        let sound = covariance.iter().chain(&shift).all(|value| value.is_finite());
        sound.then(|| Self { mean: mean.to_vec(), precision, covariance, shift })
    }
}

/// Where the models of a policy start: its prior, each precision times the policy's `lambda`.
#[derive(Debug, Clone)]
pub struct PriorStart {
    prior: Arc<Prior>,
    pooled: Arc<RidgePrior>,
    kinds: BTreeMap<SmolStr, Arc<RidgePrior>>,
}

impl PartialEq for PriorStart {
    fn eq(&self, other: &Self) -> bool {
        self.prior == other.prior && self.pooled == other.pooled && self.kinds == other.kinds
    }
}

impl PriorStart {
    /// # Errors
    /// A precision that is no longer one when it counts `lambda` times.
    pub(super) fn new(prior: Arc<Prior>, lambda: f64) -> Result<Self, Fault> {
        let scaled = |mean: &[f64], precision: &[f64]| {
            RidgePrior::new(mean, precision, lambda).map(Arc::new).ok_or_else(|| {
                Fault::new("lambda", lambda, "a number by which the prior's precision can be multiplied")
            })
        };
        let pooled = scaled(&prior.raw.mean, &prior.raw.precision)?;
        let kinds = prior.raw.kinds.iter();
        let kinds = kinds
            .map(|(kind, own)| Ok((SmolStr::from(kind), scaled(&own.mean, &own.precision)?)))
            .collect::<Result<_, Fault>>()?;
        Ok(Self { prior, pooled, kinds })
    }

    /// The prior.
    pub fn prior(&self) -> &Arc<Prior> {
        &self.prior
    }

    /// Where the model of a kind starts.
    pub(super) fn of(&self, kind: Option<&str>) -> &Arc<RidgePrior> {
        self.kinds.get(kind.unwrap_or_default()).unwrap_or(&self.pooled)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A prior of a feature set with these numbers for all kinds.
    pub(crate) fn raw(features: FeatureSet, structure: Structure, mean: f64, precision: f64) -> RawPrior {
        let dim = features.dim();
        let lower = (0..dim).flat_map(|i| (0..=i).map(move |j| if i == j { precision } else { 0.25 }));
        RawPrior {
            format_version: FORMAT_VERSION,
            feature_set: features.name().to_owned(),
            feature_set_digest: features.digest().to_owned(),
            feature_names: features.names().iter().map(|name| (*name).to_owned()).collect(),
            structure,
            mean: vec![mean; dim],
            precision: lower.collect(),
            kinds: BTreeMap::new(),
            training: None,
        }
    }

    #[test]
    fn what_is_no_prior_is_named() {
        let good = raw(FeatureSet::V1, Structure::Disjoint, 0.1, 4.0);
        let fails = |change: &dyn Fn(&mut RawPrior)| {
            let mut raw = good.clone();
            change(&mut raw);
            Prior::try_from(raw).unwrap_err().to_string()
        };
        assert_eq!(
            fails(&|p| p.format_version = 2),
            "format_version is 2; allowed: 1, which this program knows"
        );
        assert_eq!(
            fails(&|p| p.mean.truncate(6)),
            "mean is a list of 6; allowed: 7 numbers, for 7 dimensions"
        );
        assert!(fails(&|p| p.mean[2] = f64::NAN).starts_with("mean[2] is NaN;"));
        assert!(fails(&|p| p.precision[3] = f64::INFINITY).starts_with("precision[3] is inf;"));
        assert!(fails(&|p| p.precision[0] = 0.0).starts_with("precision is not positive definite;"));
        let kind = RawKindPrior { mean: vec![0.0; 7], precision: vec![0.0; 28] };
        let odd = fails(&|p| drop(p.kinds.insert("rest".to_owned(), kind.clone())));
        assert!(odd.starts_with("kinds.rest.precision is not positive definite"), "{odd}");
        assert!(
            fails(&|p| {
                p.structure = Structure::Shared;
                p.kinds.insert("rest".to_owned(), kind.clone());
            })
            .starts_with("kinds is a table;")
        );
        let prior = Prior::try_from(good).unwrap();
        assert!(prior.belongs_to(FeatureSet::V1, Structure::Disjoint).is_ok());
        let other = prior.belongs_to(FeatureSet::V2, Structure::Disjoint).unwrap_err().to_string();
        assert!(other.starts_with("prior.feature_names is bias"), "{other}");
        assert!(prior.belongs_to(FeatureSet::V1, Structure::Shared).is_err());
    }

    #[test]
    fn a_prior_reads_back_and_how_it_was_learned_is_no_part_of_it() {
        let prior = Prior::try_from(raw(FeatureSet::V2, Structure::Shared, 0.1, 4.0)).unwrap();
        let again = Prior::from_json(&prior.to_json(), "prior.json").unwrap();
        assert_eq!((again.raw(), again.digest()), (prior.raw(), prior.digest()));
        let other = Prior::try_from(raw(FeatureSet::V2, Structure::Shared, 0.2, 4.0)).unwrap();
        assert_ne!(other.digest(), prior.digest());
    }
}
