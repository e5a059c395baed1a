//! The policies under test: what each of them would have chosen at a logged decision, and how likely.

use super::log::Names;
use super::row::{Catalogue, Row};
use crate::error::{Error, Fault, Result, within};
use crate::features::{CandidateFeatures, Clock, FeatureBlock, LANES, weekend};
use crate::policy::{Explorer, Luck, Model, Policy, Scratch, Structure};
use crate::state::Store;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How far the probabilities of a table may be from adding up to 1.
const SUM_TOLERANCE: f64 = 1e-6;

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
    /// A policy that learns from the log as it goes, each decision scored before it is learned from.
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

/// One line of a table of probabilities.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct TableLine {
    item: String,
    probability: f64,
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
            return Self::table(name, &crate::read::text(Path::new(name))?);
        }
        Self::of(Policy::load(name)?)
    }

    /// A policy that learns as it goes.
    ///
    /// # Errors
    /// One without exact probabilities.
    pub fn of(policy: Policy) -> Result<Self> {
        match policy.explorer() {
            Explorer::Uniform => Ok(Self::Uniform),
            Explorer::LinTs { .. } => Err(Error::Refused(format!(
                "{}: Thompson sampling has no exact probabilities, and weights need them; test a policy whose \
                 explorer is uniform, egreedy, linucb or squarecb",
                policy.name()
            ))),
            _ => Ok(Self::Learner(policy)),
        }
    }

    fn table(name: &str, text: &str) -> Result<Self> {
        let mut items = Vec::new();
        let mut seen = HashSet::new();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        for line in reader.deserialize() {
            let TableLine { item, probability } = line.map_err(|error| Error::Malformed {
                origin: name.to_owned(),
                message: error.to_string().replace("CSV deserialize error: ", ""),
            })?;
            let origin = || format!("{name}, line {}", items.len() + 2);
            within("probability", probability, 0.0, 1.0).map_err(|fault| fault.at(origin()))?;
            if !seen.insert(item.clone()) {
                return Err(Fault::new("item", format!("{item:?} again"), "each item once").at(origin()));
            }
            items.push((item.into_bytes(), probability));
        }
        let sum: f64 = items.iter().map(|(_, p)| p).sum();
        if (sum - 1.0).abs() > SUM_TOLERANCE {
            return Err(Fault::new("the sum of probabilities", sum, "1").at(name));
        }
        Ok(Self::Table { name: name.to_owned(), items })
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
    pub fn extend(&self, catalogue: &mut Catalogue) {
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

    /// The target, ready to be asked about rows of a log that names these.
    ///
    /// # Errors
    /// States that cannot be read, or none at all for the users of the log.
    pub fn prepare(&self, names: &Names) -> Result<Prepared> {
        let catalogue = &names.items;
        Ok(match self {
            Self::Uniform => {
                Prepared::Uniform { everything: vec![1.0 / catalogue.len() as f64; catalogue.len()] }
            }
            Self::Table { items, .. } => {
                let mut table = vec![0.0; catalogue.len()];
                for (item, probability) in items {
                    table[catalogue.find(item).expect("the catalogue was extended") as usize] = *probability;
                }
                Prepared::Table(table)
            }
            Self::Learner(policy) => {
                Prepared::Learner(Box::new(Learner::new(policy.clone(), names, Vec::new())))
            }
            Self::Frozen { policy, state_dir } => {
                let models = states(policy, state_dir, &names.users)?;
                let learner = Learner::new(policy.clone(), names, models);
                Prepared::Learner(Box::new(Learner { frozen: true, ..learner }))
            }
        })
    }
}

/// What `policy` has learned of each user, by the states in a directory.
fn states(policy: &Policy, state_dir: &Path, users: &Catalogue) -> Result<Vec<Model>> {
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
        /// One over the number of items, for each item.
        everything: Vec<f64>,
    },
    /// Probability by item.
    Table(Vec<f64>),
    /// A policy and what it has learned so far.
    Learner(Box<Learner>),
}

impl Prepared {
    /// Its distribution over the whole catalogue, if that is the same at every decision.
    pub fn constant(&self) -> Option<&[f64]> {
        match self {
            Self::Uniform { everything } => Some(everything),
            Self::Table(table) => Some(table),
            Self::Learner(_) => None,
        }
    }

