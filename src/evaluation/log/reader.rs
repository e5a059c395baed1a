//! What reads a log, whatever its format.

use super::vocabulary::LogVocabulary;
use crate::base::error::Result;
use crate::domain::Domain;
use crate::evaluation::row::Row;

/// Reads logged decisions, one after the other.
///
/// ```
/// use rehearsal::base::error::Result;
/// use rehearsal::evaluation::log::{LogReader, LogVocabulary};
/// use rehearsal::evaluation::Row;
///
/// /// Two decisions between `a` and `b`, of which the first was rewarded.
/// struct TwoDecisions(u32);
///
/// impl LogReader for TwoDecisions {
///     fn next(&mut self, row: &mut Row, names: &mut LogVocabulary) -> Result<bool> {
///         let [a, b] = ["a", "b"].map(|item| names.items.number(item.as_bytes()));
///         self.0 += 1;
///         row.chosen = if self.0 == 1 { a } else { b };
///         row.propensity = Some(0.5);
///         row.reward = if self.0 == 1 { 1.0 } else { 0.0 };
///         Ok(self.0 <= 2)
///     }
///
///     fn origin(&self) -> &str {
///         "two decisions"
///     }
/// }
///
/// let (mut row, mut names, mut log) = (Row::default(), LogVocabulary::default(), TwoDecisions(0));
/// assert!(log.next(&mut row, &mut names)? && row.reward == 1.0);
/// assert!(log.next(&mut row, &mut names)? && !log.next(&mut row, &mut names)?);
/// # Ok::<(), rehearsal::base::error::Error>(())
/// ```
pub trait LogReader {
    /// Reads the next decision into `row`, numbering what it names; false at the end of the log.
    ///
    /// # Errors
    /// A line that is not as the format wants it, with file, line and column.
    fn next(&mut self, row: &mut Row, names: &mut LogVocabulary) -> Result<bool>;

    /// What errors call the log.
    fn origin(&self) -> &str;

    /// Asks for the inputs of a domain, before the first decision is read: they go into [`Row::inputs`]. Whoever has none to
    /// give ignores it.
    fn want_inputs(&mut self, domain: &'static Domain) {
        let _ = domain;
    }

    /// Where the decision ends that was read last: file and line.
    fn place(&self) -> String {
        self.origin().to_owned()
    }

    /// What deserves attention once the log is read, such as decisions without a reward.
    fn remarks(&self) -> Vec<String> {
        Vec::new()
    }

    /// What is good to know once the log is read.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Keys of the decisions that were read, here and in logs before, sorted; none where decisions have no ids. They
    /// are handed over once.
    fn take_keys(&mut self) -> Vec<[u64; 2]> {
        Vec::new()
    }
}
