//! Personas: kinds of simulated people, parsed and checked.
//!
//! What is written here in logits adds up to u, the logit of completing a tip; the equation stands on the first page of
//! `src/people/person/`.

use crate::base::clean::clean_line;
use crate::base::error::{Cause, Error, ErrorKind, Fault, Result, hour, within};
use crate::base::{read, shipped};
use crate::domain::profile::{Profile, ProfileValues};
use crate::domain::request;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Most kinds of tip that a persona may know.
pub const MAX_KINDS: usize = 64;

/// A persona file, unchecked. Logits unless stated otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawPersona {
    /// The file's name without `.toml`.
    pub name: String,
    /// Who this is, in a line.
    pub description: String,
    /// Share of the population, in any unit: shares are divided by their sum.
    pub weight: f64,
    /// When and how readily they complete a tip.
    pub response: Response,
    /// When they are receptive; the values of overlapping windows add up.
    #[serde(default)]
    pub receptive: Vec<Window>,
    /// How they take each kind of tip.
    pub kinds: BTreeMap<String, TipKind>,
    /// What happens to a tip that is not completed.
    pub refusal: Refusal,
    /// How long they look at a tip.
    pub dwell: Dwell,
    /// How people of this persona differ.
    pub spread: Spread,
    /// Share in [0, 1] of a scenario's change of taste that reaches them.
    pub changeability: f64,
    /// What a profile service would say of them.
    pub profile: DeclaredProfile,
}

/// The terms of u that are the same for every kind.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// u of an average tip at an average moment.
    pub base: f64,
    /// What is added for priority 1, subtracted for priority 0.
    pub priority: f64,
    /// What is added in proportion to urgency, which is in [0, 1].
    pub urgency: f64,
    /// What is added in proportion to effort, which is in [0, 1]; negative for people who avoid effort.
    pub effort: f64,
    /// What is added on Saturday and Sunday.
    pub weekend: f64,
    /// What is subtracted for each tip seen in the last 24 hours; at least 0.
    pub fatigue: f64,
    /// What is added when the tip's hour is the kind's preferred hour, subtracted when it is twelve hours away.
    pub timing: f64,
}

/// A window of receptivity around an hour: strength exp(-(distance / width)^2 / 2).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Centre, in [0, 24).
    pub hour: f64,
    /// Standard deviation in hours, in [0.25, 12].
    pub width: f64,
    /// Height; negative for hours at which they want to be left alone.
    pub strength: f64,
}

/// How one kind of tip is taken.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TipKind {
    /// What is added to u for tips of this kind.
    pub taste: f64,
    /// The hour at which it suits them best, in [0, 24).
    pub preferred_hour: f64,
}

/// What happens to a tip that is not completed: dismissed with probability sigma(v), v = base - relief u,
/// else snoozed with a fixed probability, else ignored.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// v of a tip with u = 0.
    pub base: f64,
    /// How much v falls when u rises by one; at least 0.
    pub relief: f64,
    /// Probability in [0, 1] that what is neither completed nor dismissed is snoozed.
    pub snooze: f64,
}

/// Median dwell in seconds by reaction; the dwell is log-normal around it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dwell {
    /// The median on a completed tip.
    pub completed: f64,
    /// The median on a snoozed tip.
    pub snoozed: f64,
    /// The median on an ignored tip.
    pub ignored: f64,
    /// The median on a dismissed tip.
    pub dismissed: f64,
    /// Standard deviation of the logarithm, in [0, 3].
    pub spread: f64,
}

/// Standard deviations, between people of the persona, of what is otherwise the persona's value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// Deviation of the base rate.
    pub base: f64,
    /// Deviation of the taste for each kind.
    pub taste: f64,
    /// Deviation of every coefficient of [`Response`] but the base, relative to its size.
    pub response: f64,
    /// Deviation of each kind's preferred hour and of the whole day's rhythm, in hours.
    pub hours: f64,
}