    /// Writes its distribution over the candidates of `row` into `out`; learners then learn from the row,
    /// unless they are frozen.
    ///
    /// # Errors
    /// A policy that cannot be applied to this log; a table without mass on any candidate.
    pub fn distribution(&mut self, row: &Row, items: usize, out: &mut Vec<f64>) -> Result<()> {
        out.clear();
        match self {
            Self::Uniform { everything } if row.listed.is_empty() => out.extend_from_slice(everything),
            Self::Uniform { .. } => out.resize(row.listed.len(), 1.0 / row.listed.len() as f64),
            Self::Table(table) if row.listed.is_empty() => out.extend_from_slice(table),
            Self::Table(table) => {
                out.extend(row.listed.iter().map(|l| table[l.item as usize]));
                let sum: f64 = out.iter().sum();
                if sum <= 0.0 {
                    let why = "a table of probabilities gives none to any candidate of some decision; \
                               add those items to it";
                    return Err(Error::Refused(why.to_owned()));
                }
                for p in out.iter_mut() {
                    *p /= sum;
                }
            }
            Self::Learner(learner) => learner.distribution(row, items, out)?,
        }
        Ok(())
    }
}

/// A policy that learns from a log, one model for each user.
pub struct Learner {
    policy: Policy,
    frozen: bool,
    /// Names of the kinds of candidates: the items', where the log has no kinds.
    kinds: Vec<String>,
    models: Vec<UserModel>,
    block: FeatureBlock,
    parts: Vec<usize>,
    scratch: Scratch,
    x: Vec<f64>,
}

/// What was learned of one user, and which part of it each kind of candidate belongs to.
struct UserModel {
    model: Model,
    parts: Vec<Option<usize>>,
}

impl Learner {
    fn new(policy: Policy, names: &Names, models: Vec<Model>) -> Self {
        let kinds = if names.kinds.is_empty() { &names.items } else { &names.kinds };
        Self {
            policy,
            frozen: false,
            kinds: (0..kinds.len() as u32).map(|k| kinds.name(k)).collect(),
            models: models.into_iter().map(|model| UserModel { model, parts: Vec::new() }).collect(),
            block: FeatureBlock::default(),
            parts: Vec::new(),
            scratch: Scratch::default(),
            x: Vec::new(),
        }
    }

    fn distribution(&mut self, row: &Row, items: usize, out: &mut Vec<f64>) -> Result<()> {
        let user = row.user as usize;
        while self.models.len() <= user {
            self.models.push(UserModel { model: self.policy.new_model(), parts: Vec::new() });
        }
        self.fill_block(row, items)?;
        let UserModel { model, parts } = &mut self.models[user];
        self.parts.clear();
        for k in 0..self.block.len() {
            let kind = row.listed.get(k).map_or(k, |l| l.kind as usize);
            if kind >= parts.len() {
                parts.resize(kind + 1, None);
            }
            let name = Some(self.kinds[kind].as_str()).filter(|name| !name.is_empty());
            let part = *parts[kind].get_or_insert_with(|| model.part(name));
            self.parts.push(part);
        }
        // The scores are what is wanted; which candidate they would lead to is left to luck, unused.
        self.policy.decide(model, &self.block, &self.parts, &mut Luck::new(0), &mut self.scratch);
        let scores = self.scratch.scores(&self.block);
        let propensities = self.policy.explorer().propensities(scores);
        out.extend_from_slice(&propensities.expect("policies without propensities are refused as targets"));
        if !self.frozen {
            let chosen = row.chosen as usize;
            model.learn(&self.block, chosen, self.parts[chosen], row.reward, &mut self.scratch);
        }
        Ok(())
    }

