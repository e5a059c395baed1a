//! The steps of a rollout in a model card: a section of its own behind the card, between marks with the experiment's name,
//! for people as a table and for programs as JSON. Verdicts leave what stands there as it is, and it leaves the card.

use super::file::has_card;
use super::markdown::{FENCE, JSON_FENCE};
use super::refusal::CardRefusal;
use crate::base::error::{Error, Result};
use crate::base::read;
use crate::gate::live::{RolloutEvidence, RolloutStep};
use crate::report::words::{self, e_value};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// The history of a rollout as a card keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardRollout {
    /// The experiment.
    pub experiment: String,
    /// Every step with what it rested on, the first one first.
    pub steps: Vec<RolloutStep>,
}

/// Where the section of an experiment stands in a card, if it is there.
struct Section<'a> {
    before: &'a str,
    text: &'a str,
    after: &'a str,
}

/// What begins the mark of any experiment's section.
const SECTION: &str = "<!-- rehearsal rollout of ";

/// Makes sure that a text, which errors call `origin`, is a card: one of a verdict, of a rollout, or nothing yet.
///
/// # Errors
/// A text that has the mark of neither.
pub fn check_card(text: &str, origin: &str) -> Result<()> {
    if text.trim().is_empty() || has_card(text) || text.contains(SECTION) {
        return Ok(());
    }
    let message =
        "the mark that begins a card is missing: no model card, or a damaged one; name another file";
    Err(Error::Malformed { origin: origin.to_owned(), message: message.to_owned() })
}

fn marks(experiment: &str) -> (String, String) {
    let begin = format!("{SECTION}{experiment}: all between these marks is written anew -->");
    (begin, format!("<!-- end of rehearsal rollout of {experiment} -->"))
}

fn find<'a>(card: &'a str, experiment: &str) -> Option<Section<'a>> {
    let (begin, end) = marks(experiment);
    let (before, rest) = card.split_once(&begin)?;
    let (text, after) = rest.split_once(&end)?;
    Some(Section { before, text, after })
}

/// The history of this experiment's rollout in the text of a card, which errors call `origin`; `None` if there is none, or
/// one that only people can read, of version 0.4.
///
/// # Errors
/// A block of JSON that is damaged.
pub fn card_rollout(card: &str, experiment: &str, origin: &str) -> Result<Option<CardRollout>> {
    let card = card.replace("\r\n", "\n");
    let found = find(&card, experiment).and_then(|section| section.text.split_once(JSON_FENCE));
    let Some((_, rest)) = found else { return Ok(None) };
    let json = rest.split_once(&format!("\n{FENCE}")).map_or(rest, |(json, _)| json);
    read::json(json.as_bytes(), origin).map(Some)
}

/// The text of a card, which errors call `origin`, with the section of this experiment's rollout written anew, or added at its
/// end; where its lines end with two characters, they all do.
///
/// # Errors
/// A card that tells of steps that are not among these: those of another store, which would be lost.
///
/// ```
/// use rehearsal::report::{card_rollout, with_rollout};
///
/// let card = with_rollout("a card\n", "bolder", &[], "card.md")?;
/// assert!(card.starts_with("a card\n") && card.contains("## Rollout of bolder"));
/// assert_eq!(with_rollout(&card, "bolder", &[], "card.md")?, card);
/// assert!(card_rollout(&card, "bolder", "card.md")?.is_some_and(|rollout| rollout.steps.is_empty()));
/// // So it is where an editor ended lines with two characters.
/// let edited = card.replace('\n', "\r\n");
/// assert_eq!(with_rollout(&edited, "bolder", &[], "card.md")?, edited);
/// assert!(card_rollout(&edited, "bolder", "card.md")?.is_some());
/// # Ok::<(), rehearsal::base::error::Error>(())
/// ```
pub fn with_rollout(card: &str, experiment: &str, steps: &[RolloutStep], origin: &str) -> Result<String> {
    let line_ends = card.matches("\r\n").count();
    if line_ends > 0 && line_ends == card.matches('\n').count() {
        let text = with_rollout(&card.replace("\r\n", "\n"), experiment, steps, origin)?;
        return Ok(text.replace('\n', "\r\n"));
    }
    if let Some(kept) = card_rollout(card, experiment, origin)? {
        let is_known = |step: &RolloutStep| {
            let same = |own: &&RolloutStep| own.revision == step.revision && own.at_ms == step.at_ms;
            steps.iter().find(same).is_some_and(|own| own.share == step.share)
        };
        if let Some(lost) = kept.steps.iter().find(|step| !is_known(step)) {
            let (card, experiment, revision) = (origin.to_owned(), experiment.to_owned(), lost.revision);
            return Err(Error::because(CardRefusal::OtherSteps { card, experiment, revision }));
        }
    }
    let (begin, end) = marks(experiment);
    let section = format!("{begin}\n{}{end}", section(experiment, steps));
    Ok(match find(card, experiment) {
        Some(Section { before, after, .. }) => format!("{before}{section}{after}"),
        None if card.is_empty() => section + "\n",
        None => format!("{}\n\n{section}\n", card.trim_end()),
    })
}

fn section(experiment: &str, steps: &[RolloutStep]) -> String {
    let mut out = format!("## Rollout of {experiment}\n\n");
    out.push_str(
        "| step | when | done | share | users | gain | bounds | not inferior | harm | sample ratio |\n",
    );
    out.push_str("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for step in steps {
        let when = jiff::Timestamp::from_millisecond(step.at_ms as i64)
            .map_or_else(|_| step.at_ms.to_string(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string());
        let evidence = step.evidence.as_ref().map_or_else(|| "| | | | | ".to_owned(), cells);
        let (revision, share) = (step.revision, words::percent(step.share));
        let _ = writeln!(out, "| {revision} | {when} | {} | {share} | {evidence}|", step.action.name());
    }
    out.push_str(
        "\nGains are shares of the metric's range, with bounds on each side that hold at all times together; the rest are \
         e-values.\n\n",
    );
    let rollout = CardRollout { experiment: experiment.to_owned(), steps: steps.to_vec() };
    let json = serde_json::to_string_pretty(&rollout).expect("plain values always serialize");
    out + JSON_FENCE + &json + "\n" + FENCE + "\n"
}

fn cells(e: &RolloutEvidence) -> String {
    let signed = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:+.4}"));
    format!(
        "{} | {} | {} to {} | {} | {} | {} ",
        e.users,
        signed(e.difference),
        signed(e.lower),
        signed(e.upper),
        e_value(e.e_not_inferior),
        e_value(e.e_harm),
        e_value(e.e_sample_ratio)
    )
}
