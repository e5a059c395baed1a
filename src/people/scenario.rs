//! Scenarios: the conditions under which simulated people live, parsed and checked.

use crate::base::clean::clean_line;
use crate::base::error::{Error, Fault, Result, within};
use crate::base::{read, shipped};
use crate::people::persona::{Persona, check_name};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Most decisions of a person under a policy.
pub(crate) const MAX_STEPS: u32 = 1_000_000;

/// The file in `scenarios/`, without `.toml`, that is no scenario but the default gate.
pub(crate) const GATE: &str = "gate";

/// A scenario file, unchecked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawScenario {
    /// The file's name without `.toml`.
    pub name: String,
    /// What it asks, in a line.
    pub description: String,
    /// Decisions per person and policy.
    pub steps: u32,
    /// Share of each persona; the personas' own weights when absent. A persona that is not named is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub population: Option<BTreeMap<String, f64>>,
    /// When decisions are made.
    #[serde(default)]
    pub moments: MomentConditions,
    /// What there is to choose from.
    #[serde(default)]
    pub candidates: CandidateConditions,
    /// Where profile features come from and how they arrive.
    #[serde(default)]
    pub profile: ProfileConditions,
    /// What happened before the policies start.
    #[serde(default)]
    pub history: HistoryConditions,
    /// Whether tastes change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<TasteChange>,
    /// How rewards reach the policies.
    #[serde(default)]
    pub rewards: RewardConditions,
    /// Traits that set users apart, for criteria by segment.
    #[serde(default)]
    pub traits: TraitShares,
    /// What people respond to besides the features that policies see.
    #[serde(default, skip_serializing_if = "Bends::is_none")]
    pub bends: Bends,
    /// Whether people leave for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaving: Option<Leaving>,
}

/// What no linear model of the features can say. Logits, added to u; 0 changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bends {
    /// A threshold: added for a priority of at least 0.75, and a third of it subtracted below.
    pub threshold: f64,
    /// An interaction: added for an effort of at least 30 minutes before 18:00, subtracted after.
    pub interaction: f64,
    /// Whether an hour suits within two hours or so of the preferred one, and not in proportion to the cosine.
    pub narrow_hours: bool,
}

impl Bends {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// When people leave for good: each tip that annoys wearies, each that is completed makes up for some of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaving {
    /// Weariness at which a person leaves, on average, in (0, 1e6]: a dismissed tip adds 1, an ignored one 0.25, a completed
    /// one takes 0.5 away. Each person has between half and one and a half times as much patience. Whoever has left ignores
    /// what would have been shown, so that figures are per decision of a whole life.
    pub patience: f64,
}

/// Shares in [0, 1] of users with a trait; the traits are independent of each other.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TraitShares {
    /// Users without a history: they start new, the others established.
    pub new: f64,
    /// Users whose profile never arrives.
    pub no_profile: f64,
    /// Users who decide on Saturdays and Sundays only; where there are any, the others decide from Monday
    /// to Friday.
    pub weekend: f64,
}

/// When decisions are made: evenly through the waking day, or once every so many days.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MomentConditions {
    /// Decisions on a day that has any, 1 to 48.
    pub per_day: u32,
    /// Days from one day with decisions to the next, 1 to 365.
    pub every_days: u32,
}

impl Default for MomentConditions {
    fn default() -> Self {
        Self { per_day: 4, every_days: 1 }
    }
}

/// What there is to choose from at each decision.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CandidateConditions {
    /// CandidateConditions per decision, 1 to 1,000.
    pub count: u32,
    /// Share in [0, 1] that have a due date.
    pub due_share: f64,
    /// Share in [0, 1] that are meant for an hour of their own.
    pub hour_share: f64,
}

impl Default for CandidateConditions {
    fn default() -> Self {
        Self { count: 10, due_share: 0.6, hour_share: 0.5 }
    }
}

/// Where profile features come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProfileSource {
    /// They are computed from the person's own simulated past under the policy.
    #[default]
    Emergent,
    /// They are declared by the persona, with the person's own noise.
    Synthetic,
}

/// How profile features arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProfileServing {
    /// They arrive as they are, with values by kind.
    #[default]
    Full,
    /// The user's own values arrive, without those by kind.
    UserLevel,
    /// They do not arrive at all.
    Missing,
    /// They mislead: each kind gets the values of the next one, as when a join uses the wrong key.
    WrongKind,
}

/// Where profile features come from and how they arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProfileConditions {
    /// Where they come from.
    pub source: ProfileSource,
    /// How they arrive.
    pub serving: ProfileServing,
}

/// Decisions made at random before the policies start: what an established person has behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HistoryConditions {
    /// How many decisions there were, 0 for new people; an emergent profile is computed from them.
    pub steps: u32,
    /// Whether the policies learn from them before they start (a warm start).
    pub learn: bool,
}

impl Default for HistoryConditions {
    fn default() -> Self {
        Self { steps: 50, learn: false }
    }
}

/// How tastes change: those for each kind move towards those for the next kind.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TasteChange {
    /// Little by little or at once.
    pub kind: ChangeKind,
    /// Where in the horizon it begins, in [0, 1); a drift ends with the horizon.
    #[serde(default)]
    pub at: f64,
}

/// Whether a change comes little by little.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// The change comes in even steps to the end of the horizon.
    Drift,
    /// The change comes from one decision to the next.
    Sudden,
}

/// How rewards reach the policies. The metrics always count what really happened.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RewardConditions {
    /// Decisions made before a reward arrives, 0 to 1,000.
    pub delay: u32,
    /// Share in [0, 1] of rewards that never arrive.
    pub lost: f64,
}

