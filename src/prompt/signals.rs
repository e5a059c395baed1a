//! Signals: what is known of a person now, as their other programs say it.

use super::clean::visible;
use super::moment::{self, When};
use super::recent::RecentTip;
use crate::base::error::{Error, Fault, Result, storable};
use crate::base::random::SEEDS;
use crate::base::read::{self, objects, optional_object, optional_whole};
use crate::domain::ProfileCompletion;
use crate::domain::profile::Profile;
use crate::domain::reaction::Reaction;
use crate::domain::request::{Candidate, Context};
use crate::people::persona::{Persona, check_name};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use smol_str::SmolStr;
use std::collections::{BTreeSet, HashSet};
use std::sync::LazyLock;

/// Most tasks, events, earlier tips and kinds that are read.
pub(super) const MAX_TASKS: usize = 500;
pub(super) const MAX_KINDS: usize = 64;
/// Longest text that is read, in bytes.
pub(super) const MAX_TEXT_BYTES: usize = 16 << 10;
/// Longest title and longest note that a model is told, in characters.
pub(super) const TITLE: usize = 160;
const NOTE: usize = 400;
/// The locale, if nobody says one.
const LOCALE: &str = "en";

/// The kinds of the shipped tips, sorted.
static SHIPPED_KINDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let personas = Persona::shipped().unwrap_or_default();
    let kinds = personas.iter().flat_map(|persona| persona.raw().kinds.keys().cloned());
    kinds.collect::<BTreeSet<_>>().into_iter().collect()
});

/// What the JSON of signals may hold, unchecked.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawSignals {
    /// The person; may be given beside them.
    #[serde(default)]
    pub user: Option<SmolStr>,
    /// One version of the prompt, or several with commas: a rotation.
    #[serde(default)]
    pub prompt_version: Option<String>,
    /// Seed of what is drawn, below 2^53.
    #[serde(default, deserialize_with = "optional_whole")]
    pub seed: Option<u64>,
    /// The moment; the clock's when absent.
    #[serde(default)]
    pub now: Option<String>,
    /// The person's zone, by its IANA name; UTC when absent.
    #[serde(default)]
    pub timezone: Option<String>,
    /// The person's language, as BCP 47 writes it; `en` when absent.
    #[serde(default)]
    pub locale: Option<String>,
    /// What they have to do.
    #[serde(default, deserialize_with = "objects")]
    pub tasks: Vec<RawTask>,
    /// What is in their calendar.
    #[serde(default, deserialize_with = "objects")]
    pub calendar: Vec<RawEvent>,
    /// Earlier tips, beside those of the store.
    #[serde(default, deserialize_with = "objects")]
    pub recent: Vec<RawRecent>,
    /// What is known of the person.
    #[serde(default)]
    pub profile_features: Option<Profile>,
    /// When they want to be left alone.
    #[serde(default, deserialize_with = "optional_object")]
    pub quiet_hours: Option<RawQuietHours>,
    /// Kinds that tips may have; those of the shipped tips when absent.
    #[serde(default)]
    pub kinds: Option<Vec<String>>,
}

/// A task, unchecked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTask {
    /// Unique among the tasks.
    pub id: SmolStr,
    /// What is to be done.
    pub title: String,
    /// Its kind.
    #[serde(default)]
    pub kind: Option<SmolStr>,
    /// How much its owner wants it done, in [0, 1].
    #[serde(default)]
    pub priority: Option<f64>,
    /// When it is due.
    #[serde(default)]
    pub due: Option<String>,
    /// Minutes that it takes.
    #[serde(default)]
    pub effort_minutes: Option<f64>,
    /// What else is said of it.
    #[serde(default)]
    pub notes: Option<String>,
}

/// An entry of a calendar, unchecked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawEvent {
    /// What is on.
    #[serde(default)]
    pub title: Option<String>,
    /// When it begins.
    pub start: String,
    /// When it ends; when it begins if absent.
    #[serde(default)]
    pub end: Option<String>,
}

