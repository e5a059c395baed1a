//! What all formats say alike: the decision, each criterion's claim, numbers, what to do next.

use crate::evaluation::Cluster;
use crate::gate::{
    Assessment, Claim, GateOutcome, LogAssessment, Moved, Ruling, SeedSource, Turn, Verdict, turns,
};
use crate::simulation::metrics::{Direction, Metric};

/// Whether a criterion stands against a promotion.
pub(crate) fn is_missing(c: &Assessment) -> bool {
    !c.holds && !c.advisory
}

/// A difference in the direction that is better, so that more is always the challenger's side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct GainBounds {
    pub(crate) estimate: f64,
    pub(crate) lower: f64,
    pub(crate) upper: f64,
}

/// What a criterion found, as a gain; `None` where nobody was looked at.
pub(crate) fn gain(c: &Assessment) -> Option<GainBounds> {
    let (estimate, lower, upper) = (c.estimate?, c.lower?, c.upper?);
    Some(if c.more_is_better() {
        GainBounds { estimate, lower, upper }
    } else {
        GainBounds { estimate: 0.0 - estimate, lower: 0.0 - upper, upper: 0.0 - lower }
    })
}

/// What a difference of two figures of a metric comes to per hundred: `4.0 more completions per 100 tips`.
pub(crate) fn per_100(metric: Metric, difference: f64) -> String {
    let (size, counted) = (format!("{:.1}", 100.0 * difference.abs()), metric.per_100());
    match size.as_str() {
        "0.0" => format!("as many {counted}"),
        _ if difference > 0.0 => format!("{size} more {counted}"),
        _ => format!("{size} fewer {counted}"),
    }
}

/// The text with a capital letter first.
pub(crate) fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// What a metric counts, where it is said already that it is per 100 tips.
pub(crate) fn counted(metric: Metric) -> &'static str {
    metric.per_100().trim_end_matches(" per 100 tips")
}

/// A difference per hundred, where it is said already what it is of: `4.0 more`.
pub(crate) fn in_brief(metric: Metric, difference: f64) -> String {
    per_100(metric, difference).replace(metric.per_100(), "").trim().to_owned()
}

/// Whether a difference of a metric is for the better; `None` where it is too small to be shown, or neither way is better.
pub(crate) fn is_better(metric: Metric, better: Option<Direction>, difference: f64) -> Option<bool> {
    let gain = metric.better().or(better)?.gain(difference);
    (format!("{:.1}", 100.0 * gain.abs()) != "0.0").then_some(gain > 0.0)
}

/// What a criterion demands of the gain.
pub(crate) fn needs(c: &Assessment) -> String {
    format!("> {}", rounded(c.mark))
}

/// A criterion's id, marked where it is advisory.
pub(crate) fn label(c: &Assessment) -> String {
    if c.advisory { format!("{} (advisory)", c.id) } else { c.id.clone() }
}

/// The criteria about a persona or another segment of users, smallest gain first: the fairness check.
pub(crate) fn segments(v: &Verdict) -> Vec<&Assessment> {
    let mut segments: Vec<&Assessment> =
        v.criteria.iter().filter(|c| c.persona.is_some() || c.segment.is_some()).collect();
    let gain = |c: &Assessment| match c.estimate {
        Some(difference) if c.more_is_better() => difference,
        Some(difference) => -difference,
        None => f64::INFINITY,
    };
    segments.sort_by(|a, b| gain(a).total_cmp(&gain(b)));
    segments
}

/// The decision in a word.
pub(crate) fn decision(v: &Verdict) -> &'static str {
    match v.verdict {
        Ruling::Promote => "PROMOTE",
        Ruling::Reject => "REJECT",
        Ruling::Inconclusive => "INCONCLUSIVE",
    }
}

/// The decision in a sentence without its full stop.
pub(crate) fn headline(v: &Verdict) -> String {
    let (challenger, baseline) = (&v.challenger, &v.baseline);
    match v.verdict {
        Ruling::Promote => format!("{challenger} may replace {baseline}"),
        Ruling::Reject if v.outcome == GateOutcome::TooSmall => {
            format!("{challenger} need not replace {baseline}: a real gain, too small to matter")
        }
        Ruling::Reject => format!("{challenger} must not replace {baseline}"),
        Ruling::Inconclusive => format!("it is not shown whether {challenger} may replace {baseline}"),
    }
}

