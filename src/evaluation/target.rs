//! The policies under test: what each of them would have chosen at a logged decision, and how likely.

use super::learner::Learner;
use super::log::LogVocabulary;
use super::row::{Interner, Row};
use super::table;
use crate::base::error::{Error, Result};
use crate::policy::{Explorer, Model, Policy};
use crate::state::Store;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A policy under test, before the log is known.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// Every candidate alike.
    Uniform,
    /// A fixed probability for each item.
    Table {
        /// What the user called it.
        name: String,
        /// Item and probability; they add up to 1.
        items: Vec<(Vec<u8>, f64)>,
    },
    /// A policy that learns from the log as it goes, each decision scored before it is learned from: judged as it would
    /// stand had it been taught every logged decision so far, which is not what it would earn deployed.
    Learner(Policy),
    /// A policy as the states in a directory have it, which learns nothing more. Where those states learned
    /// from this very log, it is judged on what it has seen.
    Frozen {
        /// The policy.
        policy: Policy,
        /// Where its states are.
        state_dir: PathBuf,
    },
}

impl Target {
    /// The target of this name: a path that ends in `.csv` is a table with the columns `item` and
    /// `probability`; anything else is a policy as [`Policy::load`] knows it.
    ///
    /// # Errors
    /// An unknown policy; one without exact probabilities; a file that cannot be read, or whose
    /// probabilities are not in [0, 1], name an item twice or do not add up to 1.
    pub fn load(name: &str) -> Result<Self> {
        if Path::new(name).extension().is_some_and(|e| e == "csv") {
            return Self::table(name, &crate::base::read::bytes(Path::new(name))?);
        }
        Self::of(Policy::load(name)?)
    }

    /// A policy that learns as it goes.
    ///
    /// # Errors
    /// One without exact probabilities.
    pub fn of(policy: Policy) -> Result<Self> {
        match policy.explorer() {
            Explorer::Uniform(_) => Ok(Self::Uniform),
            Explorer::LinTs(_) => Err(Error::Refused(format!(
                "{}: Thompson sampling has no exact probabilities, and weights need them; test a policy whose \
                 explorer is uniform, egreedy, linucb or squarecb",
                policy.name()
            ))),
            _ => Ok(Self::Learner(policy)),
        }
    }

    fn table(name: &str, text: &[u8]) -> Result<Self> {
        Ok(Self::Table { name: name.to_owned(), items: table::parse(name, text)? })
    }

    /// The target as the states in `state_dir` have it; those that have no states stay what they are.
    #[must_use]
    pub fn frozen(self, state_dir: &Path) -> Self {
        match self {
            Self::Learner(policy) => Self::Frozen { policy, state_dir: state_dir.to_path_buf() },
            other => other,
        }
    }

    /// What results call it.
    pub fn name(&self) -> &str {
        match self {
            Self::Uniform => "uniform",
            Self::Table { name, .. } => name,
            Self::Learner(policy) | Self::Frozen { policy, .. } => policy.name(),
        }
    }

    /// Adds the items that only this target knows.
    pub fn extend(&self, catalogue: &mut Interner) {
        if let Self::Table { items, .. } = self {
            for (item, _) in items {
                catalogue.number(item);
            }
        }
    }

    /// Whether it looks at whose decision it is, and at its moment.
    pub fn learns_of_users(&self) -> bool {
        matches!(self, Self::Learner(_) | Self::Frozen { .. })
    }

    /// Whether it learns from the log.
    pub fn learns(&self) -> bool {
        matches!(self, Self::Learner(_))
    }