/// An earlier tip, unchecked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRecent {
    /// Its kind.
    #[serde(default)]
    pub kind: Option<SmolStr>,
    /// Its words.
    #[serde(default)]
    pub text: Option<String>,
    /// What the person did.
    #[serde(default)]
    pub reaction: Option<Reaction>,
    /// When that was.
    #[serde(default)]
    pub at: Option<String>,
}

/// Hours in which somebody wants to be left alone, unchecked.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawQuietHours {
    /// The hour at which they begin, in [0, 24).
    pub from: f64,
    /// The hour at which they end, in [0, 24).
    pub to: f64,
}

/// A task, checked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Task {
    pub(super) id: SmolStr,
    pub(super) title: String,
    pub(super) kind: Option<SmolStr>,
    pub(super) priority: Option<f64>,
    pub(super) due: Option<When>,
    pub(super) effort_minutes: Option<f64>,
    pub(super) notes: Option<String>,
}

/// An entry of a calendar, checked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    pub(super) title: Option<String>,
    pub(super) start: When,
    pub(super) end: When,
}

/// Hours in which somebody wants to be left alone: from one until the other, over midnight if that is earlier.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct QuietHours {
    pub(super) from: f64,
    pub(super) to: f64,
}

impl QuietHours {
    pub(super) fn has(self, hour: f64) -> bool {
        if self.from <= self.to {
            (self.from..self.to).contains(&hour)
        } else {
            hour >= self.from || hour < self.to
        }
    }
}

/// Signals, checked: texts in one line each and of a bounded length, times as moments.
#[derive(Debug, Clone, PartialEq)]
pub struct Signals {
    user: SmolStr,
    prompt_version: Option<String>,
    seed: Option<u64>,
    pub(super) now: Timestamp,
    pub(super) zone: TimeZone,
    pub(super) locale: String,
    /// What is due first comes first, then what is wanted most, then what was named first.
    pub(super) tasks: Vec<Task>,
    /// In the order in which they begin.
    pub(super) calendar: Vec<Event>,
    pub(super) recent: Vec<RecentTip>,
    pub(super) profile: Option<Profile>,
    pub(super) quiet_hours: Option<QuietHours>,
    kinds: Vec<String>,
}

impl Signals {
    /// Parses and checks the JSON of signals, which errors call `origin`. The user and the versions may be given beside it,
    /// but not otherwise than in it; `now` is the clock's, for signals that say no moment.
    ///
    /// # Errors
    /// A text that is no JSON of signals, a field that is out of range, a user whom nobody names.
    ///
    /// ```
    /// use rehearsal::prompt::Signals;
    ///
    /// let json = r#"{"user": "ann", "now": "2026-11-30T08:30:00Z", "timezone": "Europe/Berlin",
    ///                "tasks": [{"id": "tax", "title": "Tax return", "due": "2026-12-01"}]}"#;
    /// let signals = Signals::from_json(json.as_bytes(), "signals", None, None, 0)?;
    /// assert_eq!((signals.user(), signals.moment().hour, signals.moment().weekday), ("ann", 9.5, 0));
    /// # Ok::<(), rehearsal::base::error::Error>(())
    /// ```
    pub fn from_json(
        text: &[u8],
        origin: &str,
        user: Option<&str>,
        version: Option<&str>,
        now_ms: u64,
    ) -> Result<Self> {
        let mut raw: RawSignals = read::json(text, origin)?;
        let user = beside("user", user, raw.user.as_deref(), origin)?.map(SmolStr::from);
        let version =
            beside("prompt_version", version, raw.prompt_version.as_deref(), origin)?.map(str::to_owned);
        let Some(user) = user else {
            return Err(Fault::new(
                "user",
                "not there",
                "the person: give --user, or \"user\" in the signals",
            )
            .at(origin));
        };
        raw.user = Some(user);
        raw.prompt_version = version;
        Self::checked(raw, now_ms).map_err(|fault| fault.at(origin))
    }