/// A profile as the service would compute it for a typical person, and how noisy it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredProfile {
    /// Noise of a person's rates around the declared ones (standard deviation), in [0, 1]; dwell and volume
    /// get the same noise relative to their size, preferred hours 12 times as many hours.
    pub noise: f64,
    /// The values, with `by_kind` as in a request.
    pub values: Profile,
}

/// Why personas cannot be used together.
#[derive(Debug, thiserror::Error)]
pub enum PersonaError {
    /// The folder has no persona.
    #[error("{}: no persona in it, and at least one *.toml is needed", dir.display())]
    NoneInFolder {
        /// The folder.
        dir: PathBuf,
    },
    /// Two have the same name.
    #[error("{origin}: two personas are named {name:?}")]
    SameName {
        /// The folder.
        origin: String,
        /// The name.
        name: String,
    },
    /// Two know different kinds of tip.
    #[error(
        "{origin}: personas must know the same kinds of tip: {one}; {other}; for kinds of your own put personas into a \
             folder of its own, with [kinds] of the same names in each, beside none of the shipped ones, or give the shipped \
             ones your kinds too"
    )]
    OtherKinds {
        /// The folder.
        origin: String,
        /// What the one knows.
        one: String,
        /// What the other knows.
        other: String,
    },
}

impl Cause for PersonaError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

/// A checked persona.
///
/// ```
/// use rehearsal::people::persona::Persona;
///
/// let personas = Persona::shipped()?;
/// let mover = personas.iter().find(|persona| persona.name() == "mover").expect("it is built in");
/// assert!(mover.kinds().any(|kind| kind == "move"));
/// # Ok::<(), rehearsal::base::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Persona {
    raw: RawPersona,
}

impl Persona {
    /// Parses and checks a persona, which errors call `origin`.
    ///
    /// # Errors
    /// Text that is not TOML, unknown or missing fields, values out of range.
    pub fn from_toml(text: &str, origin: &str) -> Result<Self> {
        read::checked_toml(text, origin, |raw: RawPersona| Self::try_from(raw))
    }

    /// The personas that are built into the program, by name.
    ///
    /// # Errors
    /// None in a released program: a test parses them all.
    pub fn shipped() -> Result<Vec<Self>> {
        let read = |(stem, text): &(&str, &str)| Self::from_toml(text, &format!("personas/{stem}.toml"));
        Self::collect(shipped::PERSONAS.iter().map(read), "personas")
    }

    /// Every `*.toml` in a directory, by name.
    ///
    /// # Errors
    /// A directory without personas, files that cannot be read or are not allowed, two of one name.
    pub fn load_dir(dir: &Path) -> Result<Vec<Self>> {
        let paths = Self::files(dir)?;
        if paths.is_empty() {
            return Err(Error::because(PersonaError::NoneInFolder { dir: dir.to_path_buf() }));
        }
        let read = |path: &PathBuf| Self::from_toml(&read::text(path)?, &path.display().to_string());
        Self::collect(paths.iter().map(read), &dir.display().to_string())
    }

    /// The files of the personas in a folder, sorted.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn files(dir: &Path) -> Result<Vec<PathBuf>> {
        let entries = std::fs::read_dir(dir).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
        let mut paths: Vec<_> =
            entries.map_err(Error::io("read", dir))?.iter().map(std::fs::DirEntry::path).collect();
        paths.retain(|p| p.extension().is_some_and(|e| e == "toml"));
        paths.sort();
        Ok(paths)
    }

    fn collect(personas: impl Iterator<Item = Result<Self>>, origin: &str) -> Result<Vec<Self>> {
        let mut all = personas.collect::<Result<Vec<_>>>()?;
        all.sort_by(|a, b| a.raw.name.cmp(&b.raw.name));
        for pair in all.windows(2) {
            if pair[0].raw.name == pair[1].raw.name {
                let (origin, name) = (origin.to_owned(), pair[0].raw.name.clone());
                return Err(Error::because(PersonaError::SameName { origin, name }));
            }
            let kinds = |p: &Self| p.raw.kinds.keys().cloned().collect::<Vec<_>>();
            if kinds(&pair[0]) != kinds(&pair[1]) {
                let list = |p: &Self| format!("{} knows {}", p.name(), kinds(p).join(", "));
                let (origin, one, other) = (origin.to_owned(), list(&pair[0]), list(&pair[1]));
                return Err(Error::because(PersonaError::OtherKinds { origin, one, other }));
            }
        }
        Ok(all)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.raw.name
    }

    /// The checked values.
    pub fn raw(&self) -> &RawPersona {
        &self.raw
    }

    /// The kinds of tip it knows, in order.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.raw.kinds.keys().map(String::as_str)
    }
}