/// What was judged by what: the gate, the people, and which attempt of a series this is, or that nobody counts.
pub(crate) fn subject(v: &Verdict) -> [(&'static str, String); 3] {
    let attempt = match v.attempt {
        Some(number) => ("attempt", number.to_string()),
        None => ("attempts", "not counted".to_owned()),
    };
    [("gate", v.gate.clone()), ("people", v.people.clone()), attempt]
}

/// The same in a line.
pub(crate) fn subject_line(v: &Verdict) -> String {
    subject(v).map(|(what, which)| format!("{what}: {which}")).join(", ")
}

/// How sure the decision is: what the theorem says of it, with its condition.
pub(crate) fn certainty(v: &Verdict) -> String {
    let (alpha, beta) = (percent(v.alpha), percent(v.beta));
    let (challenger, effect) = (&v.challenger, v.minimum_effect);
    let small = percent(v.superiority_beta);
    let said = match v.outcome {
        GateOutcome::Promote => {
            format!("had {challenger} failed any criterion, this verdict's chance was at most {alpha}")
        }
        GateOutcome::TooSmall => format!(
            "had the gain been {effect} or more, the chance to find it smaller was at most {small}; had there been \
             none, the chance to find one at most {alpha}"
        ),
        GateOutcome::NoGain => {
            let loses = v
                .superiority()
                .is_some_and(|c| v.decided_by.as_ref() == Some(&c.id) && c.gains == Some(false));
            let loss = if loses {
                format!("; had there been any, the chance to find a loss at most {small}")
            } else {
                String::new()
            };
            format!(
                "had the gain been {effect} or more, the chance to find it smaller was at most {small}{loss}"
            )
        }
        GateOutcome::Harm => {
            let as_far = harmful_log(v).map_or_else(String::new, |log| {
                format!(", as far as the {} bounds on {} hold", log.interval, log.id)
            });
            format!(
                "had {challenger} met every criterion, the chance of a rejection was at most {beta}{as_far}"
            )
        }
        GateOutcome::Inconclusive if v.users == 0 => return "nothing was measured".to_owned(),
        GateOutcome::Inconclusive if !v.criteria.iter().any(is_missing) => {
            format!("had {challenger} failed any criterion, all would hold with a chance of at most {alpha}")
        }
        GateOutcome::Inconclusive => {
            return format!(
                "not sure enough either way: a wrong promotion may have a chance of {alpha}, a wrong rejection of {beta}"
            );
        }
    };
    format!("{said}; {}", condition(v))
}

/// The condition of what is said of a decision: that nobody chose what is judged by looking at those on whom it is judged.
fn condition(v: &Verdict) -> String {
    let challenger = &v.challenger;
    match (v.attempt, v.provenance.seed_source) {
        (Some(number), _) => format!(
            "this is attempt {number}: that any in its file promotes wrongly has a chance of at most {}, if no challenger \
             was chosen by looking at the people of its own attempt",
            percent(v.series_alpha)
        ),
        (None, SeedSource::Inputs) => {
            format!(
                "nobody counts attempts: this holds if {challenger} was not chosen by looking at these people"
            )
        }
        (None, SeedSource::Given) => format!(
            "nobody counts attempts: this holds if neither {challenger} nor the seed was chosen by looking at these people"
        ),
    }
}

/// What a reward is, for who does not know the program.
pub(super) const REWARD: &str = "what a decision earned: of a tip 1 if it was completed, 0.25 if snoozed, 0 if ignored, -0.5 if \
                                 dismissed; elsewhere as the domain or the log has it";

/// What to do now.
pub(crate) fn next(v: &Verdict) -> String {
    let (challenger, baseline) = (&v.challenger, &v.baseline);
    let open: Vec<&Assessment> = v.criteria.iter().filter(|c| is_missing(c)).collect();
    match (v.verdict, open.first()) {
        (Ruling::Promote, _) => format!(
            "give {challenger} to a few real users, then more, with a way back to {baseline}: rehearsal rollout start \
             EXPERIMENT, an experiment of the two with a ramp"
        ),
        (Ruling::Reject, _) if harmful_log(v).is_some() => {
            format!(
                "keep {baseline}; look first at the logged decisions that {challenger} would have taken otherwise"
            )
        }
        (Ruling::Reject, _) => {
            let look =
                v.look.as_ref().map_or_else(String::new, |command| format!("; see what it does: {command}"));
            format!("keep {baseline}{look}")
        }
        (Ruling::Inconclusive, Some(_)) if v.users == 0 => {
            "name two policies that differ with --baseline and --challenger".to_owned()
        }
        (Ruling::Inconclusive, Some(weakest)) => {
            let needed: Option<Vec<u64>> = open.iter().map(|c| c.users_needed).collect();
            match needed.and_then(|all| all.into_iter().max()) {
                Some(n) if v.provenance.recorded_users.is_some() => {
                    format!(
                        "keep {baseline}; about {n} users should settle it: simulate again with --users {n}"
                    )
                }
                Some(n) => {
                    format!("keep {baseline}; max_users of about {n} should settle it, the same people first")
                }
                None => format!(
                    "keep {baseline}; at this rate more users will not help: {challenger} has to do better on {}",
                    weakest.id
                ),
            }
        }
        (Ruling::Inconclusive, None) => match v.logs.iter().find(|log| log.is_missing()) {
            Some(log) => logged_next(log, baseline, challenger),
            None => format!("keep {baseline} until that is mended"),
        },
    }
}

/// What to do about a log that a promotion lacks.
fn logged_next(log: &LogAssessment, baseline: &str, challenger: &str) -> String {
    match (&log.refused, log.rows_needed) {
        (Some(_), _) if log.few_users.is_some() => {
            format!(
                "keep {baseline} until decisions of more users are logged; more of the same users will not do"
            )
        }
        (Some(_), _) => format!("keep {baseline}, and mend why {} gives no answer", log.id),
        (None, Some(rows)) if log.unit == Some(Cluster::User) => {
            format!(
                "keep {baseline} until about {rows} decisions are logged, of more users, not more of each"
            )
        }
        (None, Some(rows)) => format!("keep {baseline} until about {rows} such decisions are logged"),
        (None, None) => {
            format!(
                "keep {baseline}; at this rate more such decisions will not help: {challenger} has to do better on {}",
                log.id
            )
        }
    }
}

/// The required log whose harm is the reason of a rejection: simulated people gave none.
fn harmful_log(v: &Verdict) -> Option<&LogAssessment> {
    v.logs.iter().find(|log| v.decided_by.as_ref() == Some(&log.id) && log.harms)
}

/// What a criterion demands of the difference.
pub(crate) fn claim(c: &Assessment) -> String {
    match (c.kind, c.more_is_better()) {
        (Claim::Superior, true) => format!("> {}", c.mark),
        (Claim::Superior, false) => format!("< -{}", c.mark),
        (Claim::NotInferior, true) => format!("> -{}", rounded(c.margin)),
        (Claim::NotInferior, false) => format!("< {}", rounded(c.margin)),
    }
}

/// A margin with at most four decimals.
fn rounded(margin: f64) -> f64 {
    (margin * 1e4).round() / 1e4
}

/// A difference with its sign and three decimals; "-" where it is unknown.
pub(crate) fn signed(value: Option<f64>) -> String {
    let text = value.map_or_else(|| "-".to_owned(), |v| format!("{v:+.3}"));
    if text == "-0.000" { "+0.000".to_owned() } else { text }
}

/// An interval of differences.
pub(crate) fn interval(lower: Option<f64>, upper: Option<f64>) -> String {
    if lower.is_none() && upper.is_none() {
        return "-".to_owned();
    }
    format!("[{}, {}]", signed(lower), signed(upper))
}

/// A mean with three decimals; "-" where it is unknown.
pub(crate) fn plain(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |v| format!("{:.3}", v + 0.0))
}

