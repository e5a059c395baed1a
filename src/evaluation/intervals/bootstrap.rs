//! Percentile bootstrap bounds.

use super::last_pass::{LastPass, Pair};
use super::resampling::{Replicates, least_replicates};
use super::rule::{IntervalRule, MeasuredBounds};
use crate::base::error::Result;
use crate::base::stats::MIN_RESAMPLED;
use crate::evaluation::cluster::{Clusters, MAX_CLUSTERS};
use crate::evaluation::question::Question;
use crate::evaluation::totals::{RatioTerms, Totals};
use rand::{Rng, SeedableRng};
use rand_xoshiro::SplitMix64;

/// Rows that are resampled together.
const BLOCK: usize = 1024;
/// Groups into which the rows of a long log are drawn, which are resampled as one each: sums over independent rows are as
/// independent, the variance between so many groups is known to 2%, and the cost no longer grows with the log times the
/// number of resampled logs.
const GROUPS: usize = 8192;
/// A log is long from so many rows of each group on.
const ROWS_OF_GROUP: u64 = 4;

/// Percentiles of estimates from resampled users, or decisions (Efron 1979). The bounds are asymptotic and follow
/// skewness; there are none for fewer than 30 effective users.
pub(crate) struct Bootstrap;

impl IntervalRule for Bootstrap {
    const NAME: &'static str = "bootstrap";
    const NEEDS_MANY_REWARDS: bool = true;
    const LEAST_CLUSTERS: f64 = MIN_RESAMPLED;

    fn least_replicates(alpha: f64) -> u32 {
        least_replicates(alpha)
    }

    fn bounds_difference(question: &Question) -> bool {
        !question.one_path
    }

    fn measure(pass: &mut LastPass) -> Result<MeasuredBounds> {
        let LastPass { samples, questions, pairs, model, clusters, alpha, seed, replicates, .. } = pass;
        let width = questions.len();
        let few = |clusters: &Clusters| clusters.effective() < MIN_RESAMPLED;
        if width == 0 || clusters.is_some_and(few) {
            return Ok((vec![None; width], vec![None; pairs.len()]));
        }
        let mut resampled = Replicates::new(*seed, *replicates, width);
        let is_long = clusters.is_none() && samples.rows > ROWS_OF_GROUP * GROUPS as u64;
        // Of rows there is a block at a time; of clusters and groups there are all.
        let gathered = clusters.is_some() || is_long;
        let together = match clusters {
            Some(_) => MAX_CLUSTERS,
            None if is_long => GROUPS,
            None => BLOCK,
        };
        let mut block = vec![Totals::default(); width * together];
        let mut group = SplitMix64::seed_from_u64(*seed ^ u64::from_le_bytes(*b"in group"));
        let mut influences = vec![0.0; width];
        let (mut rows, mut filled) = (0.0, 0);
        // What questions make of decisions that are met again.
        let (mut known, mut new): (Vec<Vec<(RatioTerms, f64)>>, Vec<_>) = (Vec::new(), Vec::new());
        samples.each(|decision| {
            let at = match clusters {
                Some(_) => decision.cluster,
                // Drawn, for what comes in turns is no sample if it is taken in turns.
                None if is_long => (group.next_u64() % GROUPS as u64) as usize,
                None => filled,
            };
            let totals = &mut block[at * width..][..width];
            let found = if let Some(place) = decision.place {
                known.resize(known.len().max(place + 1), Vec::new());
                &mut known[place]
            } else {
                new.clear();
                &mut new
            };
            if found.is_empty() {
                found.extend(questions.iter().map(|question| {
                    let (terms, influence) = (question.terms(decision), question.influence(decision, model));
                    (RatioTerms { plain: terms.plain + influence, ..terms }, influence)
                }));
            }
            for (((terms, influence), totals), sum) in found.iter().zip(totals).zip(&mut influences) {
                *sum += influence;
                totals.add(terms, 1.0);
            }
            rows += 1.0;
            filled += 1;
            if filled == BLOCK && !gathered {
                resampled.add(&block);
                block.fill(Totals::default());
                filled = 0;
            }
        })?;
        if gathered {
            let has_rows = |cluster: &&[Totals]| cluster[0].rows_and_weights(false).0 > 0.0;
            block = block.chunks_exact(width).filter(has_rows).flatten().copied().collect();
        } else {
            block.truncate(filled * width);
        }
        resampled.add(&block);
        let value = |totals: &[Totals], i: usize| {
            totals[i].estimate(questions[i].estimator.is_ratio()).map(|v| v - influences[i] / rows)
        };
        let own = (0..questions.len()).map(|i| resampled.bounds(*alpha, |t| value(t, i)));
        let difference = |pair: &Pair| {
            resampled.bounds(pair.alpha, |t| Some(value(t, pair.other)? - value(t, pair.first)?))
        };
        Ok((own.collect(), pairs.iter().map(difference).collect()))
    }
}
