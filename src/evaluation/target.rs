//! The policies under test: what each of them would have chosen at a logged decision, and how likely.

use super::interner::Interner;
use super::learner::Learner;
use super::log::LogVocabulary;
use super::probability_table;
use super::program_learner::ProgramLearner;
use super::refusal::LogRefusal;
use super::row::{ListedItem, Row};
use crate::base::error::{Error, Result};
use crate::features::DeclaredSet;
use crate::policy::{Explorer, Learns, Model, Policy};
use crate::store::{self, Access, Pace};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

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
    /// A policy that is a column of the log: each decision's probability that it would have chosen what was chosen.
    Column {
        /// What the user called it.
        name: String,
        /// Position of its column among those that were named.
        column: usize,
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
        if let Some(program) = policy.program() {
            program.runs()?;
            return Ok(Self::Learner(policy));
        }
        match policy.explorer() {
            Explorer::Uniform(_) => Ok(Self::Uniform),
            explorer if !explorer.has_propensities() => {
                let (policy, explorer) = (policy.name().to_owned(), explorer.name());
                Err(Error::because(LogRefusal::NoExactProbabilities { policy, explorer }))
            }
            _ => Ok(Self::Learner(policy)),
        }
    }

    fn table(name: &str, text: &[u8]) -> Result<Self> {
        Ok(Self::Table { name: name.to_owned(), items: probability_table::parse(name, text)? })
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
            Self::Table { name, .. } | Self::Column { name, .. } => name,
            Self::Learner(policy) | Self::Frozen { policy, .. } => policy.name(),
        }
    }

    /// Adds the items that only this target knows.
    pub fn extend(&self, vocabulary: &mut Interner) {
        if let Self::Table { items, .. } = self {
            for (item, _) in items {
                vocabulary.number(item);
            }
        }
    }

    /// The feature set that it looks at, if a file declares it.
    pub fn declared(&self) -> Option<&'static DeclaredSet> {
        match self {
            Self::Learner(policy) | Self::Frozen { policy, .. } => policy.features().declared(),
            Self::Uniform | Self::Table { .. } | Self::Column { .. } => None,
        }
    }

    /// Whether it looks at whose decision it is, and at its moment.
    pub fn learns_of_users(&self) -> bool {
        matches!(self, Self::Learner(_) | Self::Frozen { .. })
    }

    /// Whether no more of it is known than how likely it was to choose what was chosen: then nothing is known of what it
    /// would have earned by the other candidates.
    pub fn is_of_the_chosen_alone(&self) -> bool {
        matches!(self, Self::Column { .. })
    }

    /// Whether it chooses in the same way at every decision that offers the same.
    pub fn is_constant(&self) -> bool {
        matches!(self, Self::Uniform | Self::Table { .. })
    }

    /// Whether it is shown requests as they are: a program.
    pub fn sees_requests(&self) -> bool {
        matches!(self, Self::Learner(policy) | Self::Frozen { policy, .. } if policy.program().is_some())
    }

    /// Whether it learns from the log.
    pub fn learns(&self) -> bool {
        matches!(self, Self::Learner(policy) if policy.learns() != Learns::Nothing)
    }

    /// Whether it learns from the log, of each user alone.
    pub fn learns_of_each_user(&self) -> bool {
        matches!(self, Self::Learner(policy) if policy.learns() == Learns::User)
    }

    /// The target, ready to be asked about rows of a log that names these. The first `items` are the log's own, among
    /// which it chooses; the others only some target knows.
    ///
    /// # Errors
    /// States that cannot be read, or none at all for the users of the log.
    pub fn prepare(&self, names: &LogVocabulary, items: usize) -> Result<PreparedTarget> {
        let vocabulary = &names.items;
        Ok(match self {
            Self::Uniform => {
                let mut everything = vec![1.0 / items as f64; items];
                everything.resize(vocabulary.len(), 0.0);
                PreparedTarget::Uniform { everything }
            }
            Self::Table { name, items } => {
                let mut table = vec![0.0; vocabulary.len()];
                for (item, probability) in items {
                    table[vocabulary.find(item).expect("the vocabulary was extended") as usize] =
                        *probability;
                }
                let twins = vec![0; vocabulary.len()];
                PreparedTarget::Table { name: name.clone(), table, twins }
            }
            Self::Column { column, .. } => PreparedTarget::Column { column: *column },
            Self::Learner(policy) if policy.program().is_some() => {
                let learner = Box::new(ProgramLearner::new(policy.clone(), names, items, Vec::new()));
                PreparedTarget::Program { learner, without_state: None }
            }
            Self::Learner(policy) => {
                let learner = Box::new(Learner::new(policy.clone(), names, Vec::new()));
                PreparedTarget::Learner { learner, items, without_state: None }
            }
            Self::Frozen { policy, state_dir } => {
                let models = states(policy, state_dir, &names.users)?;
                let unknown = models.iter().filter(|m| m.updates() == 0).count() as u64;
                let without_state = (policy.learns() == Learns::User).then_some(unknown);
                if policy.program().is_some() {
                    let learner = ProgramLearner::new(policy.clone(), names, items, models).frozen();
                    return Ok(PreparedTarget::Program { learner: Box::new(learner), without_state });
                }
                let learner = Box::new(Learner::new(policy.clone(), names, models).frozen());
                PreparedTarget::Learner { learner, items, without_state }
            }
        })
    }
}

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
        let (place, table) = (place(), self.name.to_owned());
        Err(Error::because(LogRefusal::NoCandidateInTable { place, table }))
    }
}

