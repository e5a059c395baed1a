//! Policies on a labelled table: the field's standard benchmark.
//!
//! Progressive validation (Blum, Kalai & Langford 1999): each row is decided before it is learned from, so
//! the share of wrong choices is an honest estimate of the loss while learning. It depends on the order of
//! the rows; several orders, the same for every policy, give it an interval.

use crate::base::error::{Cause, Error, ErrorKind, Result};
use crate::base::random::{Purpose, Streams};
use crate::base::stats::{Moments, student_t_quantile};
use crate::features::FeatureBlock;
use crate::policy::program::ProgramError;
use crate::policy::{DecisionRng, Policy, Scratch, Structure};
use crate::simulation::labelled_table::LabelledTable;
use rand::RngExt;
use rayon::prelude::*;
use serde::Serialize;

/// Probability with which the interval of a mean loss may fail.
const ALPHA: f64 = 0.05;

/// The orders in which a table's rows come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orders {
    /// There are so many, each drawn at random.
    Drawn(u64),
    /// There is one, that of the file, to compare with another program on the very same rows.
    AsWritten,
}

impl Orders {
    /// How many there are.
    pub fn count(self) -> u64 {
        match self {
            Self::Drawn(orders) => orders,
            Self::AsWritten => 1,
        }
    }
}

/// Why a policy cannot be run on a table.
#[derive(Debug, thiserror::Error)]
pub enum ProgressiveError {
    /// It has one model for all candidates.
    #[error(
        "{policy}: the classes of a table share their vector, and one model cannot tell them apart; name a policy file \
         with structure = \"disjoint\""
    )]
    SharedModel {
        /// The policy's name.
        policy: String,
    },
    /// It has a prior, which knows nothing of the table's columns.
    #[error("{policy}: its prior is one of its own features, and here the table's columns are the features")]
    Prior {
        /// The policy's name.
        policy: String,
    },
}

impl Cause for ProgressiveError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

/// How a policy fared on a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Progress {
    /// Its name.
    pub policy: String,
    /// Share of wrong choices, in [0, 1], mean over the orders.
    pub progressive_loss: f64,
    /// Student's bounds on it, 95%, within [0, 1]; `None` for a single order, or when all gave the same.
    pub lower: Option<f64>,
    /// The upper bound; see `lower`.
    pub upper: Option<f64>,
    /// The loss in each order.
    pub orders: Vec<f64>,
}

/// Runs each policy over the table's rows, once in each of `orders`. The policy's own feature set is put aside: the
/// table's columns are its features.
///
/// # Errors
/// A policy with one model for all candidates: the classes share their vector, so it could not tell them
/// apart; a program, which is shown requests.
pub fn run(table: &LabelledTable, policies: &[Policy], orders: Orders, seed: u64) -> Result<Vec<Progress>> {
    for policy in policies {
        if policy.program().is_some() {
            let (policy, why) = (policy.name().to_owned(), "which is shown requests, and a table has none");
            return Err(Error::because(ProgramError::NotFor { policy, why }));
        }
        if policy.prior().is_some() {
            let policy = policy.name().to_owned();
            return Err(Error::because(ProgressiveError::Prior { policy }));
        }
        if policy.structure() == Structure::Shared && policy.explorer().uses_scores() {
            let policy = policy.name().to_owned();
            return Err(Error::because(ProgressiveError::SharedModel { policy }));
        }
    }
    let streams = Streams::new(seed, "table", "rows");
    Ok(policies
        .iter()
        .map(|policy| {
            let loss = |order| {
                let rows = rows(table.len(), orders, &streams, order);
                loss(table, policy, rows, &mut streams.of(order, Purpose::Exploration))
            };
            progress(policy, (0..orders.count()).into_par_iter().map(loss).collect())
        })
        .collect())
}

fn progress(policy: &Policy, losses: Vec<f64>) -> Progress {
    let moments: Moments = losses.iter().copied().collect();
    let mean = moments.mean().unwrap_or(f64::NAN);
    let quantile = || student_t_quantile(1.0 - ALPHA / 2.0, losses.len() as f64 - 1.0);
    // One order has no error to multiply, and Student's distribution no quantile without a degree of freedom.
    let half = moments.standard_error().filter(|e| *e > 0.0).map(|e| quantile() * e);
    Progress {
        policy: policy.name().to_owned(),
        progressive_loss: mean,
        // The bounds of few orders may reach beyond what a share can be.
        lower: half.map(|h| (mean - h).max(0.0)),
        upper: half.map(|h| (mean + h).min(1.0)),
        orders: losses,
    }
}

/// The rows in the order of this number.
fn rows(len: usize, orders: Orders, streams: &Streams, order: u64) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..len).collect();
    if let Orders::Drawn(_) = orders {
        let mut shuffle = streams.of(order, Purpose::Order);
        for i in (1..len).rev() {
            rows.swap(i, shuffle.random_range(0..=i as u64) as usize);
        }
    }
    rows
}

