//! Groups of real users and their differences: what each earned, and what one has over another, at any time.
//!
//! Where users were assigned at random, with known weights, a difference is an effect: arms are compared by the process of
//! `effect`, and the sample ratio says whether the weights are true. Everything else, such as the kind of what was
//! shown, is described: its differences have bounds, and no e-value, for who is where has reasons.

use super::arms::{self, Epoch, WeightedUser};
use super::effect::{ArmUser, e_two_sided, effect_estimate, effect_lower, effect_upper};
use super::grouping::{AskedInputs, Grouping, SegmentFilter, UNKNOWN};
use super::observations::{DAY_MS, Membership, ObservationRules, UserObservation, UserObservations, observe};
use super::refusal::LiveRefusal;
use super::sample_ratio::SampleRatio;
use crate::base::error::{Error, Result};
use crate::base::stats::Moments;
use crate::evaluation::log::LabelledLog;
use crate::experiment::Experiment;
use crate::gate::eprocess::{Gain, lower_bound, upper_bound};
use crate::simulation::metrics::Direction;
use crate::store::log_line::DecisionLine;
use serde::Serialize;
use serde_json::value::RawValue;
use smol_str::{SmolStr, format_smolstr};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Version of the JSON of an [`Analysis`].
pub const ANALYSIS_SCHEMA_VERSION: u32 = 1;
/// Most groups that are compared.
const MAX_GROUPS: usize = 200;
/// So much of a digest tells two texts of one version apart.
const SHORT_DIGEST: usize = 8;

/// What is asked of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct AnalysisRequest {
    /// What decisions are grouped by.
    pub by: Grouping,
    /// When observations are closed, and what they are of.
    pub rules: ObservationRules,
    /// Probability with which anything that is said of the groups together may be wrong, in (0, 0.5).
    pub alpha: f64,
    /// The group that others are compared with; a usual one when absent.
    pub control: Option<String>,
    /// Shares with which users were assigned, as somebody states them; else the experiment's, else equal ones.
    pub weights: Vec<(String, f64)>,
    /// The experiment, where its file is at hand.
    pub experiment: Option<Experiment>,
    /// The experiment by name, where it is not.
    pub experiment_name: Option<String>,
    /// Steps of its rollout.
    pub epochs: Vec<Epoch>,
    /// Only decisions of which all of these hold.
    pub segments: Vec<SegmentFilter>,
}

impl AnalysisRequest {
    /// Groups of a dimension, compared at 5%.
    pub fn new(by: Grouping, rules: ObservationRules) -> Self {
        Self {
            by,
            rules,
            alpha: 0.05,
            control: None,
            weights: Vec::new(),
            experiment: None,
            experiment_name: None,
            epochs: Vec::new(),
            segments: Vec::new(),
        }
    }

    /// Whether users had their variants in the steps of a rollout.
    fn is_rollout(&self) -> bool {
        self.by == Grouping::Variant && !self.epochs.is_empty()
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Analysis {
    /// Version of this JSON.
    pub schema_version: u32,
    /// What is compared.
    pub metric: &'static str,
    /// What decisions are grouped by.
    pub by: String,
    /// The experiment, of variants.
    pub experiment: Option<SmolStr>,
    /// Whether users were assigned at random, so that differences are effects.
    pub randomised: bool,
    /// Probability with which anything that is said of the differences together may be wrong.
    pub alpha: f64,
    /// A user's observation is closed after so many decisions.
    pub decisions_per_user: u32,
    /// Or after so many days.
    pub window_days: f64,
    /// The moment of the look, in milliseconds since 1970.
    pub as_of_ms: u64,
    /// What it comes to.
    pub verdict: LiveVerdict,
    /// Every group, the control first.
    pub groups: Vec<GroupSummary>,
    /// Every other group against the control.
    pub differences: Vec<ArmDifference>,
    /// Whether the shares are those that were stated.
    pub sample_ratio: SampleRatioFinding,
    /// What else there is to know.
    pub notes: Vec<String>,
}

/// One group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupSummary {
    /// Its name.
    pub group: SmolStr,
    /// Users whose observation counts.
    pub users: u64,
    /// Their decisions that count.
    pub decisions: u64,
    /// Mean over users; `None` without any.
    pub mean: Option<f64>,
    /// Lower bound of what such users have on average, at all times together.
    pub lower: Option<f64>,
    /// Upper bound.
    pub upper: Option<f64>,
    /// Users who ever were in it, the open ones among them.
    pub exposed: u64,
    /// The share that it was stated to have, where users were assigned; `None` where it changed.
    pub weight: Option<f64>,
}

/// A group against the control.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArmDifference {
    /// The group.
    pub group: SmolStr,
    /// What it is compared with.
    pub control: SmolStr,
    /// What it has more; `None` without users.
    pub difference: Option<f64>,
    /// Lower bound, at all times together.
    pub lower: Option<f64>,
    /// Upper bound.
    pub upper: Option<f64>,
    /// Evidence against there being none; `None` where users were not assigned at random.
    pub e_value: Option<f64>,
}