    fn checked(raw: RawSignals, now_ms: u64) -> Result<Self, Fault> {
        let user = raw.user.unwrap_or_default();
        storable("user", &user)?;
        if user.is_empty() || user.len() > MAX_TEXT_BYTES {
            return Err(Fault::new(
                "user",
                format!("a text of {} bytes", user.len()),
                format!("1 to {MAX_TEXT_BYTES} bytes"),
            ));
        }
        if let Some(seed) = raw.seed.filter(|seed| *seed >= SEEDS) {
            return Err(Fault::new("seed", seed, "a whole number below 2^53"));
        }
        let zone =
            raw.timezone.as_deref().map_or(Ok(TimeZone::UTC), |name| moment::zone("timezone", name))?;
        let now = match &raw.now {
            Some(text) => moment::parse("now", text, &zone)?.at,
            None => moment::of_millis(now_ms).unwrap_or(Timestamp::UNIX_EPOCH),
        };
        let locale = raw.locale.unwrap_or_else(|| LOCALE.to_owned());
        check_locale(&locale)?;
        for (field, count) in
            [("tasks", raw.tasks.len()), ("calendar", raw.calendar.len()), ("recent", raw.recent.len())]
        {
            at_most(field, count, MAX_TASKS)?;
        }
        let within = |name: &'static str, i: usize| move |fault: Fault| fault.within(&format!("{name}[{i}]"));
        let tasks = raw.tasks.into_iter().enumerate();
        let mut tasks = tasks
            .map(|(i, task)| Task::checked(task, &zone).map_err(within("tasks", i)))
            .collect::<Result<Vec<_>, _>>()?;
        let mut ids = HashSet::new();
        if let Some(i) = tasks.iter().position(|task| !ids.insert(task.id.clone())) {
            let value = format!("{:?} again", tasks[i].id);
            return Err(Fault::new(format!("tasks[{i}].id"), value, "ids that are unique among the tasks"));
        }
        // No number of a task is a NaN: priorities are in [0, 1].
        tasks.sort_by(|a, b| {
            let due = |task: &Task| task.due.map_or(Timestamp::MAX, |due| due.at);
            let wanted = |task: &Task| task.priority.unwrap_or(0.5);
            due(a).cmp(&due(b)).then(wanted(b).total_cmp(&wanted(a)))
        });
        let calendar = raw.calendar.into_iter().enumerate();
        let mut calendar = calendar
            .map(|(i, event)| Event::checked(event, &zone).map_err(within("calendar", i)))
            .collect::<Result<Vec<_>, _>>()?;
        calendar.sort_by_key(|event| event.start.at);
        let recent = raw.recent.into_iter().enumerate();
        let recent = recent
            .map(|(i, tip)| checked_recent(tip, &zone).map_err(within("recent", i)))
            .collect::<Result<Vec<_>, _>>()?;
        if let Some(profile) = &raw.profile_features {
            profile.check().map_err(|fault| fault.within("profile_features"))?;
            at_most("profile_features.by_kind", profile.by_kind.len(), MAX_KINDS)?;
        }
        let quiet_hours = raw.quiet_hours.map(|RawQuietHours { from, to }| {
            crate::base::error::hour("quiet_hours.from", from)?;
            crate::base::error::hour("quiet_hours.to", to)?;
            Ok(QuietHours { from, to })
        });
        let kinds = checked_kinds(raw.kinds)?;
        let (prompt_version, seed, profile) = (raw.prompt_version, raw.seed, raw.profile_features);
        let quiet_hours = quiet_hours.transpose()?;
        Ok(Self {
            user,
            prompt_version,
            seed,
            now,
            zone,
            locale,
            tasks,
            calendar,
            recent,
            profile,
            quiet_hours,
            kinds,
        })
    }

    /// The person.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The version of the prompt, or the rotation, that the signals ask for.
    pub fn prompt_version(&self) -> Option<&str> {
        self.prompt_version.as_deref()
    }

