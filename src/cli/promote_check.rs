//! `rehearsal promote-check`: the promotion gate.

use super::destination::{said_and_written, write_page};
use super::display::Display;
use super::error::refuse_doubles;
use super::gate_inputs::{GateInputs, cast};
use super::promotion::Promoting;
use super::{Takes, exit, output, progress, reports, shell};
use crate::base::error::{Error, Result};
use crate::gate::promotion::{Inputs, Judgement, UserSource};
use crate::gate::{
    Attempt, FACTORS, GateRefusal, Knob, Provenance, Ranking, Ruling, SeedSource, attempt_number, plan,
};
use crate::report::{
    Json, PlainText, VerdictFormat, plan_text, ranking_text, sensitivity_page, sensitivity_text,
    terminal_verdict,
};
use crate::simulation::parts::RunParts;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    inputs: GateInputs,
    /// Only say what the gate can show with the users it may draw, and draw none but a few pilots
    #[arg(long, conflicts_with_all = ["out", "summary", "card", "html", "from", "attempts", "inconclusive"])]
    plan: bool,
    /// Also judge people who are a little different, and say where the verdict turns
    #[arg(long, conflicts_with_all = ["out", "summary", "card", "from", "attempts", "plan"])]
    sensitivity: bool,
    /// Count attempts in this file: a new challenger has the next number, people of its own, and the level that a series
    /// leaves it; one that was tried before keeps what it had
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "seed"])]
    attempts: Option<PathBuf>,
    /// Decide on the records of users who were simulated before, by `simulate --gate --out DIR` or `merge`
    #[arg(long, value_name = "DIR", conflicts_with = "seed")]
    from: Option<PathBuf>,
    /// Where the verdict is promote, register the challenger under this name of the model registry and move its alias
    /// `champion` there, if the baseline still has it
    #[arg(long, value_name = "NAME", conflicts_with_all = ["plan", "sensitivity"])]
    promote: Option<String>,
    /// What an inconclusive verdict does to the exit code
    #[arg(long, value_name = "HOW", default_value = "fail")]
    inconclusive: Inconclusive,
    #[command(flatten)]
    reports: reports::Destinations,
    /// Print the verdict as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: super::Threads,
}

/// Users of each persona from whom a plan learns how much gains vary.
const PILOT_USERS: u64 = 100;

/// The exit code of an inconclusive verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Inconclusive {
    /// Exit code 3.
    Fail,
    /// Exit code 0.
    Pass,
}

pub(super) fn run(args: &Args, display: Display) -> Result<u8> {
    if args.inputs.challengers() > 1 {
        return args.rank();
    }
    let inputs = args.inputs.load("this")?;
    if args.plan {
        return args.print_plan(&inputs);
    }
    if args.sensitivity {
        return args.print_sensitivity(&inputs);
    }
    let records = args.from.as_ref().map(|dir| dir.join("records.jsonl"));
    let source = match &records {
        Some(records) => UserSource::Records(RunParts::open(std::slice::from_ref(records))?),
        None => UserSource::Simulation(args.inputs.seed),
    };
    let read = args.inputs.files()?.into_iter().chain(inputs.files()?).chain(records);
    let reports = args.reports.open(&inputs, read.chain(args.attempts.clone()))?;
    let promoting =
        args.promote.as_deref().map(|name| Promoting::new(args.inputs.registry.open()?, name, &inputs));
    let promoting = promoting.transpose()?;
    args.threads.apply()?;
    let judgement = args.judge(&args.numbered(inputs.clone())?, source, 0)?;
    let written = reports.write(&judgement);
    said_and_written(args.print(&judgement, display), written)?;
    if let Some(promoting) = promoting.filter(|_| judgement.verdict.verdict == Ruling::Promote) {
        promoting.promote(&inputs, &judgement)?;
    }
    Ok(args.code(judgement.verdict.verdict))
}