/// A checked scenario.
///
/// ```
/// use rehearsal::people::scenario::Scenario;
///
/// let text = "name = \"commute\"\ndescription = \"Two tips on the way\"\nsteps = 40\n[moments]\nper_day = 2\n";
/// let scenario = Scenario::from_toml(text, "commute.toml")?;
/// assert_eq!(scenario.raw().candidates.count, 10);
/// assert_eq!(scenario.with_steps(0).unwrap_err().field, "steps");
/// # Ok::<(), rehearsal::base::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    raw: RawScenario,
}

impl Scenario {
    /// Parses and checks a scenario, which errors call `origin`.
    ///
    /// # Errors
    /// Text that is not TOML, unknown or missing fields, values out of range.
    pub fn from_toml(text: &str, origin: &str) -> Result<Self> {
        read::checked_toml(text, origin, |raw: RawScenario| Self::try_from(raw))
    }

    /// Names of the built-in scenarios, in order.
    pub fn names() -> impl Iterator<Item = &'static str> {
        shipped::SCENARIOS.iter().map(|(stem, _)| *stem).filter(|stem| *stem != GATE)
    }

    /// A built-in scenario by name, or one from a file if `name` ends in `.toml` or has a '/'.
    ///
    /// # Errors
    /// An unknown name (with the nearest one); a file that cannot be read or is not allowed.
    pub fn load(name: &str) -> Result<Self> {
        if read::is_path(name) {
            return Self::from_toml(&read::text(Path::new(name))?, name);
        }
        match shipped::text(shipped::SCENARIOS, name) {
            Some(text) if name != GATE => Self::from_toml(text, &format!("scenarios/{name}.toml")),
            _ => Err(Error::unknown("scenario", name, Self::names().chain([read::OR_A_FILE]))),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.raw.name
    }

    /// The checked values.
    pub fn raw(&self) -> &RawScenario {
        &self.raw
    }

    /// The same scenario over another number of decisions.
    ///
    /// # Errors
    /// A number out of range.
    pub fn with_steps(&self, steps: u32) -> Result<Self, Fault> {
        Self::try_from(RawScenario { steps, ..self.raw.clone() })
    }

    /// The personas of this scenario's population with their shares, which sum to 1.
    ///
    /// # Errors
    /// A population that names a persona that is not there.
    pub fn population<'a>(&self, personas: &'a [Persona]) -> Result<Vec<(&'a Persona, f64)>> {
        let mut chosen: Vec<(&Persona, f64)> = match &self.raw.population {
            None => personas.iter().map(|p| (p, p.raw().weight)).collect(),
            Some(shares) => shares
                .iter()
                .map(|(name, share)| {
                    let persona = personas.iter().find(|p| p.name() == name);
                    let known = || personas.iter().map(Persona::name);
                    let unknown = || {
                        Error::named_by(format!("scenario {}: population", self.name()))(Error::unknown(
                            "persona",
                            name,
                            known(),
                        ))
                    };
                    Ok((persona.ok_or_else(unknown)?, *share))
                })
                .collect::<Result<_>>()?,
        };
        chosen.retain(|(_, share)| *share > 0.0);
        let total: f64 = chosen.iter().map(|(_, share)| share).sum();
        chosen.iter_mut().for_each(|(_, share)| *share /= total);
        Ok(chosen)
    }
}

impl TryFrom<RawScenario> for Scenario {
    type Error = Fault;

    fn try_from(mut raw: RawScenario) -> Result<Self, Fault> {
        check_name(&raw.name)?;
        raw.description = clean_line(&raw.description);
        let count = |field: &str, value: u32, low: u32, high: u32| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(Fault::new(field, value, format!("a whole number from {low} to {high}")))
            }
        };
        count("steps", raw.steps, 1, MAX_STEPS)?;
        count("moments.per_day", raw.moments.per_day, 1, 48)?;
        count("moments.every_days", raw.moments.every_days, 1, 365)?;
        count("candidates.count", raw.candidates.count, 1, 1_000)?;
        count("history.steps", raw.history.steps, 0, 100_000)?;
        count("rewards.delay", raw.rewards.delay, 0, 1_000)?;
        within("candidates.due_share", raw.candidates.due_share, 0.0, 1.0)?;
        within("candidates.hour_share", raw.candidates.hour_share, 0.0, 1.0)?;
        within("rewards.lost", raw.rewards.lost, 0.0, 1.0)?;
        within("bends.threshold", raw.bends.threshold, -10.0, 10.0)?;
        within("bends.interaction", raw.bends.interaction, -10.0, 10.0)?;
        if let Some(Leaving { patience }) = raw.leaving {
            within("leaving.patience", patience, 1e-6, 1e6)?;
        }
        within("traits.new", raw.traits.new, 0.0, 1.0)?;
        within("traits.no_profile", raw.traits.no_profile, 0.0, 1.0)?;
        within("traits.weekend", raw.traits.weekend, 0.0, 1.0)?;
        if raw.traits.weekend > 0.0 && raw.moments.every_days > 1 {
            let allowed = "0 where moments.every_days is above 1";
            return Err(Fault::new("traits.weekend", raw.traits.weekend, allowed));
        }
        if let Some(TasteChange { at, .. }) = raw.change
            && !(0.0..1.0).contains(&at)
        {
            return Err(Fault::new("change.at", at, "a number in [0, 1)"));
        }
        if let Some(shares) = &raw.population {
            for (name, share) in shares {
                within(&format!("population.{name}"), *share, 0.0, 1e6)?;
            }
            if shares.values().all(|share| *share == 0.0) {
                return Err(Fault::new("population", "without anybody in it", "at least one share above 0"));
            }
        }
        Ok(Self { raw })
    }
}