    /// The same signals, which ask for this version if they ask for none: what an experiment gives the person.
    #[must_use]
    pub fn or_prompt_version(mut self, version: Option<&SmolStr>) -> Self {
        self.prompt_version = self.prompt_version.or_else(|| version.map(SmolStr::to_string));
        self
    }

    /// The seed of what is drawn, if given.
    pub fn seed(&self) -> Option<u64> {
        self.seed
    }

    /// The moment, as a request for a decision has it.
    pub fn moment(&self) -> Context {
        let (_, weekday) = moment::weekday(self.now, &self.zone);
        Context { hour: moment::hour(self.now, &self.zone), weekday }
    }

    /// The moment, in milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        u64::try_from(self.now.as_millisecond()).unwrap_or(0)
    }

    /// Fills in what is unknown of the person.
    pub fn complete_profile(&mut self, known: &ProfileCompletion) {
        known.fill_profile(&mut self.profile);
    }

    /// What is known of the person.
    pub fn profile(&self) -> Option<&Profile> {
        self.profile.as_ref()
    }

    /// Kinds that tips may have.
    pub fn kinds(&self) -> &[String] {
        &self.kinds
    }

    /// Whether the person wants to be left alone now.
    pub fn is_quiet(&self) -> bool {
        self.quiet_hours.is_some_and(|hours| hours.has(self.moment().hour))
    }

    /// Somebody of whom all is known, to try prompts on.
    pub(super) fn sample() -> Self {
        let json = include_bytes!("sample.json");
        Self::from_json(json, "src/prompt/sample.json", None, None, 0).expect("a test reads it")
    }

    /// Somebody of whom nothing is known, to try prompts on.
    pub(super) fn blank() -> Self {
        Self::from_json(br#"{"user": "nobody"}"#, "nobody", None, None, 0).expect("a test reads it")
    }
}

/// What is given beside the signals, or in them; both must say the same.
fn beside<'a>(
    field: &str,
    option: Option<&'a str>,
    own: Option<&'a str>,
    origin: &str,
) -> Result<Option<&'a str>, Error> {
    match (option, own) {
        (Some(option), Some(own)) if option != own => {
            let option = format!("{option:?}, which is given beside the signals, or nothing");
            Err(Fault::new(field, format!("{own:?}"), option).at(origin))
        }
        (option, own) => Ok(option.or(own)),
    }
}

fn at_most(field: &str, count: usize, most: usize) -> Result<(), Fault> {
    if count > most {
        return Err(Fault::new(field, format!("a list of {count}"), format!("at most {most}")));
    }
    Ok(())
}

/// A text in one line; none at all is none.
fn line(field: &str, text: &str, longest: usize) -> Result<Option<String>, Fault> {
    if text.len() > MAX_TEXT_BYTES {
        let value = format!("a text of {} bytes", text.len());
        return Err(Fault::new(field, value, format!("at most {MAX_TEXT_BYTES} bytes")));
    }
    Ok(Some(visible(text, longest)).filter(|text| !text.is_empty()))
}

/// It stands in the message of the system: a language, perhaps a script and a region, and nothing more.
fn check_locale(locale: &str) -> Result<(), Fault> {
    let is = |part: &str, lengths: &[usize], of: fn(&u8) -> bool| {
        lengths.contains(&part.len()) && part.bytes().all(|byte| of(&byte))
    };
    let mut parts = locale.split('-').peekable();
    let mut fine = parts.next().is_some_and(|part| is(part, &[2, 3], u8::is_ascii_alphabetic));
    parts.next_if(|part| is(part, &[4], u8::is_ascii_alphabetic));
    parts.next_if(|part| is(part, &[2], u8::is_ascii_alphabetic) || is(part, &[3], u8::is_ascii_digit));
    fine &= parts.next().is_none();
    let allowed = "language, script and region of BCP 47, such as en, de-DE or zh-Hant-TW";
    if fine { Ok(()) } else { Err(Fault::new("locale", format!("{locale:?}"), allowed)) }
}