/// Share of wrong choices in one pass over these rows.
fn loss(table: &LabelledTable, policy: &Policy, rows: Vec<usize>, exploration: &mut impl RngExt) -> f64 {
    let mut model = policy.new_model_of(table.dim());
    let kinds: Vec<usize> = table.classes().iter().map(|class| model.kind_index(Some(class))).collect();
    let mut block = FeatureBlock::new(table.dim(), table.classes().len());
    let mut scratch = Scratch::default();
    let mut wrong = 0;
    for row in rows {
        (0..block.len()).for_each(|k| block.set_vector(k, table.vector(row)));
        let mut rng = DecisionRng::new(exploration.random_range(0..DecisionRng::SEEDS));
        let chosen = policy.decide(&model, &block, &kinds, &mut rng, &mut scratch).index;
        let right = chosen == table.label(row);
        wrong += usize::from(!right);
        model.learn(&block, chosen, kinds[chosen], f64::from(u8::from(right)));
    }
    wrong as f64 / table.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 300 rows whose class is the sign of their one column, 3 classes of which the third never is right.
    fn table() -> LabelledTable {
        let rows: String =
            (0..300).map(|i| if i % 2 == 0 { "1,yes\n" } else { "-1,no\n" }).chain(["0,never\n"]).collect();
        LabelledTable::parse(format!("x,class\n{rows}").as_bytes(), "t.csv", "class", &[]).unwrap()
    }

    fn policy(explorer: &str, structure: &str) -> Policy {
        let text = format!(
            "name = \"mine\"\nexplorer = \"{explorer}\"\nfeatures = \"v1\"\nstructure = \"{structure}\""
        );
        toml::from_str::<crate::policy::RawPolicy>(&text).unwrap().try_into().unwrap()
    }

    #[test]
    fn what_can_be_learned_is_learned_and_chance_is_chance() {
        let all = [policy("egreedy", "disjoint"), policy("linucb", "disjoint"), policy("uniform", "shared")];
        let results = run(&table(), &all, Orders::Drawn(20), 1).unwrap();
        // Epsilon 0.1 on three classes is wrong in 6.7%, and a little more while learning.
        assert!((0.05..0.11).contains(&results[0].progressive_loss), "{results:?}");
        assert!(results[1].progressive_loss < 0.1, "{results:?}");
        // 20 orders of 301 rows: four standard errors of a share of 2/3 are 0.024.
        assert!((results[2].progressive_loss - 2.0 / 3.0).abs() < 0.024, "{results:?}");
        assert!(results[2].lower.unwrap() < 2.0 / 3.0 && results[2].upper.unwrap() > 2.0 / 3.0 - 0.01);
    }

    #[test]
    fn a_seed_gives_the_same_losses_and_another_does_not() {
        let policies = [policy("egreedy", "disjoint")];
        let run = |seed| run(&table(), &policies, Orders::Drawn(3), seed).unwrap();
        assert_eq!(run(5), run(5));
        assert_ne!(run(5), run(6));
        let one = super::run(&table(), &policies, Orders::Drawn(1), 5).unwrap();
        assert_eq!((one[0].lower, one[0].orders[0]), (None, run(5)[0].orders[0]));
    }

    #[test]
    fn bounds_of_few_orders_are_those_of_a_share() {
        let of = |losses: [f64; 2]| progress(&policy("egreedy", "disjoint"), losses.to_vec());
        assert_eq!((of([0.01, 0.05]).lower, of([0.9, 0.99]).upper), (Some(0.0), Some(1.0)));
    }

    #[test]
    fn as_written_the_rows_come_one_after_the_other() {
        let streams = Streams::new(5, "table", "rows");
        assert_eq!(rows(5, Orders::AsWritten, &streams, 0), [0, 1, 2, 3, 4]);
        assert_ne!(rows(50, Orders::Drawn(1), &streams, 0), rows(50, Orders::AsWritten, &streams, 0));
        // Nothing tells the classes apart but when they come.
        let sorted = format!("x,class\n{}{}", "1,a\n".repeat(100), "1,b\n".repeat(100));
        let sorted = LabelledTable::parse(sorted.as_bytes(), "t.csv", "class", &[]).unwrap();
        let policies = [policy("linucb", "disjoint")];
        let run = |orders| super::run(&sorted, &policies, orders, 5).unwrap().remove(0);
        assert_eq!(run(Orders::AsWritten).orders.len(), 1);
        assert_ne!(run(Orders::AsWritten).orders, run(Orders::Drawn(1)).orders);
    }

    #[test]
    fn one_model_for_all_classes_is_refused() {
        let refused = run(&table(), &[policy("egreedy", "shared")], Orders::Drawn(1), 1).unwrap_err();
        assert!(refused.to_string().contains("structure = \"disjoint\""), "{refused}");
    }
}