/// Logits beyond this are certainties: a rate below 10^-8.
const MAX_LOGIT: f64 = 20.0;

impl TryFrom<RawPersona> for Persona {
    type Error = Fault;

    fn try_from(mut raw: RawPersona) -> Result<Self, Fault> {
        check_name(&raw.name)?;
        raw.description = clean_line(&raw.description);
        if !(raw.weight > 0.0 && raw.weight <= 1e6) {
            return Err(Fault::new("weight", raw.weight, "a number in (0, 1000000]"));
        }
        let logit = |field: &str, value: f64| within(field, value, -MAX_LOGIT, MAX_LOGIT).map(drop);
        let Response { base, priority, urgency, effort, weekend, fatigue, timing } = raw.response;
        for (field, value) in [
            ("response.base", base),
            ("response.priority", priority),
            ("response.urgency", urgency),
            ("response.effort", effort),
            ("response.weekend", weekend),
            ("response.timing", timing),
            ("refusal.base", raw.refusal.base),
        ] {
            logit(field, value)?;
        }
        within("response.fatigue", fatigue, 0.0, MAX_LOGIT)?;
        within("refusal.relief", raw.refusal.relief, 0.0, MAX_LOGIT)?;
        within("refusal.snooze", raw.refusal.snooze, 0.0, 1.0)?;
        for (i, window) in raw.receptive.iter().enumerate() {
            hour(&format!("receptive[{i}].hour"), window.hour)?;
            within(&format!("receptive[{i}].width"), window.width, 0.25, 12.0)?;
            logit(&format!("receptive[{i}].strength"), window.strength)?;
        }
        if raw.kinds.is_empty() || raw.kinds.len() > MAX_KINDS {
            return Err(Fault::new(
                "kinds",
                format!("a table of {}", raw.kinds.len()),
                format!("1 to {MAX_KINDS} kinds"),
            ));
        }
        for (name, kind) in &raw.kinds {
            request::name("kinds", name)?;
            logit(&format!("kinds.{name}.taste"), kind.taste)?;
            hour(&format!("kinds.{name}.preferred_hour"), kind.preferred_hour)?;
        }
        let Dwell { completed, snoozed, ignored, dismissed, spread } = raw.dwell;
        for (field, value) in [
            ("dwell.completed", completed),
            ("dwell.snoozed", snoozed),
            ("dwell.ignored", ignored),
            ("dwell.dismissed", dismissed),
        ] {
            within(field, value, 0.0, 86_400.0)?;
        }
        within("dwell.spread", spread, 0.0, 3.0)?;
        within("spread.base", raw.spread.base, 0.0, 5.0)?;
        within("spread.taste", raw.spread.taste, 0.0, 5.0)?;
        within("spread.response", raw.spread.response, 0.0, 2.0)?;
        within("spread.hours", raw.spread.hours, 0.0, 12.0)?;
        within("changeability", raw.changeability, 0.0, 1.0)?;
        within("profile.noise", raw.profile.noise, 0.0, 1.0)?;
        raw.profile.values.check().map_err(|fault| fault.within("profile.values"))?;
        let strange = raw.profile.values.by_kind.iter().find(|(kind, _)| !raw.kinds.contains_key(kind));
        let known = || raw.kinds.keys().cloned().collect::<Vec<_>>().join(", ");
        if let Some((kind, _)) = strange {
            return Err(Fault::new(
                "profile.values.by_kind",
                format!("{kind:?}"),
                format!("the kinds {}", known()),
            ));
        }
        if let Some(name) = raw.profile.values.unknown_names().next() {
            let names: Vec<_> = crate::domain::profile::PROFILE_FEATURES.iter().map(|f| f.name).collect();
            return Err(Fault::new("profile.values", format!("{name:?}"), names.join(", ")));
        }
        Ok(Self { raw })
    }
}