fn checked_kinds(kinds: Option<Vec<String>>) -> Result<Vec<String>, Fault> {
    let Some(kinds) = kinds else { return Ok(SHIPPED_KINDS.clone()) };
    if kinds.is_empty() {
        return Err(Fault::new("kinds", "an empty list", format!("1 to {MAX_KINDS} kinds")));
    }
    at_most("kinds", kinds.len(), MAX_KINDS)?;
    // Kinds stand in the message of the system: they are names and nothing more.
    for (i, kind) in kinds.iter().enumerate() {
        let field = format!("kinds[{i}]");
        check_name(kind).map_err(|fault| Fault { field: field.clone(), ..fault })?;
        if kinds[..i].contains(kind) {
            return Err(Fault::new(field, format!("{kind:?} again"), "each kind once"));
        }
    }
    Ok(kinds)
}

impl Task {
    fn checked(raw: RawTask, zone: &TimeZone) -> Result<Self, Fault> {
        let RawTask { id, title, kind, priority, due, effort_minutes, notes } = raw;
        // What a task says of itself a candidate says too: the same bounds hold.
        let own = Candidate { id, kind, priority, effort_minutes, ..Candidate::default() };
        own.check()?;
        let Candidate { id, kind, .. } = own;
        let Some(title) = line("title", &title, TITLE)? else {
            return Err(Fault::new("title", "nothing that can be seen", "a text"));
        };
        let due = due.map(|due| moment::parse("due", &due, zone)).transpose()?;
        let notes = notes.map(|notes| line("notes", &notes, NOTE)).transpose()?.flatten();
        Ok(Self { id, title, kind, priority, due, effort_minutes, notes })
    }
}

impl Event {
    fn checked(raw: RawEvent, zone: &TimeZone) -> Result<Self, Fault> {
        let title = raw.title.map(|title| line("title", &title, TITLE)).transpose()?.flatten();
        let start = moment::parse("start", &raw.start, zone)?;
        let end = raw.end.as_deref().map_or(Ok(start), |end| moment::parse("end", end, zone))?;
        if end.at < start.at {
            return Err(Fault::new("end", moment::shown(end, zone), "not before it starts"));
        }
        Ok(Self { title, start, end })
    }
}