/// An e-value with about three digits.
pub(crate) fn e_value(e: f64) -> String {
    if e.is_infinite() {
        "> 1e308".to_owned()
    } else if e >= 1e5 {
        format!("{e:.0e}")
    } else if e >= 100.0 {
        format!("{e:.0}")
    } else {
        format!("{e:.2}")
    }
}

/// So many of something: `1 user`, `2 users`.
pub(crate) fn count(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// A probability in percent, without needless digits.
pub(crate) fn percent(p: f64) -> String {
    // 100 * 0.07 is not 7: three decimals take such rounding away.
    let percent = 100.0 * p;
    let rounded = format!("{percent:.3}");
    let digits = match rounded.as_str() {
        "0.000" if p > 0.0 => small(percent),
        // What is nearly certain is not certain.
        "100.000" if p < 1.0 => {
            let rest = small(100.0 * (1.0 - p));
            let places = rest.split_once('.').map_or(0, |(_, digits)| digits.len());
            format!("{:.places$}", 100.0 - rest.parse::<f64>().unwrap_or(0.0))
        }
        _ => rounded,
    };
    format!("{}%", digits.trim_end_matches('0').trim_end_matches('.'))
}

/// A share in percent, for a table: with so many decimals, and with more where these would make nothing or all of it.
pub(crate) fn share(p: f64, decimals: usize) -> String {
    let shown = format!("{:.decimals$}", 100.0 * p);
    let is_whole = [0.0, 100.0].iter().any(|end| shown.parse() == Ok(*end));
    if is_whole && p > 0.0 && p < 1.0 { percent(p) } else { format!("{shown}%") }
}

/// A number far below 1 with as many digits as say something of it.
fn small(number: f64) -> String {
    let places = (-number.log10()).ceil().max(0.0) as usize;
    format!("{number:.places$}")
}

/// Where the seed came from.
pub(crate) fn seed_source(v: &Verdict) -> &'static str {
    match v.provenance.seed_source {
        SeedSource::Inputs => "it follows from people and scenarios",
        SeedSource::Given => "given with --seed: not the one that follows from the inputs",
    }
}

