//! `rehearsal evaluate`: what policies would have earned, judged on logged decisions.

use super::choice::choice;
use super::destination::{HtmlFile, Taken, said_and_written, write_page};
use super::error::UsageError;
use super::estimator_choice::EstimatorChoice;
use super::folder::Folder;
use super::log_args::{AUTO, FormatChoice, columns, formats, names_of};
use super::registry_args::RegistryArgs;
use super::store_args::Global;
use super::{exit, output};
use crate::base::clean::clean_text;
use crate::base::error::{Cause, Error, ErrorKind, Fault, Result, within};
use crate::domain::Domain;
use crate::evaluation::log::{LogReader, Logs};
use crate::evaluation::{
    self, Estimator, Evaluation, EvaluationSettings, IntervalMethod, LogVerdict, ModelKind, Target,
};
use crate::report::{evaluation_csv, evaluation_page, evaluation_text, write_pretty};
use crate::store;
use std::path::PathBuf;

// Switches of a command line are no states of anything.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    registry: RegistryArgs,
    /// Files of logged decisions, gzip or zstd or plain; or a state directory, all segments of its log
    #[arg(value_name = "LOG", required = true)]
    logs: Vec<PathBuf>,
    /// A policy's name or TOML file, `uniform`, or a CSV file with the columns item and probability. A policy that learns
    /// is judged as it would stand had it been taught every logged decision so far, which is not what it would earn
    /// deployed; that is what replay estimates, from fewer decisions
    #[arg(long = "policy", value_name = "P")]
    pub(super) policies: Vec<String>,
    /// Judge policies as the state directory has them of the log's users, instead of letting them learn from the
    /// log; for logs that name users: this program's own, or a CSV with the column user. Users of whom there is no state
    /// are counted, and new to it
    #[arg(long)]
    frozen: bool,
    /// The format of the log: rehearsal (decisions.jsonl, with rewards.jsonl beside it), obd (Open Bandit Dataset),
    /// dsjson or vw (Vowpal Wabbit), csv, parquet, or whatever it looks like
    #[arg(long, value_name = "FORMAT", default_value = AUTO, value_parser = formats())]
    format: FormatChoice,
    /// An estimator, with a hyperparameter (:LAMBDA) unless it is to be selected; repeatable [default: all]: replay, ips,
    /// snips, doubly_robust, self_normalized_doubly_robust, whose bounds are bounds on the value; clipped_ips:LAMBDA,
    /// direct_method, switch_doubly_robust:LAMBDA, doubly_robust_optimistic_shrinkage:LAMBDA, sub_gaussian_ips:LAMBDA,
    /// sub_gaussian_doubly_robust:LAMBDA, whose bounds leave out a bias (marked *). docs/estimators.md says which when
    #[arg(long = "estimator", value_name = "NAME[:LAMBDA]", value_parser = EstimatorChoice)]
    estimators: Vec<(Estimator, Option<f64>)>,
    /// How rewards are predicted [default: ridge where the log has feature vectors, else cross-item-mean]
    #[arg(long, value_name = "NAME", value_parser = choice(ModelKind::ALL, ModelKind::name))]
    reward_model: Option<ModelKind>,
    /// normal or bootstrap: of people like those of the log, users taken as independent where it names them, else
    /// decisions; bernstein: the same, for logs that name no users and policies that do not learn; anytime: of these
    /// decisions alone, however often one looks. The last two need --reward-range
    #[arg(long, value_name = "METHOD", default_value = IntervalMethod::Normal.name(),
          value_parser = choice(IntervalMethod::ALL, IntervalMethod::name))]
    interval: IntervalMethod,
    /// Probability with which an interval holds, above 0.5 and below 1
    #[arg(long, value_name = "P", default_value_t = 0.95)]
    confidence: f64,
    /// Number of resampled logs of the bootstrap [default: 1000, more where many policies are compared]
    #[arg(long, value_name = "N")]
    replicates: Option<u32>,
    /// Seed of the bootstrap, of rejection sampling and of the parts of cross-fitting
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Smallest and largest reward there can be, known before the log was looked at
    #[arg(long, value_name = "LOW,HIGH", allow_hyphen_values = true)]
    reward_range: Option<String>,
    /// Columns of a plain CSV or of Parquet that are not named action, reward, propensity, timestamp and user; the last two
    /// may be absent, and `user=none` or `timestamp=none` leaves one unread that is there. `probability:NAME=COLUMN` adds a
    /// policy called NAME, by the column of the probability with which it would have chosen what was chosen; it is judged by
    /// estimators that need no more than that. Inputs of a domain, for policies with a feature set of one's own, are
    /// context:NAME=COLUMN, candidate:NAME=COLUMN and profile:NAME=COLUMN. A COLUMN with a comma stands in double quotes
    #[arg(long, value_name = "ROLE=COLUMN,...")]
    columns: Option<String>,
    /// The domain whose inputs the log is read by, a TOML file: that of the policies, whose `in_logs` may say what this log
    /// calls them [default: as the policies' feature sets name it]
    #[arg(long, value_name = "FILE")]
    domain: Option<String>,
    /// Read no features from dsjson and Vowpal Wabbit's text, only which action was which; else those whose names
    /// are a request's are read: kind, priority, due_in_days, effort_minutes, hour, weekday, profile features
    #[arg(long)]
    no_features: bool,
    /// Tell candidates of one decision that have the same tag (dsjson and Vowpal Wabbit's text) apart by their places,
    /// instead of refusing the log; a table's probability of that item is shared among them
    #[arg(long)]
    same_tags: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print CSV, a line for each estimate
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Also write evaluation.json, evaluation.txt and evaluation.csv into this directory
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    html: HtmlFile,
    /// Print the estimates even where the log cannot carry them; the exit code stays 3
    #[arg(long)]
    force: bool,
}