/// What `policy` has learned of each user, by the states in a directory.
///
/// Of one that learns of everybody that is one model, and of one that learns nothing none.
fn states(policy: &Policy, state_dir: &Path, users: &Interner) -> Result<Vec<Model>> {
    if policy.learns() == Learns::Nothing {
        return Ok(Vec::new());
    }
    let of_everybody = policy.learns() == Learns::Everybody;
    if users.is_empty() && !of_everybody {
        return Err(Error::because(LogRefusal::NoUsersForStates { policy: policy.name().to_owned() }));
    }
    let store = store::open(state_dir, Access::Read, Pace::Single)?;
    let names: Vec<String> = if of_everybody {
        vec![policy.learns().state_user("").to_owned()]
    } else {
        (0..users.len() as u32).map(|user| users.name(user)).collect()
    };
    let keys: Vec<(&str, &str)> = names.iter().map(|user| (user.as_str(), policy.name())).collect();
    let found = store::read(&*store, |snapshot| snapshot.states(&keys))?;
    let model = |record: Option<store::StateRecord>| {
        let state = record.map(|record| record.state(store.origin())).transpose()?.flatten();
        let Some(state) = state else { return Ok(policy.new_model()) };
        state.fits(policy).map_err(|fault| fault.at(format!("the state of {:?}", state.user)))?;
        let same = state.policy.prior() == policy.prior();
        Ok(if same { state.model } else { policy.take_over(&state.model) })
    };
    let models: Vec<Model> = found.into_iter().map(model).collect::<Result<_>>()?;
    if models.iter().all(|m| m.updates() == 0) {
        let (policy, states) = (policy.name().to_owned(), state_dir.to_path_buf());
        return Err(Error::because(LogRefusal::NoStates { policy, states }));
    }
    Ok(models)
}

/// A target that knows the log's vocabulary.
pub enum PreparedTarget {
    /// See [`Target::Uniform`]; `everything` is its distribution where nothing is listed.
    Uniform {
        /// One over the number of the log's items, for each of them; 0 for the others.
        everything: Vec<f64>,
    },
    /// See [`Target::Table`].
    Table {
        /// What the user called it.
        name: String,
        /// The probability of each item.
        table: Vec<f64>,
        /// How many candidates of the current decision are this item; 0 between decisions.
        twins: Vec<u32>,
    },
    /// See [`Target::Column`].
    Column {
        /// Position of its column.
        column: usize,
    },
    /// A policy and what it has learned so far.
    Learner {
        /// The policy.
        learner: Box<Learner>,
        /// Number of the log's own items.
        items: usize,
        /// Of a frozen policy, users of the log of whom it has no state.
        without_state: Option<u64>,
    },
    /// A program and what it has learned so far.
    Program {
        /// The program.
        learner: Box<ProgramLearner>,
        /// Where it is frozen, users of the log of whom it has no state.
        without_state: Option<u64>,
    },
}

