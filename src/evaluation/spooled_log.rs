//! The first two passes: a log is read into a temporary file, and its rows are weighed for each policy.

use super::cluster::Clusters;
use super::diagnostics::Support;
use super::folds::Folds;
use super::inputs::Featurizer;
use super::log::{LogReader, LogVocabulary};
use super::policy_pass::{PolicyPass, WeighedPolicy};
use super::refusal::LogRefusal;
use super::rejection::{LogDigest, RejectionDraws};
use super::repeats::{KeptRows, RepeatedRow, RepeatedRows};
use super::reward_model::{ModelBuilder, ModelKind, RewardModel};
use super::row::Row;
use super::samples::{KeptSamples, MOST_POLICIES, PER_SAMPLE, Samples};
use super::settings::EvaluationSettings;
use super::spool::Spool;
use super::target::{Reach, Target};
use crate::base::error::{Error, Result};
use crate::domain::Domain;

/// Decisions for each item, on average, from which on an item that was never chosen tells something of the policy that
/// logged. With fewer, as where each text of an action is new, it does not.
const ROWS_PER_ITEM: u64 = 10;

/// So many rows are read before a program is asked about them.
const ROWS_AHEAD: usize = 2_048;
/// No more are once they have about so many bytes.
const BYTES_AHEAD: usize = 8 << 20;

/// What makes the vectors of a reward model, of the first declared feature set among the policies', and the domain of all
/// that look at one that is declared.
///
/// # Errors
/// Policies of different domains.
fn looked_at(targets: &[Target]) -> Result<(Option<Featurizer>, Option<&'static Domain>)> {
    let declared = || targets.iter().filter_map(|target| Some((target, target.declared()?)));
    let Some((first, set)) = declared().next() else { return Ok((None, None)) };
    if let Some((other, own)) = declared().find(|(_, own)| own.domain() != set.domain()) {
        return Err(Error::because(LogRefusal::OtherDomain {
            policy: first.name().to_owned(),
            domain: set.domain().label(),
            other_policy: other.name().to_owned(),
            other: own.domain().label(),
        }));
    }
    // A program has no feature set but what says its domain.
    let of_policy = declared().find(|(target, _)| !target.sees_requests());
    Ok((of_policy.map(|(_, set)| Featurizer::new(set)), Some(set.domain())))
}

/// A log after the first pass: its rows wait in a temporary file.
pub(super) struct SpooledLog {
    names: LogVocabulary,
    /// What makes the vectors of a reward model, where it is over a declared feature set.
    featurizer: Option<Featurizer>,
    kept: KeptRows,
    rows: u64,
    /// `None` where the log names no users.
    clusters: Option<Clusters>,
    reward_sum: f64,
    model: RewardModel,
    folds: Folds,
    /// Number of items that the log names; those after them only some target knows.
    items: usize,
    digest: LogDigest,
    /// Smallest propensity: no weight is above one over it.
    least: f64,
}

