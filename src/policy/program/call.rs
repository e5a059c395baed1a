//! What a program is asked.

use std::fmt;

/// A call, as errors name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WhichCall<'a> {
    /// Whose it is.
    pub user: &'a str,
    /// Its number among those that were asked together, or of the user's decision: from 1.
    pub number: u64,
}

impl fmt::Display for WhichCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of user {:?}", self.number, self.user)
    }
}

/// A decision to be made.
#[derive(Debug, Clone, Copy)]
pub struct DecideCall<'a> {
    /// What errors call it.
    pub which: WhichCall<'a>,
    /// What is known of the user, as JSON; nothing yet if there is none.
    pub state: Option<&'a str>,
    /// The request, as JSON.
    pub request: &'a str,
    /// The number of its candidates.
    pub candidates: usize,
}

/// A reward to be learned.
#[derive(Debug, Clone, Copy)]
pub struct LearnCall<'a> {
    /// What errors call it.
    pub which: WhichCall<'a>,
    /// What is known of the user, as JSON; nothing yet if there is none.
    pub state: Option<&'a str>,
    /// What was shown, as a request that offers nothing else, as JSON.
    pub request: &'a str,
    /// Id of the candidate that was shown.
    pub chosen: &'a str,
    /// What it earned.
    pub reward: f64,
}