/// Whether users are where they were to be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SampleRatioFinding {
    /// Evidence against the stated weights; `None` where none were stated.
    pub e_value: Option<f64>,
    /// Whether they are refuted: then no difference is an effect.
    pub mismatch: Option<bool>,
}

/// What an analysis comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LiveVerdict {
    /// A group is established as better than the control.
    Better,
    /// None is, and one is established as worse.
    Worse,
    /// Nothing is established yet.
    Inconclusive,
    /// Users are not where they were to be: the differences say nothing.
    Mismatch,
    /// Groups were described, not compared at random.
    Described,
    /// Nobody's observation is closed yet, or there is one group.
    NoEvidence,
}

/// Groups while a log is read.
#[derive(Default)]
struct Groups {
    names: Vec<SmolStr>,
    numbers: HashMap<SmolStr, u32>,
}

impl Groups {
    fn number(&mut self, name: SmolStr) -> u32 {
        if let Some(number) = self.numbers.get(&name) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.names.push(name.clone());
        self.numbers.insert(name, number);
        number
    }
}

/// The analysis with mean and standard deviation of a user's observation within groups, as shares of the metric's range;
/// `None` below two users.
///
/// # Errors
/// As for [`analyze`].
pub fn observe_spread(
    log: &LabelledLog,
    request: &AnalysisRequest,
) -> Result<(Analysis, Option<(f64, f64)>)> {
    let (analysis, by_group) = compare(log, request)?;
    let (mut squares, mut sum, mut users, mut freedom) = (0.0, 0.0, 0.0, 0.0);
    for values in by_group.iter().filter(|values| !values.is_empty()) {
        let moments: Moments = values.iter().copied().collect();
        let count = values.len() as f64;
        squares += moments.variance().unwrap_or(0.0) * (count - 1.0);
        freedom += count - 1.0;
        sum += values.iter().sum::<f64>();
        users += count;
    }
    Ok((analysis, (freedom > 0.0).then(|| (sum / users, (squares / freedom).sqrt()))))
}

/// Groups of a log, compared.
///
/// # Errors
/// A log that cannot be read, values out of range, more groups than anybody compares, a control that is none, an input or an
/// experiment of which no decision is.
pub fn analyze(log: &LabelledLog, request: &AnalysisRequest) -> Result<Analysis> {
    Ok(compare(log, request)?.0)
}

/// What was read: groups, observations, and the experiment, if it is one.
struct ReadGroups {
    groups: Groups,
    found: UserObservations,
    experiment: Option<SmolStr>,
}