impl SpooledLog {
    /// Reads and checks every row, and fits the reward model.
    pub(super) fn read(
        reader: &mut dyn LogReader,
        targets: &[Target],
        settings: &EvaluationSettings,
    ) -> Result<Self> {
        let learning = targets.iter().any(Target::learns_of_users);
        let (mut featurizer, domain) = looked_at(targets)?;
        if let Some(domain) = domain {
            reader.want_inputs(domain);
        }
        // What never changes from row to row is the same for rows that are alike.
        let are_constant = targets.iter().all(Target::is_constant) && targets.len() <= MOST_POLICIES;
        let mut kept = if are_constant {
            KeptRows::Repeated(RepeatedRows::default())
        } else {
            KeptRows::Each(Spool::new())
        };
        let mut builder = None;
        let mut names = LogVocabulary::default();
        names.forgets_users = !learning;
        names.keeps_requests = targets.iter().any(Target::sees_requests);
        let mut tables: Vec<Reach> = targets.iter().filter_map(Reach::new).collect();
        let (mut rows, mut clusters, mut reward_sum, mut row) = (0, None, 0.0, Row::default());
        let (mut digest, mut least) = (LogDigest::default(), 1.0_f64);
        let mut folds = Folds::new(settings.seed);
        while reader.next(&mut row, &mut names)? {
            if rows == 0 {
                clusters = row.cluster.map(|_| Clusters::new());
            }
            match (&mut clusters, row.cluster) {
                (Some(clusters), Some(cluster)) => clusters.add(cluster),
                (None, None) => {}
                _ => {
                    let log = reader.origin().to_owned();
                    return Err(Error::because(LogRefusal::UsersOfSome { log }));
                }
            }
            if let Some(featurizer) = featurizer.as_mut().filter(|_| !row.inputs.is_empty()) {
                let chosen = row.chosen as usize;
                featurizer.vectors(&mut row, &names, chosen..chosen + 1);
            }
            let builder = builder.get_or_insert_with(|| {
                let with_vectors =
                    if row.vector_dim() == 0 { ModelKind::CrossItemMean } else { ModelKind::Ridge };
                ModelBuilder::new(settings.model.unwrap_or(with_vectors))
            });
            for table in &mut tables {
                table.check(&row, &names.items, || reader.place())?;
            }
            let fold = folds.of(rows, &row);
            builder.observe(fold, &row)?;
            digest.add(&row);
            least = least.min(row.propensity.unwrap_or(1.0));
            row.moment = row.moment.filter(|_| learning);
            kept.put(&row, fold)?;
            reward_sum += row.reward;
            rows += 1;
        }
        let Some(builder) = builder else {
            return Err(Error::because(LogRefusal::NoDecision { log: reader.origin().to_owned() }));
        };
        let items = names.items.len();
        for target in targets {
            target.extend(&mut names.items);
        }
        let model = builder.fit(names.items.len());
        let featurizer = featurizer.filter(|_| model.needs_vectors());
        Ok(Self { names, featurizer, kept, rows, clusters, reward_sum, model, folds, items, digest, least })
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn clusters(&self) -> Option<&Clusters> {
        self.clusters.as_ref()
    }

    /// Smallest propensity.
    pub(super) fn least(&self) -> f64 {
        self.least
    }

    /// Decisions of each user, on average; all of them, where the log names no users.
    pub(super) fn decisions_of_each_user(&self) -> f64 {
        self.rows as f64 / self.names.users.len().max(1) as f64
    }

    pub(super) fn mean_reward(&self) -> f64 {
        self.reward_sum / self.rows as f64
    }

    pub(super) fn model(&self) -> &RewardModel {
        &self.model
    }

    /// Smallest and largest reward.
    pub(super) fn reward_range(&self) -> (f64, f64) {
        self.model.range()
    }

    /// Weighs every row for each policy.
    pub(super) fn weigh(
        &mut self,
        targets: &[Target],
        settings: &EvaluationSettings,
    ) -> Result<(Samples, Vec<WeighedPolicy>)> {
        let Self { names, featurizer, kept, rows, clusters, model, folds, items, digest, least, .. } = self;
        let seldom = *rows < ROWS_PER_ITEM * *items as u64;
        let rejects = settings.estimators.iter().any(|(e, _)| e.rejects());
        let pass = |target: &Target| {
            let mut pass = PolicyPass::new(target.prepare(names, *items)?, model, &settings.estimators);
            pass.support_of_items = if seldom { Support::Unknown } else { Support::ItemsChosen };
            if target.learns() && rejects {
                pass.follow_own_choices(target.prepare(names, *items)?, *least);
            }
            Ok(pass)
        };
        let mut passes: Vec<PolicyPass> = targets.iter().map(pass).collect::<Result<_>>()?;
        let stored_len = model.stored_len();
        let with_clusters = clusters.is_some();
        let len = 1 + stored_len + PER_SAMPLE * targets.len() + usize::from(with_clusters);
        let mut draws = passes
            .iter()
            .any(PolicyPass::follows_own_choices)
            .then(|| RejectionDraws::new(settings.seed, *digest));
        let weigh = |passes: &mut [PolicyPass],
                     row: &Row,
                     fold: usize,
                     (times, draw): (u64, f64),
                     numbers: &mut [f64]|
         -> Result<()> {
            numbers[0] = row.reward;
            model.chosen_basis(row, &mut numbers[1..=stored_len]);
            if let Some(cluster) = row.cluster {
                *numbers.last_mut().expect("it has the reward") = f64::from(cluster);
            }
            let own = numbers[1 + stored_len..].chunks_exact_mut(PER_SAMPLE);
            for (pass, numbers) in passes.iter_mut().zip(own) {
                let sample = pass.weigh(row, fold, model, times)?;
                let threshold = pass.threshold(row, draw, sample.weight)?;
                numbers.copy_from_slice(&[sample.weight, sample.predicted, sample.expected, threshold]);
            }
            Ok(())
        };
        let mut next_draw = || draws.as_mut().map_or(0.0, RejectionDraws::next);
        let samples = match kept {
            KeptRows::Each(spool) => {
                let (mut reader, mut samples) = (spool.read()?, Spool::new());
                let mut numbers = vec![0.0; len];
                // Programs are asked about many decisions together; who asks none reads one row at a time.
                let ahead = if targets.iter().any(Target::sees_requests) { ROWS_AHEAD } else { 1 };
                let (mut window, mut drawn) = (vec![Row::default(); ahead], Vec::with_capacity(ahead));
                let mut done = 0;
                while done < *rows {
                    let mut bytes = 0;
                    drawn.clear();
                    while drawn.len() < ahead && done + (drawn.len() as u64) < *rows && bytes < BYTES_AHEAD {
                        let row = &mut window[drawn.len()];
                        reader.get_row(row)?;
                        if let Some(featurizer) = featurizer.as_mut().filter(|_| !row.inputs.is_empty()) {
                            let candidates =
                                if row.listed.is_empty() { names.items.len() } else { row.listed.len() };
                            featurizer.vectors(row, names, 0..candidates);
                        }
                        bytes +=
                            row.request.as_ref().map_or(0, |text| text.len()) + 8 * row.vectors.data.len();
                        drawn.push(next_draw());
                    }
                    let window = &window[..drawn.len()];
                    for pass in &mut passes {
                        pass.ask_ahead(window, &drawn)?;
                    }
                    for ((i, row), draw) in (done..).zip(window).zip(&drawn) {
                        weigh(&mut passes, row, folds.of(i, row), (1, *draw), &mut numbers)?;
                        samples.put(&numbers)?;
                    }
                    done += drawn.len() as u64;
                }
                KeptSamples::Each(samples)
            }
            KeptRows::Repeated(RepeatedRows { different, order, .. }) => {
                let mut numbers = vec![0.0; len * different.len()];
                for (repeated, numbers) in different.iter().zip(numbers.chunks_exact_mut(len)) {
                    let RepeatedRow { row, fold, times } = repeated;
                    weigh(&mut passes, row, *fold, (*times, next_draw()), numbers)?;
                }
                KeptSamples::Repeated { numbers, order: std::mem::take(order) }
            }
        };
        let largest = passes.iter().map(PolicyPass::largest_weight).chain([1.0]).collect();
        let (rows, seed, digest) = (*rows, settings.seed, *digest);
        let samples = Samples { kept: samples, rows, largest, seed, digest, stored_len, with_clusters };
        let weighed = passes.into_iter().map(|pass| pass.finish(rows));
        Ok((samples, weighed.collect()))
    }
}