/// Where a verdict turns as people are moved.
pub(crate) fn turning(moved: &[Moved]) -> String {
    let one = |turn: &Turn| {
        let [(low, before), (high, after)] = turn.between;
        format!("{} x {low} ({}) and x {high} ({})", turn.knob.name(), before.name(), after.name())
    };
    let all: Vec<String> = turns(moved).iter().map(one).collect();
    if all.is_empty() {
        "The verdict is the same for all of these people.".to_owned()
    } else {
        format!("The verdict turns between {}.", all.join("; "))
    }
}

/// How to read the table of criteria.
pub(crate) fn reading(v: &Verdict) -> String {
    let relative = if v.criteria.iter().any(|c| c.is_relative) {
        " Margins that are relative to what people have are shown by their mean over the users so far; evidence is about \
         each user's own."
    } else {
        ""
    };
    format!(
        "Differences are {} minus {}, as shares of the metric's range; each bound by itself holds at {}, \
         however often one looks. Evidence is an e-value, what 1 staked on the criterion has become: once it \
         has reached {:.0} the criterion holds. One fails once the evidence against it, which the same stakes \
         on the other side give, has reached {:.0} over its part of beta; one that does neither is open. Users are those after which it held, or all so far; bounds and evidence are \
         those of all users drawn.{relative}",
        v.challenger,
        v.baseline,
        percent(1.0 - v.alpha),
        (1.0 / v.alpha).ceil(),
        (1.0 / v.simulated_beta).ceil()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!([signed(Some(-0.0)), signed(Some(0.0421)), signed(None)], ["+0.000", "+0.042", "-"]);
        assert_eq!(
            [percent(0.05), percent(0.07), percent(0.001), percent(0.95)],
            ["5%", "7%", "0.1%", "95%"]
        );
        assert_eq!([percent(0.0), percent(1.0)], ["0%", "100%"]);
        assert_eq!(
            [share(0.0, 1), share(1.0, 1), share(0.4, 0), share(0.123, 1)],
            ["0.0%", "100.0%", "40%", "12.3%"]
        );
        assert_eq!([share(1e-9, 1), share(0.999_9, 1), share(0.004, 0)], ["0.0000001%", "99.99%", "0.4%"]);
        // What can happen is never said to be impossible, nor what may not to be certain.
        let tiny = [1e-9, 4e-7, 1e-300, 1.0 - 1e-9, 0.999_999_6].map(percent);
        assert!(tiny[2].starts_with("0.00") && tiny[2].ends_with("1%"), "{}", tiny[2]);
        assert_eq!(
            [&tiny[0], &tiny[1], &tiny[3], &tiny[4]],
            ["0.0000001%", "0.00004%", "99.9999999%", "99.99996%"]
        );
        let e = [0.2351, 20.0, 153.7, 99_999.0, 123_456.0, f64::INFINITY].map(e_value);
        assert_eq!(e, ["0.24", "20.00", "154", "99999", "1e5", "> 1e308"]);
    }
}