/// Reads the log.
fn read_groups(log: &LabelledLog, request: &AnalysisRequest) -> Result<ReadGroups> {
    let AnalysisRequest { by, rules, segments, .. } = request;
    let (mut groups, mut experiments) = (Groups::default(), BTreeSet::new());
    let wanted = request.experiment.as_ref().map(|e| e.key().as_str()).or(request.experiment_name.as_deref());
    let variants = request.experiment.iter().filter(|_| *by == Grouping::Variant);
    for variant in variants.flat_map(Experiment::variants) {
        groups.number(variant.name().into());
    }
    let (mut asked, mut others) = (AskedInputs::new(by, segments), BTreeSet::new());
    let found = observe(log, rules, |line: &DecisionLine<&RawValue>| {
        asked.look(line);
        let Some(mut group) = by.group(line) else { return Ok(None) };
        if *by == Grouping::Variant {
            let own = line.experiment.as_deref().unwrap_or_default();
            if wanted.is_some_and(|wanted| wanted != own) {
                if others.len() < MAX_GROUPS {
                    others.insert(SmolStr::from(own));
                }
                return Ok(None);
            }
            experiments.insert(SmolStr::from(own));
        }
        if !segments.iter().all(|segment| segment.holds(line)) || groups.names.len() > MAX_GROUPS {
            return Ok(None);
        }
        if let (true, Some(experiment)) = (request.is_rollout(), &request.experiment) {
            return Ok(arms::membership(experiment, &request.epochs, &line.user, line.time_ms));
        }
        if let (Grouping::PromptVersion, Some(digest)) = (by, &line.prompt_digest) {
            group = format_smolstr!("{group}\n{digest}");
        }
        let number = groups.number(group);
        let scope = if by.is_assigned() { 0 } else { number };
        Ok(Some(Membership { scope, group: number }))
    })?;
    if groups.names.len() > MAX_GROUPS {
        let by = by.name().to_owned();
        return Err(Error::because(LiveRefusal::TooManyGroups { by, most: MAX_GROUPS }));
    }
    asked.check()?;
    if let (Some(name), None, true) = (wanted, &request.experiment, experiments.is_empty()) {
        return Err(Error::unknown("experiment", name, &others));
    }
    if experiments.len() > 1 {
        let names = experiments.iter().map(SmolStr::as_str).collect::<Vec<_>>().join(", ");
        return Err(Error::because(LiveRefusal::ManyExperiments { count: experiments.len(), names }));
    }
    let experiment = wanted.map(SmolStr::from).or_else(|| experiments.into_iter().next());
    Ok(ReadGroups { groups, found, experiment: experiment.filter(|_| *by == Grouping::Variant) })
}

/// The observations that count: those before the first open one. Of groups that were not assigned each is a stream of its
/// own, with open users of its own.
fn evidence_of<'a>(by: &Grouping, groups: usize, found: &'a UserObservations) -> Vec<&'a UserObservation> {
    if by.is_assigned() {
        return found.closed().iter().collect();
    }
    let mut is_over = vec![false; groups];
    let closed = found.all.iter().filter(|o| {
        let over = &mut is_over[o.membership.group as usize];
        *over |= !o.is_closed;
        !*over
    });
    closed.collect()
}

/// What else there is to know.
fn remarks(
    request: &AnalysisRequest,
    found: &UserObservations,
    held_back: usize,
    randomised: bool,
) -> Vec<String> {
    let AnalysisRequest { by, rules, .. } = request;
    let mut notes = Vec::new();
    if found.unrewarded > 0 {
        let what = rules.unrewarded.map_or_else(|| "are left out".to_owned(), |r| format!("count as {r}"));
        notes.push(format!("{} decisions waited for a reward in vain and {what}", found.unrewarded));
    }
    if found.late_rewards > 0 {
        notes.push(format!("{} rewards came too late to count", found.late_rewards));
    }
    if found.crossed > 0 && by.is_assigned() && !request.is_rollout() {
        notes.push(format!(
            "{} users met another group later; they count where they were first",
            found.crossed
        ));
    }
    if held_back > 0 {
        notes.push(format!(
            "{held_back} users are not counted yet: they, or somebody who came before them, may still go on; an observation is \
             closed after {} decisions or {} days",
            rules.decisions,
            rules.window_ms as f64 / DAY_MS as f64
        ));
    }
    if !randomised {
        notes.push(format!(
            "users were not assigned by {} at random: a difference is a description, and no effect",
            by.name()
        ));
    }
    notes
}

