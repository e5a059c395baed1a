//! `rehearsal analyze`: what groups of real users earned, and what one has over another.

use super::choice::choice;
use super::destination::{HtmlFile, said_and_written, write_page};
use super::experiment_args::ExperimentsFolder;
use super::moment::Moment;
use super::store_args::Global;
use super::{exit, output};
use crate::base::error::{Fault, Result, within};
use crate::base::stats::normal_quantile;
use crate::domain::reaction::Reaction;
use crate::evaluation::log::LabelledLog;
use crate::gate::live::{
    Analysis, AnalysisRequest, DAY_MS, Grouping, LiveMetric, LiveVerdict, ObservationRules, SegmentFilter,
    analyze, epochs, observe_spread, planned_users, rollout_history,
};
use crate::report::{analysis_page, analysis_text};
use crate::store::{self, Access, Pace};
use serde::Serialize;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Stores, or files of logged decisions with the rewards beside them [default: the store]
    #[arg(value_name = "LOG")]
    logs: Vec<PathBuf>,
    /// What decisions are grouped by: variant, policy, prompt_version, kind, or an input such as hour or weekday
    #[arg(long, value_name = "DIMENSION")]
    by: String,
    /// What is compared
    #[arg(long, value_name = "NAME", default_value = LiveMetric::Reward.name(),
          value_parser = choice(LiveMetric::ALL, LiveMetric::name))]
    metric: LiveMetric,
    /// By variant: the experiment, a name or a TOML file, whose weights count
    #[arg(long, value_name = "NAME|FILE")]
    experiment: Option<String>,
    #[command(flatten)]
    folder: ExperimentsFolder,
    /// The group that others are compared with [default: the first variant, v1, or the largest group]
    #[arg(long, value_name = "GROUP")]
    control: Option<String>,
    /// The share with which users were assigned to a group; repeatable [default: the experiment's, or equal ones]
    #[arg(long = "weight", value_name = "GROUP=SHARE")]
    weights: Vec<String>,
    /// A user's observation is closed after so many decisions
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    decisions: u32,
    /// Or after so many days from the first one
    #[arg(long, value_name = "DAYS", default_value_t = 14.0)]
    window: f64,
    /// A reward is waited for so many hours; what comes later does not count
    #[arg(long, value_name = "HOURS", default_value_t = 24.0)]
    wait: f64,
    /// What a decision counts as whose reward did not come
    #[arg(long, value_name = "REACTION", value_enum, default_value_t = Unrewarded::Ignored)]
    unrewarded: Unrewarded,
    /// Smallest and largest reward there can be, where they are not those of the reactions
    #[arg(long, value_name = "LOW,HIGH", allow_hyphen_values = true)]
    reward_range: Option<String>,
    /// Probability with which anything that is said of the groups together may be wrong
    #[arg(long, value_name = "P", default_value_t = 0.05)]
    alpha: f64,
    /// Only decisions at which an input of the moment or of the user has this value; repeatable
    #[arg(long = "where", value_name = "INPUT=VALUE")]
    segments: Vec<String>,
    /// Look as of this moment: a date, a time such as 2026-11-30T08:00Z (without a zone it is UTC), or an age such as 7d
    /// [default: now, or the end of a log in files]
    #[arg(long, value_name = "TIME")]
    as_of: Option<Moment>,
    /// Nobody will go on: count everybody as they are. For one look, at the end
    #[arg(long = "final")]
    is_final: bool,
    /// Say how many users a difference of this size takes, given how much those vary who are there
    #[arg(long, value_name = "DIFFERENCE", conflicts_with = "html")]
    plan: Option<f64>,
    /// With --plan: the probability with which it is to be found
    #[arg(long, value_name = "P", default_value_t = 0.9, requires = "plan")]
    power: f64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    html: HtmlFile,
}

/// What a decision counts as whose reward did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Unrewarded {
    Completed,
    Snoozed,
    Ignored,
    Dismissed,
    /// It is left out, and with it users of whom nothing is heard
    LeftOut,
}

impl Unrewarded {
    fn reaction(self) -> Option<Reaction> {
        match self {
            Self::Completed => Some(Reaction::Completed),
            Self::Snoozed => Some(Reaction::Snoozed),
            Self::Ignored => Some(Reaction::Ignored),
            Self::Dismissed => Some(Reaction::Dismissed),
            Self::LeftOut => None,
        }
    }
}