/// Names of personas and scenarios: they stand in reports, CSV files and file names.
pub(crate) fn check_name(name: &str) -> Result<(), Fault> {
    let safe = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(safe) {
        return Err(Fault::new("name", format!("{name:?}"), "1 to 64 of the characters a-z, 0-9 and '-'"));
    }
    Ok(())
}

/// The profile of one person around the declared one: every value with noise of its own, kept in range.
pub(crate) fn noisy_profile(declared: &DeclaredProfile, mut normal: impl FnMut() -> f64) -> Profile {
    let noise = declared.noise;
    let mut around = |values: &ProfileValues| {
        let mut out = *values;
        for (feature, slot) in crate::domain::profile::PROFILE_FEATURES.iter().zip(&mut out.0) {
            let z = normal();
            *slot = slot.map(|value| match feature.name {
                "preferred_hour" => quarter(value + 12.0 * noise * z),
                "mean_dwell_seconds" => (value * libm::exp(noise * z)).min(feature.maximum),
                "tip_volume" => (value * libm::exp(noise * z)).round().min(feature.maximum),
                _ => (value + noise * z).clamp(0.0, 1.0),
            });
        }
        out
    };
    let user = around(&declared.values.user);
    Profile::new(user, declared.values.by_kind.iter().map(|(k, v)| (k.clone(), around(v))).collect())
}

/// An hour of the day rounded to a quarter, in [0, 24).
pub(crate) fn quarter(hour: f64) -> f64 {
    ((hour * 4.0).round() / 4.0).rem_euclid(24.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::shipped::PERSONAS;
    use crate::domain::request::{RawRequest, Request};
    use crate::people::scenario::Scenario;

    #[test]
    fn kinds_have_names_that_a_request_may_have() {
        let (_, text) = PERSONAS[0];
        let renamed = |name: &str| {
            let head = text.find("[kinds]").unwrap() + "[kinds]\n".len();
            let text =
                format!("{}{name:?} = {{ taste = 0, preferred_hour = 9 }}\n{}", &text[..head], &text[head..]);
            Persona::from_toml(&text, "persona.toml")
        };
        assert!(renamed(&"k".repeat(256)).is_ok());
        for name in ["", &"k".repeat(257)] {
            let said = renamed(name).unwrap_err().to_string();
            let expected = format!("kinds is a text of {} bytes; allowed: 1 to 256 bytes", name.len());
            assert!(said.ends_with(&expected), "{said}");
        }
    }

    #[test]
    fn noise_leaves_no_profile_beyond_what_a_request_may_have() {
        let (_, text) = PERSONAS[0];
        let lines = text.lines().map(|line| match line.split(" = ").next() {
            Some(field @ ("mean_dwell_seconds" | "tip_volume")) => format!("{field} = 1e12\n"),
            Some("noise") => "noise = 1\n".to_owned(),
            _ => format!("{line}\n"),
        });
        let persona = Persona::from_toml(&lines.collect::<String>(), "persona.toml").unwrap();
        let scenario = Scenario::load("declared-profile").unwrap();
        let simulator = crate::people::PersonaSimulator::new(&scenario, &persona, 1);
        for user in 0..20 {
            let (mut batch, mut block) = (simulator.batch(user..user + 1), simulator.block());
            batch.advance(&mut block);
            let request: RawRequest = batch
                .person(0)
                .request(&crate::features::profile_history::ProfileHistory::new(simulator.kinds().len()));
            assert!(Request::try_from(request).is_ok());
        }
    }
}