/// The files of `--out`.
const FILES: [&str; 3] = ["evaluation.json", "evaluation.txt", "evaluation.csv"];

/// Resampled logs of a bootstrap, at least.
const REPLICATES: u32 = 1000;

/// Two policies of one name could not be told apart in the report.
#[derive(Debug, thiserror::Error)]
#[error("policy {policy:?} is given twice")]
struct PolicyTwice {
    policy: String,
}

impl Cause for PolicyTwice {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    let target = |name: &String| {
        let target = args.registry.target(name)?;
        if args.frozen { global.place().map(|place| target.frozen(&place)) } else { Ok(target) }
    };
    let columns = columns(args.columns.as_deref())?;
    let mut targets: Vec<Target> = args.policies.iter().map(target).collect::<Result<_>>()?;
    let of_columns = columns.probabilities.iter().enumerate();
    targets.extend(of_columns.map(|(column, (name, _))| Target::Column { name: name.clone(), column }));
    if targets.is_empty() {
        let allowed = "--policy, or probability:NAME=COLUMN in --columns: what is to be judged";
        return Err(Fault::new("--policy", "absent", allowed).at("command line"));
    }
    if args.frozen && !targets.iter().any(Target::learns_of_users) {
        let (options, remedy) = ("--frozen", "is of policies that have states, and none of these has any");
        return Err(Error::because(UsageError::Options { options, remedy }));
    }
    let settings = settings(args, targets.len())?;
    for (i, target) in targets.iter().enumerate() {
        if targets[..i].iter().any(|other| other.name() == target.name()) {
            return Err(Error::because(PolicyTwice { policy: target.name().to_owned() }));
        }
    }
    let read = args.logs.iter().cloned().chain(args.policies.iter().chain(&args.domain).map(PathBuf::from));
    let mut taken = Taken::by(read);
    args.out.iter().try_for_each(|dir| taken.claim_in(dir, FILES))?;
    let html = args.html.open_beside(&mut taken)?;
    let folder = args.out.as_ref().map(|dir| Folder::open(dir, FILES)).transpose()?;
    let mut log = Logs::new(&args.logs, args.format.0, columns)?;
    if let Some(domain) = &args.domain {
        log = log.with_domain(domain_of_log(domain, &targets)?);
    }
    if args.no_features {
        log = log.without_features();
    }
    if args.same_tags {
        log = log.with_same_tags();
    }
    output::detail(|| {
        let files = Logs::files(&args.logs).unwrap_or_else(|_| args.logs.clone());
        let files: Vec<String> = files.iter().map(|file| store::shown(file).display().to_string()).collect();
        format!("reads {}", files.join(", "))
    });
    let name = names_of(&args.logs);
    let evaluation = evaluation::evaluate(&mut log, &targets, &settings)?;
    log.remarks().iter().for_each(output::warn);
    log.notes().iter().for_each(|note| output::note(note));
    let text = evaluation_text(&evaluation, &name, &settings);
    let page = write_page(html, |command| evaluation_page(&evaluation, &name, &settings, command));
    let files = folder.map_or(Ok(()), |folder| write_files(folder, &evaluation, &text));
    let said = if args.json {
        output::pretty_json(&evaluation)
    } else if args.csv {
        output::table(evaluation_csv(&evaluation).as_bytes())
    } else {
        output::text(&text)
    };
    said_and_written(said, page.and(files))?;
    Ok(match evaluation.verdict {
        LogVerdict::Evaluated => exit::DONE,
        LogVerdict::Refused => exit::INCONCLUSIVE,
    })
}