/// The analysis, and the observations of each group.
fn compare(log: &LabelledLog, request: &AnalysisRequest) -> Result<(Analysis, Vec<Vec<f64>>)> {
    let AnalysisRequest { by, rules, .. } = request;
    let ReadGroups { mut groups, found, experiment } = read_groups(log, request)?;
    let mut notes = Vec::new();
    let texts_changed = name_texts(&mut groups, &mut notes);
    let randomised = by.is_assigned() && !texts_changed;
    let order = order(request, &groups.names, &found.all)?;
    if let (Grouping::Input(name), [only]) = (by, groups.names.as_slice())
        && only == UNKNOWN
    {
        notes.push(format!(
            "no decision has an input {name:?}; there are also the groupings variant, policy, prompt_version and kind"
        ));
    }
    let weights = weights(request, &groups.names, randomised, &mut notes)?;
    let evidence = evidence_of(by, groups.names.len(), &found);
    let arms = if request.is_rollout() {
        arms::of_rollout(&request.epochs, &found.all)
    } else {
        found.all.iter().map(|o| Some(WeightedUser::of(o, &weights))).collect()
    };
    let summary = |group: &u32| summary(request, *group, &groups.names, &evidence, &found.all, &weights);
    let closed = if by.is_assigned() { found.closed().len() } else { found.all.len() };
    notes.extend(remarks(request, &found, found.all.len() - evidence.len(), randomised));
    let mut analysis = Analysis {
        schema_version: ANALYSIS_SCHEMA_VERSION,
        metric: rules.metric.name(),
        by: by.name().to_owned(),
        experiment,
        randomised,
        alpha: request.alpha,
        decisions_per_user: rules.decisions,
        window_days: rules.window_ms as f64 / DAY_MS as f64,
        as_of_ms: rules.as_of,
        verdict: LiveVerdict::NoEvidence,
        groups: order.iter().map(summary).collect(),
        differences: differences(request, &order, &groups.names, &arms[..closed], &evidence, randomised),
        sample_ratio: ratio(request, randomised, &arms),
        notes,
    };
    analysis.verdict = verdict(&analysis, rules.metric.better());
    let mut by_group = vec![Vec::new(); groups.names.len()];
    for observation in evidence {
        by_group[observation.membership.group as usize].extend(observation.value);
    }
    Ok((analysis, by_group))
}

/// Tells texts of one version apart, where there are several; whether there are.
fn name_texts(groups: &mut Groups, notes: &mut Vec<String>) -> bool {
    let mut texts: BTreeMap<SmolStr, usize> = BTreeMap::new();
    for name in &groups.names {
        *texts.entry(name.split('\n').next().unwrap_or_default().into()).or_default() += 1;
    }
    for name in &mut groups.names {
        if let Some((version, digest)) = name.clone().split_once('\n') {
            let short = &digest[..SHORT_DIGEST.min(digest.len())];
            *name = if texts[version] > 1 { format_smolstr!("{version}@{short}") } else { version.into() };
        }
    }
    let changed: Vec<&str> =
        texts.iter().filter(|(_, count)| **count > 1).map(|(name, _)| name.as_str()).collect();
    if !changed.is_empty() {
        notes.push(format!(
            "the text of {} was changed on the way: what came before and what came after were not assigned at random",
            changed.join(", ")
        ));
    }
    !changed.is_empty()
}

/// The groups in the order in which they are shown, the control first.
fn order(request: &AnalysisRequest, names: &[SmolStr], all: &[UserObservation]) -> Result<Vec<u32>> {
    let mut order: Vec<u32> = (0..names.len() as u32).collect();
    if request.experiment.is_none() || request.by != Grouping::Variant {
        order.sort_by_key(|group| &names[*group as usize]);
    }
    let named = |name: &str| names.iter().position(|own| own == name).map(|at| at as u32);
    let control = match &request.control {
        Some(name) => Some(named(name).ok_or_else(|| no_group("--control", name, names))?),
        None => match request.by {
            Grouping::Variant => named("control").filter(|_| request.experiment.is_none()),
            Grouping::PromptVersion => named("v1"),
            _ => {
                let users = |group: u32| all.iter().filter(|o| o.membership.group == group).count();
                order.iter().copied().rev().max_by_key(|group| users(*group))
            }
        },
    };
    if let Some(control) = control {
        order.retain(|group| *group != control);
        order.insert(0, control);
    }
    Ok(order)
}