/// How many users a difference takes.
#[derive(Debug, Serialize)]
struct UserPlan {
    metric: &'static str,
    by: String,
    difference: f64,
    power: f64,
    alpha: f64,
    /// Mean and standard deviation of a user's observation, from those that are there.
    mean: f64,
    standard_deviation: f64,
    /// Users from whom they are.
    pilot_users: u64,
    groups: Vec<PlannedGroup>,
}

#[derive(Debug, Serialize)]
struct PlannedGroup {
    group: String,
    control: String,
    /// Users of all groups together until the difference is established; `null` if no number is enough.
    users: Option<u64>,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    let place = global.place()?;
    let logs = if args.logs.is_empty() { vec![place.clone()] } else { args.logs.clone() };
    let experiment = args.experiment.as_deref().map(|name| args.folder.place(name));
    let page = args.html.open(logs.iter().cloned().chain(experiment))?;
    let log = LabelledLog::open(&logs)?;
    let mut request = args.request(&log)?;
    let mut overlapping = Vec::new();
    if let Some(name) = &args.experiment {
        if request.by != Grouping::Variant {
            return Err(option(Fault::new("--experiment", format!("{name:?}"), "given with --by variant")));
        }
        let found = args.folder.find_if_there(name)?;
        overlapping = found.as_ref().map_or_else(Vec::new, |experiment| args.folder.overlapping(experiment));
        if let (true, Some(experiment)) = (args.logs.is_empty(), &found)
            && experiment.ramp().is_some()
        {
            let store = store::open(&place, Access::Read, Pace::Single)?;
            request.epochs = epochs(&rollout_history(&*store, experiment.key())?);
            request.rules.scope_ends = request.epochs.iter().map(|epoch| epoch.until).collect();
        }
        request.experiment = found;
        request.experiment_name = Some(name.clone());
    }
    if let Some(difference) = args.plan {
        return args.print_plan(&log, &request, difference);
    }
    let mut analysis = analyze(&log, &request)?;
    if !overlapping.is_empty() {
        let others = overlapping.join(", ");
        analysis.notes.push(format!("its users may be in these experiments too: {others}"));
    }
    let written = write_page(page, |command| analysis_page(&analysis, command));
    let said =
        if args.json { output::pretty_json(&analysis) } else { output::text(&analysis_text(&analysis)) };
    said_and_written(said, written)?;
    Ok(code(&analysis))
}

fn code(analysis: &Analysis) -> u8 {
    match analysis.verdict {
        LiveVerdict::Better | LiveVerdict::Described => exit::DONE,
        LiveVerdict::Worse => exit::REJECT,
        LiveVerdict::Inconclusive | LiveVerdict::Mismatch | LiveVerdict::NoEvidence => exit::INCONCLUSIVE,
    }
}

fn option(fault: Fault) -> crate::base::error::Error {
    fault.at("command line")
}

/// `NAME=VALUE`, cut at the last '='.
fn pair<'a>(option_name: &str, text: &'a str) -> Result<(&'a str, &'a str)> {
    text.rsplit_once('=')
        .ok_or_else(|| option(Fault::new(option_name, format!("{text:?}"), "two words with = between")))
}

/// Now, in milliseconds since 1970.
pub(super) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis() as u64)
}