/// Writes the result in every form.
fn write_files(mut folder: Folder, evaluation: &Evaluation, text: &str) -> Result<()> {
    folder.write(0, |out| write_pretty(evaluation, out))?;
    folder.write(1, |out| out.write_all(clean_text(text).as_bytes()))?;
    folder.write(2, |out| out.write_all(evaluation_csv(evaluation).as_bytes()))?;
    folder.finish()
}

/// The domain that the command line names, which must be that of the policies.
fn domain_of_log(name: &str, targets: &[Target]) -> Result<&'static Domain> {
    let domain = Domain::load(name)?;
    for target in targets {
        if let Some(set) = target.declared().filter(|set| set.domain() != domain) {
            let allowed = format!("{}, that of policy {}", set.domain().label(), target.name());
            return Err(Fault::new("--domain", domain.label(), allowed).at("command line"));
        }
    }
    Ok(domain)
}

fn settings(args: &Args, policies: usize) -> Result<EvaluationSettings> {
    let option = |fault: Fault| fault.at("command line");
    let confidence = within("--confidence", args.confidence, 0.501, 0.999_999).map_err(option)?;
    if let Some(replicates) = args.replicates {
        within("--replicates", f64::from(replicates), 10.0, 1e6).map_err(option)?;
    }
    if let Some(again) =
        (1..args.estimators.len()).find(|i| args.estimators[..*i].contains(&args.estimators[*i]))
    {
        let again = format!("{:?} again", args.estimators[again].0.name());
        return Err(option(Fault::new("--estimator", again, "each once, or with another :LAMBDA")));
    }
    let mut settings = EvaluationSettings {
        estimators: estimators(&args.estimators),
        named: !args.estimators.is_empty(),
        model: args.reward_model,
        method: args.interval,
        alpha: 1.0 - confidence,
        seed: args.seed,
        replicates: args.replicates.unwrap_or(REPLICATES),
        reward_range: args.reward_range.as_deref().map(range).transpose().map_err(option)?,
        force: args.force,
    };
    let needed = settings.method.least_replicates(settings.alpha_of_each(policies));
    if args.replicates.is_none() {
        settings.replicates = settings.replicates.max(needed);
    }
    let refused = |options, remedy| Err(Error::because(UsageError::Options { options, remedy }));
    if args.replicates.is_some() && needed == 0 {
        return refused("--replicates", "is of resampled logs, which --interval bootstrap makes");
    }
    if args.reward_model.is_some() && !settings.estimators.iter().any(|(estimator, _)| estimator.uses_model())
    {
        return refused("--reward-model", "is of estimators that predict rewards, as doubly_robust does");
    }
    Ok(settings)
}

/// Those that were asked for, or all.
fn estimators(asked_for: &[(Estimator, Option<f64>)]) -> Vec<(Estimator, Option<f64>)> {
    if asked_for.is_empty() {
        return Estimator::ALL.map(|e| (e, None)).to_vec();
    }
    asked_for.to_vec()
}

fn range(text: &str) -> Result<(f64, f64), Fault> {
    let pair = text.split_once(',').and_then(|(l, h)| Some((l.trim().parse().ok()?, h.trim().parse().ok()?)));
    match pair {
        Some((low, high)) if f64::is_finite(low) && f64::is_finite(high) && low < high => Ok((low, high)),
        _ => Err(Fault::new(
            "--reward-range",
            format!("{text:?}"),
            "two numbers, as 0,1, the first the smaller",
        )),
    }
}