    /// The target, ready to be asked about rows of a log that names these. The first `items` are the log's own, among
    /// which it chooses; the others only some target knows.
    ///
    /// # Errors
    /// States that cannot be read, or none at all for the users of the log.
    pub fn prepare(&self, names: &LogVocabulary, items: usize) -> Result<Prepared> {
        let catalogue = &names.items;
        Ok(match self {
            Self::Uniform => {
                let mut everything = vec![1.0 / items as f64; items];
                everything.resize(catalogue.len(), 0.0);
                Prepared::Uniform { everything }
            }
            Self::Table { items, .. } => {
                let mut table = vec![0.0; catalogue.len()];
                for (item, probability) in items {
                    table[catalogue.find(item).expect("the catalogue was extended") as usize] = *probability;
                }
                Prepared::Table(table)
            }
            Self::Learner(policy) => {
                let learner = Box::new(Learner::new(policy.clone(), names, Vec::new()));
                Prepared::Learner { learner, items, without_state: None }
            }
            Self::Frozen { policy, state_dir } => {
                let models = states(policy, state_dir, &names.users)?;
                let without_state = Some(models.iter().filter(|m| m.updates() == 0).count() as u64);
                let learner = Box::new(Learner::new(policy.clone(), names, models).frozen());
                Prepared::Learner { learner, items, without_state }
            }
        })
    }
}

/// Said of a table by which no choice is possible.
const NO_MASS: &str = "it gives no probability to any candidate of a decision; add one of them to it";

/// The items to which a table gives some probability, as a log names them.
pub(super) struct Reach<'a> {
    name: &'a str,
    given: HashSet<&'a [u8]>,
    /// By the number of each item so far.
    reached: Vec<bool>,
}

impl<'a> Reach<'a> {
    /// `None` for a target that has some probability for any candidate.
    pub(super) fn new(target: &'a Target) -> Option<Self> {
        let Target::Table { name, items } = target else { return None };
        let given = items.iter().filter(|(_, p)| *p > 0.0).map(|(item, _)| &item[..]).collect();
        Some(Self { name, given, reached: Vec::new() })
    }

    /// # Errors
    /// No candidate of `row`, which stands at `place`, has any.
    pub(super) fn check(&mut self, row: &Row, items: &Interner, place: impl Fn() -> String) -> Result<()> {
        for item in self.reached.len()..items.len() {
            self.reached.push(self.given.contains(items.bytes(item as u32)));
        }
        if row.listed.is_empty() || row.listed.iter().any(|listed| self.reached[listed.item as usize]) {
            return Ok(());
        }
        Err(Error::Refused(format!("{}: {}: {NO_MASS}", place(), self.name)))
    }
}

/// What `policy` has learned of each user, by the states in a directory.
fn states(policy: &Policy, state_dir: &Path, users: &Interner) -> Result<Vec<Model>> {
    if users.is_empty() {
        return Err(Error::Refused(format!(
            "{}: its states are of single users, and this log names none; leave out --frozen to let it learn from \
             the log as it goes, or name the column of users in a CSV",
            policy.name()
        )));
    }
    let store = Store::new(state_dir);
    let (view, policy) = (store.view()?, Arc::new(policy.clone()));
    let model = |user: u32| Ok(view.state(&users.name(user), &policy)?.model().clone());
    let models: Vec<Model> = (0..users.len() as u32).map(model).collect::<Result<_>>()?;
    if models.iter().all(|m| m.updates() == 0) {
        return Err(Error::Refused(format!(
            "{}: {} holds no state of it for any user of this log; name the directory with --state-dir, or \
             leave out --frozen to let it learn from the log as it goes",
            policy.name(),
            state_dir.display()
        )));
    }
    Ok(models)
}

/// A target that knows the log's catalogue.
pub enum Prepared {
    /// See [`Target::Uniform`]; `everything` is its distribution where nothing is listed.
    Uniform {
        /// One over the number of the log's items, for each of them; 0 for the others.
        everything: Vec<f64>,
    },
    /// Probability by item.
    Table(Vec<f64>),
    /// A policy and what it has learned so far.
    Learner {
        /// The policy.
        learner: Box<Learner>,
        /// Number of the log's own items.
        items: usize,
        /// Of a frozen policy, users of the log of whom it has no state.
        without_state: Option<u64>,
    },
}

impl Prepared {
    /// Its distribution over the whole catalogue, if that is the same at every decision.
    pub fn constant(&self) -> Option<&[f64]> {
        match self {
            Self::Uniform { everything } => Some(everything),
            Self::Table(table) => Some(table),
            Self::Learner { .. } => None,
        }
    }

