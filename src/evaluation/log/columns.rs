//! The columns of a comma-separated log, or of Parquet.

use crate::base::error::{Error, Fault, Result, shortened};
use crate::domain::Domain;

/// The names of the columns that matter; the others are passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// The column of what was chosen.
    pub item: String,
    /// The column of the reward.
    pub reward: String,
    /// The column of the probability with which it was chosen.
    pub propensity: String,
    /// The column of the moment, as `2019-11-24 00:00:17`, in local time; may be absent unless it is named otherwise. [`NO_COLUMN`] leaves it
    /// unread.
    pub timestamp: String,
    /// The column of the user whose decision it was; it may be absent in the same way. Without it bounds take decisions as independent.
    pub user: String,
    /// The names of policies, each with the column of the probability with which it would have chosen what was chosen.
    pub probabilities: Vec<(String, String)>,
    /// Inputs of a domain, as `context.device` or `context:device`, with the columns that they are in.
    pub inputs: Vec<(String, String)>,
}

/// In place of the name of a column that may be absent: none, although one of the usual name is there.
pub const NO_COLUMN: &str = "none";
/// What is wrong with a first line that other programs would pass over.
pub(super) const COMMENT: &str = "a comment, and no header: remove the line";

/// What the name of a user must be that is how tables write that there is none: all such rows would be one person's.
pub(super) const MISSING_USER: &str = "which this is not, as tables write it where there is none: leave such rows out, or let \
                                       --columns user=none, in a gate `columns`, leave the column unread";
/// The same of an item.
pub(super) const MISSING_ITEM: &str = "which this is not, as tables write it where there is none: leave such rows out, or call \
                                       the item otherwise";

impl Default for Columns {
    fn default() -> Self {
        Self::plain()
    }
}

impl Columns {
    /// The columns of the Open Bandit Dataset.
    pub fn open_bandit() -> Self {
        Self::new("item_id", "click", "propensity_score")
    }

    /// The columns of a plain CSV unless named otherwise: `action`, `reward`, `propensity`.
    pub fn plain() -> Self {
        Self::new("action", "reward", "propensity")
    }

    /// Refuses columns of inputs where nobody asks for a domain's.
    ///
    /// # Errors
    /// The first of them.
    pub(super) fn check_inputs(&self, domain: Option<&Domain>) -> Result<()> {
        let Some((role, _)) = self.inputs.first().filter(|_| domain.is_none()) else { return Ok(()) };
        let allowed = "an input only where a policy looks at a domain's inputs, or --domain names one";
        Err(Fault::new("--columns", role, allowed).at("command line"))
    }

    fn new(item: &str, reward: &str, propensity: &str) -> Self {
        let [item, reward, propensity, timestamp, user] =
            [item, reward, propensity, "timestamp", "user"].map(str::to_owned);
        Self { item, reward, propensity, timestamp, user, probabilities: Vec::new(), inputs: Vec::new() }
    }
}

/// Whether a first line is a header whose columns have the usual names, with bars between them.
pub(super) fn is_header_with_bars(line: &str) -> bool {
    let has = |name: &str| line.split('|').any(|cell| cell.trim().trim_matches('"').trim() == name);
    [Columns::plain(), Columns::open_bandit()]
        .iter()
        .any(|names| [&names.item, &names.reward, &names.propensity].into_iter().all(|name| has(name)))
}

/// What to do where columns are called otherwise.
pub(super) const NAME_COLUMNS: &str =
    "--columns action=NAME,reward=NAME,propensity=NAME, in a gate `columns`, says what they are called";

/// What to do where a column that may be absent, of the moment or of the user, cannot be read.
pub(super) fn leave_unread(role: &str) -> String {
    format!("--columns {role}={NO_COLUMN}, in a gate `columns`, leaves the column unread")
}

/// The column of this name, if there is one.
///
/// # Errors
/// The second column of this name: nobody could tell which of them is meant.
pub(super) fn find_column(header: &[String], name: &str) -> Result<Option<usize>, (usize, Fault)> {
    let mut places = (0..header.len()).filter(|i| header[*i] == name);
    let first = places.next();
    let again = || Fault::new("the header", format!("{name:?} again"), "each column once");
    places.next().map_or(Ok(first), |second| Err((second, again())))
}

/// That there is no column of this name, with those that there are.
pub(super) fn no_column(header: &[String], name: &str) -> Error {
    Error::unknown("column", name, header.iter().take(NAMED).map(|name| shortened(name.clone())))
}

/// Columns that a message names, at most.
const NAMED: usize = 12;

/// What to say of columns of a log that nothing reads, if there are any.
pub(super) fn unread_remark(origin: &str, unread: &[String], names: &Columns) -> Option<String> {
    let some = unread.iter().take(NAMED).map(|name| format!("{name:?}")).collect::<Vec<_>>();
    let columns = match unread.len() {
        0 => return None,
        1 => "1 column was passed over".to_owned(),
        all => format!("{all} columns were passed over"),
    };
    let such_as = if some.len() < unread.len() { "such as" } else { "namely" };
    let Columns { item, reward, propensity, timestamp, user, .. } = names;
    let where_there: Vec<&str> =
        [timestamp, user].into_iter().map(String::as_str).filter(|name| *name != "none").collect();
    let where_there = match where_there.as_slice() {
        [] => String::new(),
        [one] => format!(", and {one} where it is there"),
        both => format!(", and {} where they are there", both.join(" and ")),
    };
    Some(format!(
        "{origin}: {columns}, {such_as} {}; read are {item}, {reward} and {propensity}{where_there}; a domain (--domain) \
         and a policy's feature set make inputs of others",
        some.join(", ")
    ))
}

/// What to say of a column that is read as the reward, if its name is that of what is better if there is less of it.
pub(super) fn cost_remark(origin: &str, names: &Columns) -> Option<String> {
    let name = names.reward.to_lowercase();
    let is_cost = name.split(|c: char| !c.is_alphanumeric()).any(|word| COSTS.contains(&word));
    is_cost.then(|| {
        format!(
            "{origin}: column {:?} is read as the reward, of which more is better; if less of it is, write it with the \
             other sign",
            names.reward
        )
    })
}

/// Words for what is better if there is less of it.
const COSTS: [&str; 8] = ["cost", "costs", "loss", "losses", "regret", "penalty", "error", "churn"];

/// What to say of so many time stamps that are dates.
pub(super) fn days_note(origin: &str, days: u64) -> Option<String> {
    let note = || {
        format!("{origin}: {days} time stamps are dates, of which nobody knows the hour: no moment is known")
    };
    (days > 0).then(note)
}