    /// Feature vectors of the row's candidates. A log without vectors has the moment alone, equal for all
    /// candidates: enough for one model per item, nothing for a shared one.
    fn fill_block(&mut self, row: &Row, items: usize) -> Result<()> {
        let candidates = if row.listed.is_empty() { items } else { row.listed.len() };
        let dim = self.policy.features().dim();
        if self.block.len() != candidates || self.block.dim() != dim {
            self.block = FeatureBlock::new(dim, candidates);
        }
        if row.features.is_empty() {
            if self.policy.structure() == Structure::Shared {
                return Err(Error::Refused(format!(
                    "{}: all candidates look alike to it, for this log says nothing of them but their names; \
                     test uniform, a CSV with a probability for each item, or a policy file with \
                     structure = \"disjoint\", which learns a model for each item",
                    self.policy.name()
                )));
            }
            let (clock, weekend) = row
                .moment
                .map_or((Clock { sin: 0.0, cos: 0.0 }, 0.0), |m| (Clock::at(m.hour), weekend(m.weekday)));
            let features = CandidateFeatures { clock, priority: 0.5, urgency: 0.0, effort: 0.25 };
            self.block.set_moment(weekend);
            (0..candidates).for_each(|k| self.block.set_candidate(k, &features));
            return Ok(());
        }
        let logged = row.features.len() / candidates;
        if logged < dim {
            return Err(Error::Refused(format!(
                "{}: it looks at {dim} features ({}), the log holds {logged}",
                self.policy.name(),
                self.policy.features()
            )));
        }
        self.x.resize(dim.next_multiple_of(LANES), 0.0);
        for k in 0..candidates {
            self.block.set_vector(k, &row.features[k * logged..][..dim]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::Listed;
    use super::*;

    fn names(items: &[&str]) -> Names {
        let mut names = Names::default();
        for item in items {
            names.items.number(item.as_bytes());
        }
        names
    }

    #[test]
    fn tables_must_add_up_and_name_each_item_once() {
        let table = |lines: &str| Target::table("t.csv", &format!("item,probability\n{lines}"));
        assert!(table("a,0.25\nb,0.75\n").is_ok());
        let message = |lines: &str| table(lines).unwrap_err().to_string();
        assert_eq!(message("a,0.25\nb,0.5\n"), "t.csv: the sum of probabilities is 0.75; allowed: 1");
        assert_eq!(message("a,0.5\na,0.5\n"), "t.csv, line 3: item is \"a\" again; allowed: each item once");
        assert!(message("a,1.5\nb,-0.5\n").starts_with("t.csv, line 2: probability is 1.5;"));
        assert!(message("a,x\n").contains("line: 2"), "{}", message("a,x\n"));
    }

    #[test]
    fn a_table_is_renormalized_over_the_candidates_that_are_there() {
        let target = Target::table("t.csv", "item,probability\na,0.2\nb,0.3\nc,0.5\n").unwrap();
        let mut prepared = target.prepare(&names(&["a", "b", "c"])).unwrap();
        let listed = [0, 2].map(|item| Listed { item, kind: item, propensity: 0.5 }).to_vec();
        let (row, mut out) = (Row { listed, ..Row::default() }, Vec::new());
        prepared.distribution(&row, 3, &mut out).unwrap();
        assert!((out[0] - 0.2 / 0.7).abs() < 1e-15 && (out[1] - 0.5 / 0.7).abs() < 1e-15);
    }

    #[test]
    fn a_learner_scores_before_it_learns() {
        let toml = "name = \"by-item\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\nstructure = \"disjoint\"";
        let raw: crate::policy::RawPolicy = toml::from_str(toml).unwrap();
        let mut prepared = Target::Learner(raw.try_into().unwrap()).prepare(&names(&["a", "b"])).unwrap();
        let row = Row { chosen: 1, reward: 1.0, ..Row::default() };
        let mut out = Vec::new();
        prepared.distribution(&row, 2, &mut out).unwrap();
        assert_eq!(out, [0.5, 0.5]);
        prepared.distribution(&row, 2, &mut out).unwrap();
        assert!((out[0] - 0.05).abs() < 1e-15 && (out[1] - 0.95).abs() < 1e-15, "{out:?}");
        // Another user starts from nothing.
        prepared.distribution(&Row { user: 1, ..row }, 2, &mut out).unwrap();
        assert_eq!(out, [0.5, 0.5]);
    }

    #[test]
    fn what_cannot_be_applied_is_refused_with_a_way_out() {
        let mut prepared = Target::load("linucb").unwrap().prepare(&names(&["a", "b"])).unwrap();
        let refused = prepared.distribution(&Row::default(), 2, &mut Vec::new()).unwrap_err();
        assert!(refused.to_string().contains("structure = \"disjoint\""), "{refused}");
        assert!(Target::load("lints-v2").unwrap_err().to_string().contains("no exact probabilities"));
        assert!(matches!(Target::load("uniform").unwrap(), Target::Uniform));
    }
}