impl Args {
    fn request(&self, log: &LabelledLog) -> Result<AnalysisRequest> {
        let as_of = match self.as_of {
            Some(moment) => moment.millis(),
            None if self.logs.is_empty() => now_ms(),
            None => log.latest()?,
        };
        let positive = |name: &str, value: f64, most: f64| {
            let fault = || Fault::new(name, value, format!("a number in (0, {most}]"));
            if value > 0.0 && value <= most { Ok(value) } else { Err(option(fault())) }
        };
        let range = match &self.reward_range {
            Some(text) if self.metric == LiveMetric::Reward => reward_range(text).map_err(option)?,
            Some(text) => {
                let allowed =
                    format!("nothing: {} runs from 0 to 1, whatever rewards are", self.metric.name());
                return Err(option(Fault::new("--reward-range", format!("{text:?}"), allowed)));
            }
            None => self.metric.range(),
        };
        let rules = ObservationRules {
            range,
            decisions: self.decisions,
            window_ms: (positive("--window", self.window, 3650.0)? * DAY_MS as f64) as u64,
            wait_ms: (positive("--wait", self.wait, 87_600.0)? * DAY_MS as f64 / 24.0) as u64,
            unrewarded: self.unrewarded.reaction(),
            is_final: self.is_final,
            ..ObservationRules::new(self.metric, as_of)
        };
        let mut request = AnalysisRequest::new(Grouping::named(&self.by), rules);
        request.alpha = within("--alpha", self.alpha, 1e-9, 0.499).map_err(option)?;
        request.control.clone_from(&self.control);
        for text in &self.weights {
            let (group, share) = pair("--weight", text)?;
            let share = share.parse().ok().filter(|share: &f64| *share > 0.0 && *share <= 1.0);
            let fault = || Fault::new("--weight", format!("{text:?}"), "GROUP=SHARE with a share in (0, 1]");
            if request.weights.iter().any(|(own, _)| own == group) {
                return Err(option(Fault::new("--weight", format!("{group:?} again"), "each group once")));
            }
            request.weights.push((group.to_owned(), share.ok_or_else(|| option(fault()))?));
        }
        for text in &self.segments {
            let (input, value) = pair("--where", text)?;
            request.segments.push(SegmentFilter { input: input.to_owned(), value: value.to_owned() });
        }
        Ok(request)
    }

    fn print_plan(&self, log: &LabelledLog, request: &AnalysisRequest, difference: f64) -> Result<u8> {
        let (low, high) = request.rules.range;
        let width = high - low;
        let effect = within("--plan", difference.abs(), 1e-9, width).map_err(option)? / width;
        let power = within("--power", self.power, 0.5, 0.999).map_err(option)?;
        let (analysis, spread) = observe_spread(log, request)?;
        let Some((mean, deviation)) = spread else {
            output::note("no user's observation is closed yet: nobody knows how much they vary");
            return Ok(exit::INCONCLUSIVE);
        };
        let groups = &analysis.groups;
        let alpha = request.alpha / groups.len().saturating_sub(1).max(1) as f64 / 2.0;
        let control = groups[0].weight.unwrap_or(0.5);
        let planned = groups.iter().skip(1).map(|group| {
            let own = group.weight.unwrap_or(0.5);
            let pair = own + control;
            let users =
                planned_users(effect, 0.0, (mean, deviation), own / pair, alpha, normal_quantile(power));
            PlannedGroup {
                group: group.group.to_string(),
                control: groups[0].group.to_string(),
                users: users.map(|users| (users as f64 / pair.min(1.0)).ceil() as u64),
            }
        });
        let plan = UserPlan {
            metric: request.rules.metric.name(),
            by: self.by.clone(),
            difference,
            power,
            alpha: request.alpha,
            mean: low + width * mean,
            standard_deviation: width * deviation,
            pilot_users: groups.iter().map(|group| group.users).sum(),
            groups: planned.collect(),
        };
        if self.json {
            output::pretty_json(&plan)?;
        } else {
            output::text(&plan_text(&plan))?;
        }
        Ok(exit::DONE)
    }
}

fn plan_text(plan: &UserPlan) -> String {
    let mut out = format!(
        "A difference of {} in {} by {}, found with probability {}:\n",
        plan.difference, plan.metric, plan.by, plan.power
    );
    for group in &plan.groups {
        let users = group.users.map_or_else(|| "no number of".to_owned(), |users| users.to_string());
        let name = format!("{} minus {}", group.group, group.control).replace(char::is_control, " ");
        out.push_str(&format!("  {name}: {users} users in all groups\n"));
    }
    out.push_str(&format!(
        "From {} users whose observations vary by {:.4} around {:.4}.\n",
        plan.pilot_users, plan.standard_deviation, plan.mean
    ));
    out
}

fn reward_range(text: &str) -> Result<(f64, f64), Fault> {
    let pair = text.split_once(',').and_then(|(l, h)| Some((l.trim().parse().ok()?, h.trim().parse().ok()?)));
    pair.filter(|(low, high): &(f64, f64)| low.is_finite() && high.is_finite() && low < high).ok_or_else(
        || Fault::new("--reward-range", format!("{text:?}"), "two numbers, as 0,1, the first the smaller"),
    )
}