impl Args {
    /// What a project's file may give.
    pub(super) fn takes(&mut self) -> Takes<'_> {
        self.inputs.takes()
    }

    /// Prints one verdict.
    fn print(&self, judgement: &Judgement, display: Display) -> Result<()> {
        let screen = if self.json { None } else { display.screen() };
        if let Some(screen) = screen {
            return output::painted(&terminal_verdict(judgement, &screen));
        }
        let mut text = Vec::new();
        let format: &dyn VerdictFormat = if self.json { &Json } else { &PlainText };
        format.write(judgement, &mut text).expect("memory takes everything");
        // What people read may cite what is from outside.
        if self.json { output::json_bytes(text) } else { output::text(&String::from_utf8_lossy(&text)) }
    }

    /// The exit code of a decision.
    fn code(&self, ruling: Ruling) -> u8 {
        match (ruling, self.inconclusive) {
            (Ruling::Promote, _) | (Ruling::Inconclusive, Inconclusive::Pass) => exit::DONE,
            (Ruling::Reject, _) => exit::REJECT,
            (Ruling::Inconclusive, Inconclusive::Fail) => exit::INCONCLUSIVE,
        }
    }

    /// The inputs with the number of their attempt, where attempts are counted: it is in the file before anybody is drawn.
    fn numbered(&self, inputs: Inputs) -> Result<Inputs> {
        let Some(path) = self.attempts.as_deref().filter(|_| !inputs.is_against_itself()) else {
            return Ok(inputs);
        };
        let (baseline, challenger) = (inputs.baseline.name(), inputs.challenger.name());
        let number = attempt_number(path, &inputs.question()?, baseline, challenger)?;
        Ok(Inputs { attempt: Attempt::Number(number), ..inputs })
    }

    /// Runs the gate on the `i`-th challenger.
    fn judge(&self, inputs: &Inputs, source: UserSource, i: usize) -> Result<Judgement> {
        let bar = progress::criteria();
        let mut command = self.inputs.command("promote-check", i);
        if let Some(path) = &self.attempts {
            command = format!("{command} {}", shell::option("--attempts", path));
        }
        let judgement = inputs.run(source, command, |trial| {
            let (established, all) = trial.established();
            bar.set_length(all as u64);
            bar.set_position(established as u64);
            bar.set_message(format!(", {} users of each persona", trial.users()));
        })?;
        bar.finish_and_clear();
        let mut judgement = decision_time(inputs, judgement)?;
        if let Some(dir) = &self.from {
            say_again(&mut judgement.verdict.provenance, dir);
        }
        Ok(judgement)
    }

    /// Tries several challengers, each an attempt of one series, and ranks them.
    fn rank(&self) -> Result<u8> {
        let what = [
            (self.plan, "--plan"),
            (self.sensitivity, "--sensitivity"),
            (self.from.is_some(), "--from"),
            (self.reports.any(), "a report"),
            (self.promote.is_some(), "--promote"),
        ];
        let challengers = self.inputs.challengers();
        if let Some((_, what)) = what.into_iter().find(|(asked, _)| *asked) {
            return Err(Error::because(GateRefusal::ManyChallengers { challengers, what }));
        }
        let all = self.inputs.load_all()?;
        refuse_doubles("challenger", all.iter().map(|inputs| inputs.challenger.name()))?;
        let questions = all.iter().map(Inputs::question).collect::<Result<BTreeSet<_>>>()?;
        self.threads.apply()?;
        let mut verdicts = Vec::new();
        for (i, inputs) in all.into_iter().enumerate() {
            let inputs = match &self.attempts {
                Some(_) => self.numbered(inputs)?,
                None => Inputs { attempt: Attempt::OneOf(questions.len() as u64), ..inputs },
            };
            verdicts.push(self.judge(&inputs, UserSource::Simulation(self.inputs.seed), i)?.verdict);
        }
        let ranking = Ranking::new(verdicts);
        if self.json {
            output::pretty_json(&ranking)?;
        } else {
            output::text(&ranking_text(&ranking))?;
        }
        Ok(self.code(ranking.ruling()))
    }

    fn print_sensitivity(&self, inputs: &Inputs) -> Result<u8> {
        let html = self.reports.html.open(self.inputs.files()?.into_iter().chain(inputs.files()?))?;
        self.threads.apply()?;
        let bar = progress::runs(1 + (Knob::ALL.len() * FACTORS.len()) as u64);
        let moved = inputs.sensitivity(self.inputs.seed, || bar.inc(1))?;
        bar.finish_and_clear();
        let effect = inputs.gate.raw().minimum_effect;
        let written = write_page(html, |command| sensitivity_page(&moved, effect, &cast(inputs), command));
        let said =
            if self.json { output::pretty_json(&moved) } else { output::text(&sensitivity_text(&moved)) };
        said_and_written(said, written)?;
        Ok(moved.first().map_or(exit::INCONCLUSIVE, |as_they_are| self.code(as_they_are.verdict)))
    }

    fn print_plan(&self, inputs: &Inputs) -> Result<u8> {
        self.threads.apply()?;
        let plans = plan(&inputs.gate, inputs.level(), &inputs.pools(self.inputs.seed, PILOT_USERS)?);
        if self.json {
            output::pretty_json(&plans)?;
        } else {
            output::text(&plan_text(&inputs.gate, &plans, PILOT_USERS))?;
        }
        Ok(exit::DONE)
    }
}

/// Records without which the verdict cannot be had again are part of the command that gives it; else their seed, if it
/// does not follow from the inputs.
fn say_again(made_from: &mut Provenance, records: &Path) {
    let option = match made_from {
        Provenance { recorded_users: Some(_), .. } => shell::option("--from", records),
        Provenance { seed_source: SeedSource::Given, seed, .. } => format!("--seed {seed}"),
        Provenance { seed_source: SeedSource::Inputs, .. } => return,
    };
    made_from.command = format!("{} {option}", made_from.command);
}

/// Measures how long the challenger takes to decide, where the gate asks for it: on stderr, since times are
/// never the same twice, and in the verdict only where a challenger that is too slow must not be promoted.
fn decision_time(inputs: &Inputs, judgement: Judgement) -> Result<Judgement> {
    let Some(limit) = inputs.gate.raw().decision_time else { return Ok(judgement) };
    let p99 = inputs.decision_time_p99(judgement.verdict.provenance.seed)?;
    let within = p99.as_secs_f64() * 1e3 <= limit.p99_ms;
    let relation = if within { "within" } else { "above" };
    output::note(&format!(
        "one decision takes {p99:?} at the 99th percentile, {relation} {} ms",
        limit.p99_ms
    ));
    if within || !limit.required {
        return Ok(judgement);
    }
    let reason = format!("one decision takes longer than {} ms at the 99th percentile", limit.p99_ms);
    Ok(Judgement { verdict: judgement.verdict.withheld(reason), ..judgement })
}