fn no_group(what: &'static str, name: &str, names: &[SmolStr]) -> Error {
    let known = names.iter().map(SmolStr::as_str).collect::<Vec<_>>().join(", ");
    Error::because(LiveRefusal::NoGroup { what, name: name.to_owned(), known })
}

/// Refuses shares that nothing would be measured by.
fn check_stated(request: &AnalysisRequest) -> Result<()> {
    let reason = match request.by.name() {
        _ if request.weights.is_empty() => return Ok(()),
        by if !request.by.is_assigned() => {
            format!("of groups that users were assigned to, and nobody is assigned to a {by}")
        }
        _ if request.is_rollout() => "no matter of a rollout, whose steps say its shares".to_owned(),
        _ => return Ok(()),
    };
    Err(Error::because(LiveRefusal::NoWeights { reason }))
}

/// The share of each group, adding up to 1.
fn weights(
    request: &AnalysisRequest,
    names: &[SmolStr],
    randomised: bool,
    notes: &mut Vec<String>,
) -> Result<Vec<f64>> {
    let equal = vec![1.0 / names.len().max(1) as f64; names.len()];
    check_stated(request)?;
    if !randomised {
        return Ok(equal);
    }
    let stated: Vec<f64> = if !request.weights.is_empty() {
        if let Some((name, _)) = request.weights.iter().find(|(name, _)| !names.iter().any(|own| own == name))
        {
            return Err(no_group("--weight", name, names));
        }
        let of =
            |name: &SmolStr| request.weights.iter().find(|(own, _)| own == name).map_or(0.0, |(_, w)| *w);
        names.iter().map(of).collect()
    } else if let (Grouping::Variant, Some(experiment)) = (&request.by, &request.experiment) {
        let of = |name: &SmolStr| experiment.variant(name).map_or(0.0, crate::experiment::Variant::weight);
        names.iter().map(of).collect()
    } else {
        if names.len() > 1 {
            notes.push(
                "users are taken to be assigned in equal shares; other ones are stated with --weight"
                    .to_owned(),
            );
        }
        equal
    };
    let sum: f64 = stated.iter().sum();
    Ok(stated.into_iter().map(|weight| if sum > 0.0 { weight / sum } else { 0.0 }).collect())
}

fn summary(
    request: &AnalysisRequest,
    group: u32,
    names: &[SmolStr],
    evidence: &[&UserObservation],
    all: &[UserObservation],
    weights: &[f64],
) -> GroupSummary {
    let of = |o: &&&UserObservation| o.membership.group == group && o.value.is_some();
    let own: Vec<&UserObservation> = evidence.iter().filter(of).copied().collect();
    let gains: Vec<Gain> = own.iter().filter_map(|o| o.value).map(|y| Gain::of(2.0 * y - 1.0)).collect();
    let (low, high) = request.rules.range;
    let value = |share: f64| low + (high - low) * share;
    let from_gain = |gain: f64| value(f64::midpoint(gain, 1.0));
    let bound = |bound: f64| (!gains.is_empty()).then(|| from_gain(bound));
    GroupSummary {
        group: names[group as usize].clone(),
        users: own.len() as u64,
        decisions: own.iter().map(|o| u64::from(o.decisions)).sum(),
        mean: (!own.is_empty())
            .then(|| value(own.iter().filter_map(|o| o.value).sum::<f64>() / own.len() as f64)),
        lower: bound(lower_bound(&gains, request.alpha / 2.0)),
        upper: bound(upper_bound(&gains, request.alpha / 2.0)),
        exposed: all.iter().filter(|o| o.membership.group == group).count() as u64,
        weight: (request.by.is_assigned() && !request.is_rollout()).then(|| weights[group as usize]),
    }
}