impl PreparedTarget {
    /// Its distribution over the whole vocabulary, if that is the same at every decision.
    pub fn constant(&self) -> Option<&[f64]> {
        match self {
            Self::Uniform { everything } => Some(everything),
            Self::Table { table, .. } => Some(table),
            Self::Learner { .. } | Self::Program { .. } | Self::Column { .. } => None,
        }
    }

    /// How likely it is to choose what was chosen, where no more than that is known of it.
    pub fn probability_of_the_chosen(&self, row: &Row) -> Option<f64> {
        match self {
            Self::Column { column } => Some(row.probabilities[*column]),
            _ => None,
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
            Self::Table { table, .. } if row.listed.is_empty() => out.extend_from_slice(table),
            Self::Table { name, table, twins } => {
                row.listed.iter().for_each(|l| twins[l.item as usize] += 1);
                // Candidates that are the same item share what the table gives it.
                let share = |l: &ListedItem| table[l.item as usize] / f64::from(twins[l.item as usize]);
                out.extend(row.listed.iter().map(share));
                row.listed.iter().for_each(|l| twins[l.item as usize] = 0);
                let sum: f64 = out.iter().sum();
                if sum <= 0.0 {
                    let place = "a decision".to_owned();
                    return Err(Error::because(LogRefusal::NoCandidateInTable {
                        place,
                        table: name.clone(),
                    }));
                }
                for p in out.iter_mut() {
                    *p /= sum;
                }
            }
            Self::Learner { learner, items, .. } => learner.distribution(row, *items, out)?,
            Self::Program { learner, .. } => learner.distribution(out),
            Self::Column { .. } => unreachable!("it was asked for its probability of the chosen one"),
        }
        Ok(())
    }

    /// Of a frozen policy, users of the log of whom it has no state.
    pub fn without_state(&self) -> Option<u64> {
        match self {
            Self::Learner { without_state, .. } | Self::Program { without_state, .. } => *without_state,
            _ => None,
        }
    }

    /// Asks a program about decisions that come next, many at once: their distributions wait for [`Self::distribution`], and it
    /// has learned of those that `accept` takes by their place and its answer.
    ///
    /// # Errors
    /// Those of a program.
    pub fn ask_ahead(&mut self, rows: &[&Row], accept: impl Fn(usize, &[f64]) -> bool) -> Result<()> {
        match self {
            Self::Program { learner, .. } => learner.ask(rows, accept),
            _ => Ok(()),
        }
    }

    /// Learns the row whose distribution was asked for last, if it is a policy that learns. A program has learned it.
    pub fn learn(&mut self, row: &Row) {
        if let Self::Learner { learner, .. } = self {
            learner.learn(row);
        }
    }
}

#[cfg(test)]
mod tests {
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
        let listed = [0, 2].map(|item| ListedItem { item, kind: item, propensity: 0.5 }).to_vec();
        let (row, mut out) = (Row { listed, ..Row::default() }, Vec::new());
        prepared.distribution(&row, &mut out).unwrap();
        assert!((out[0] - 0.2 / 0.7).abs() < 1e-15 && (out[1] - 0.5 / 0.7).abs() < 1e-15);
    }

    #[test]
    fn candidates_that_are_the_same_item_share_its_probability() {
        let target = Target::table("t.csv", b"item,probability\na,0.5\nb,0.5\n").unwrap();
        let mut prepared = target.prepare(&names(&["a", "b"]), 2).unwrap();
        let listed = [0, 0, 1].map(|item| ListedItem { item, kind: item, propensity: 0.5 }).to_vec();
        let (row, mut out) = (Row { listed, ..Row::default() }, Vec::new());
        for _ in 0..2 {
            prepared.distribution(&row, &mut out).unwrap();
            assert_eq!(out, [0.25, 0.25, 0.5]);
        }
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