    /// Writes its distribution over the candidates of `row` into `out`, which items at the end that are none of the
    /// log's may be missing from.
    ///
    /// # Errors
    /// A policy that cannot be applied to this log; a table without mass on any candidate.
    pub fn distribution(&mut self, row: &Row, out: &mut Vec<f64>) -> Result<()> {
        out.clear();
        match self {
            Self::Uniform { everything } if row.listed.is_empty() => out.extend_from_slice(everything),
            Self::Uniform { .. } => out.resize(row.listed.len(), 1.0 / row.listed.len() as f64),
            Self::Table(table) if row.listed.is_empty() => out.extend_from_slice(table),
            Self::Table(table) => {
                out.extend(row.listed.iter().map(|l| table[l.item as usize]));
                let sum: f64 = out.iter().sum();
                if sum <= 0.0 {
                    return Err(Error::Refused(NO_MASS.to_owned()));
                }
                for p in out.iter_mut() {
                    *p /= sum;
                }
            }
            Self::Learner { learner, items, .. } => learner.distribution(row, *items, out)?,
        }
        Ok(())
    }

    /// Of a frozen policy, users of the log of whom it has no state.
    pub fn without_state(&self) -> Option<u64> {
        match self {
            Self::Learner { without_state, .. } => *without_state,
            _ => None,
        }
    }

    /// Learns the row whose distribution was asked for last, if it is a policy that learns.
    pub fn learn(&mut self, row: &Row) {
        if let Self::Learner { learner, .. } = self {
            learner.learn(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::Listed;
    use super::*;

    fn names(items: &[&str]) -> LogVocabulary {
        let mut names = LogVocabulary::default();
        for item in items {
            names.items.number(item.as_bytes());
        }
        names
    }

    #[test]
    fn a_table_is_renormalized_over_the_candidates_that_are_there() {
        let target = Target::table("t.csv", b"item,probability\na,0.2\nb,0.3\nc,0.5\n").unwrap();
        let mut prepared = target.prepare(&names(&["a", "b", "c"]), 3).unwrap();
        let listed = [0, 2].map(|item| Listed { item, kind: item, propensity: 0.5 }).to_vec();
        let (row, mut out) = (Row { listed, ..Row::default() }, Vec::new());
        prepared.distribution(&row, &mut out).unwrap();
        assert!((out[0] - 0.2 / 0.7).abs() < 1e-15 && (out[1] - 0.5 / 0.7).abs() < 1e-15);
    }

    #[test]
    fn a_learner_scores_before_it_learns() {
        let toml = "name = \"by-item\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\nstructure = \"disjoint\"";
        let raw: crate::policy::RawPolicy = toml::from_str(toml).unwrap();
        let mut prepared = Target::Learner(raw.try_into().unwrap()).prepare(&names(&["a", "b"]), 2).unwrap();
        let row = Row { chosen: 1, reward: 1.0, ..Row::default() };
        let mut out = Vec::new();
        prepared.distribution(&row, &mut out).unwrap();
        assert_eq!(out, [0.5, 0.5]);
        prepared.learn(&row);
        prepared.distribution(&row, &mut out).unwrap();
        assert!((out[0] - 0.05).abs() < 1e-15 && (out[1] - 0.95).abs() < 1e-15, "{out:?}");
        // Another user starts from nothing.
        prepared.distribution(&Row { user: 1, ..row }, &mut out).unwrap();
        assert_eq!(out, [0.5, 0.5]);
    }

    #[test]
    fn what_cannot_be_applied_is_refused_with_a_way_out() {
        let mut prepared = Target::load("linucb").unwrap().prepare(&names(&["a", "b"]), 2).unwrap();
        let refused = prepared.distribution(&Row::default(), &mut Vec::new()).unwrap_err();
        assert!(refused.to_string().contains("structure = \"disjoint\""), "{refused}");
        assert!(Target::load("lints-v2").unwrap_err().to_string().contains("no exact probabilities"));
        assert!(matches!(Target::load("uniform").unwrap(), Target::Uniform));
    }
}