fn ratio(request: &AnalysisRequest, randomised: bool, arms: &[Option<WeightedUser>]) -> SampleRatioFinding {
    if !randomised {
        return SampleRatioFinding { e_value: None, mismatch: None };
    }
    let mut ratio = SampleRatio::default();
    arms.iter().flatten().for_each(|user| ratio.observe(user.group as usize, &user.weights));
    let e_value = ratio.e_value();
    SampleRatioFinding { e_value: Some(e_value), mismatch: Some(e_value >= 1.0 / request.alpha) }
}

/// Every group against the first.
fn differences(
    request: &AnalysisRequest,
    order: &[u32],
    names: &[SmolStr],
    arms: &[Option<WeightedUser>],
    evidence: &[&UserObservation],
    randomised: bool,
) -> Vec<ArmDifference> {
    let Some((control, others)) = order.split_first() else { return Vec::new() };
    let alpha = request.alpha / others.len().max(1) as f64;
    let width = request.rules.range.1 - request.rules.range.0;
    let gains = |group: u32| -> Vec<Gain> {
        let own = evidence.iter().filter(|o| o.membership.group == group).filter_map(|o| o.value);
        own.map(|y| Gain::of(2.0 * y - 1.0)).collect()
    };
    let described = |group: u32| {
        let (own, base) = (gains(group), gains(*control));
        // Four bounds that hold together, of gains in an interval of width two.
        let of = |a: f64, b: f64| width * (a - b) / 2.0;
        let mean = |gains: &[Gain]| crate::gate::eprocess::mean(gains);
        let level = alpha / 4.0;
        let bounds = (!own.is_empty() && !base.is_empty()).then(|| {
            (
                of(lower_bound(&own, level), upper_bound(&base, level)),
                of(upper_bound(&own, level), lower_bound(&base, level)),
            )
        });
        (mean(&own).zip(mean(&base)).map(|(own, base)| of(own, base)), bounds, None)
    };
    let compared = |group: u32| {
        let pair: Vec<ArmUser> =
            arms.iter().flatten().filter_map(|user| user.in_pair(group, *control)).collect();
        let both = [true, false].iter().all(|side| pair.iter().any(|user| user.treated == *side));
        let bounds = both
            .then(|| (width * effect_lower(&pair, alpha / 2.0), width * effect_upper(&pair, alpha / 2.0)));
        (
            effect_estimate(&pair).filter(|_| both).map(|effect| width * effect),
            bounds,
            Some(if both { e_two_sided(&pair) } else { 1.0 }),
        )
    };
    let difference = |group: &u32| {
        let (difference, bounds, e_value) = if randomised { compared(*group) } else { described(*group) };
        ArmDifference {
            group: names[*group as usize].clone(),
            control: names[*control as usize].clone(),
            difference,
            lower: bounds.map(|(lower, _)| lower),
            upper: bounds.map(|(_, upper)| upper),
            e_value,
        }
    };
    others.iter().map(difference).collect()
}

fn verdict(analysis: &Analysis, better: Direction) -> LiveVerdict {
    if analysis.groups.iter().filter(|group| group.users > 0).count() < 2 {
        return LiveVerdict::NoEvidence;
    }
    if !analysis.randomised {
        return LiveVerdict::Described;
    }
    if analysis.sample_ratio.mismatch == Some(true) {
        return LiveVerdict::Mismatch;
    }
    let is_beyond = |up: bool| {
        let beyond = |d: &ArmDifference| {
            if up {
                d.lower.is_some_and(|lower| lower > 0.0)
            } else {
                d.upper.is_some_and(|upper| upper < 0.0)
            }
        };
        analysis.differences.iter().any(beyond)
    };
    let more = better == Direction::More;
    if is_beyond(more) {
        LiveVerdict::Better
    } else if is_beyond(!more) {
        LiveVerdict::Worse
    } else {
        LiveVerdict::Inconclusive
    }
}