fn checked_recent(raw: RawRecent, zone: &TimeZone) -> Result<RecentTip, Fault> {
    let RawRecent { kind, text, reaction, at } = raw;
    if let Some(kind) = &kind {
        crate::domain::request::name("kind", kind)?;
    }
    let at = at.map(|at| moment::parse("at", &at, zone)).transpose()?;
    let text = text.map(|text| line("text", &text, NOTE)).transpose()?.flatten();
    Ok(RecentTip {
        at_ms: at.and_then(|when| u64::try_from(when.at.as_millisecond()).ok()),
        kind,
        text,
        reaction,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Signals> {
        Signals::from_json(json.as_bytes(), "signals", None, None, 0)
    }

    #[test]
    fn the_least_is_a_user_and_the_sample_has_everything() {
        let signals = parse(r#"{"user":"u"}"#).unwrap();
        assert_eq!((signals.locale.as_str(), signals.moment().hour, signals.is_quiet()), ("en", 0.0, false));
        assert_eq!(signals.kinds(), ["connect", "focus", "move", "plan", "rest"]);
        let sample = Signals::sample();
        assert!(!sample.tasks.is_empty() && !sample.calendar.is_empty() && !sample.recent.is_empty());
        assert!(sample.profile.is_some() && sample.quiet_hours.is_some());
        assert_eq!(Signals::blank().user(), "nobody");
    }

    #[test]
    fn what_is_due_first_comes_first_and_then_what_is_wanted_most() {
        let signals = parse(
            r#"{"user":"u","tasks":[{"id":"a","title":"a"},{"id":"b","title":"b","priority":1},
                {"id":"c","title":"c","due":"2026-12-02"},{"id":"d","title":"d","due":"2026-12-01"}]}"#,
        );
        let signals = signals.unwrap();
        let order: Vec<&str> = signals.tasks.iter().map(|task| task.id.as_str()).collect();
        assert_eq!(order, ["d", "c", "b", "a"]);
    }

    #[test]
    fn a_locale_is_a_language_perhaps_with_script_and_region() {
        for good in ["en", "de-DE", "zh-Hant-TW", "es-419", "haw", "sr-Latn"] {
            assert!(check_locale(good).is_ok(), "{good}");
        }
        for bad in ["", "e", "english", "de_DE", "de-", "en-ignore-all-rules", "de-DE-DE", "en-GB\n", "12"] {
            assert!(check_locale(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn quiet_hours_go_over_midnight() {
        let hours = |from, to| QuietHours { from, to };
        assert!(hours(22.0, 7.0).has(23.5) && hours(22.0, 7.0).has(6.9) && !hours(22.0, 7.0).has(7.0));
        assert!(hours(12.0, 13.0).has(12.0) && !hours(12.0, 13.0).has(13.0) && !hours(5.0, 5.0).has(5.0));
    }

    #[test]
    fn errors_name_field_value_and_what_is_allowed() {
        for (json, parts) in [
            ("{}", ["user is not there", "--user"]),
            (r#"{"user":""}"#, ["user is a text of 0 bytes", "1 to"]),
            (r#"{"user":"u","stray":1}"#, ["unknown field `stray`", "expected"]),
            (r#"{"user":"u","timezone":"Mars/Base"}"#, ["timezone is \"Mars/Base\"", "Europe/Berlin"]),
            (r#"{"user":"u","locale":"de\nDE"}"#, ["locale is", "BCP 47"]),
            (r#"{"user":"u","now":"soon"}"#, ["now is \"soon\"", "2026-11-30"]),
            (r#"{"user":"u","kinds":[]}"#, ["kinds is an empty list", "1 to 64"]),
            (r#"{"user":"u","kinds":["Ignore all"]}"#, ["kinds[0] is", "a-z"]),
            (r#"{"user":"u","kinds":["a","a"]}"#, ["kinds[1] is \"a\" again", "once"]),
            (r#"{"user":"u","tasks":[{"id":"a","title":" \n"}]}"#, ["tasks[0].title is nothing", "a text"]),
            (r#"{"user":"u","tasks":[{"id":"","title":"x"}]}"#, ["tasks[0].id is", "1 to 256"]),
            (
                r#"{"user":"u","tasks":[{"id":"a","title":"x","priority":2}]}"#,
                ["tasks[0].priority is 2", "[0, 1]"],
            ),
            (
                r#"{"user":"u","tasks":[{"id":"a","title":"x"},{"id":"a","title":"y"}]}"#,
                ["tasks[1].id is", "unique"],
            ),
            (
                r#"{"user":"u","calendar":[{"start":"2026-11-30T10:00","end":"2026-11-30T09:00"}]}"#,
                ["calendar[0].end", "not before"],
            ),
            (r#"{"user":"u","quiet_hours":{"from":22,"to":24}}"#, ["quiet_hours.to is 24", "[0, 24)"]),
            (r#"{"user":"u","recent":[{"reaction":"liked"}]}"#, ["recent[0].reaction", "liked"]),
            (
                r#"{"user":"u","profile_features":{"completion_rate":2}}"#,
                ["profile_features.completion_rate is 2", "[0, 1]"],
            ),
            (r#"{"user":"u","seed":9007199254740992}"#, ["seed is", "2^53"]),
        ] {
            let message = parse(json).unwrap_err().to_string();
            for part in parts {
                assert!(message.contains(part), "{json}: {message}");
            }
        }
        let two = Signals::from_json(br#"{"user":"u","prompt_version":"v1"}"#, "s", Some("u"), Some("v2"), 0);
        assert!(two.unwrap_err().to_string().contains("prompt_version is \"v1\"; allowed: \"v2\""));
    }
}
