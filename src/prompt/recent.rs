//! Earlier tips of a person and what became of them, from the store.

use crate::base::error::Result;
use crate::domain::reaction::Reaction;
use crate::domain::request::Candidate;
use crate::store::{Change, Store, read};
use serde::Deserialize;
use smol_str::SmolStr;

/// So many earlier tips are looked at, the latest ones.
pub const RECENT_TIPS: usize = 20;
/// Tips that are older are none of today's business, in milliseconds.
const OLDEST_MS: u64 = 30 * 24 * 3_600 * 1_000;

/// A tip that somebody was shown, and what they did with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentTip {
    /// When that was, in milliseconds since 1970.
    pub at_ms: Option<u64>,
    /// Its kind.
    pub kind: Option<SmolStr>,
    /// Its words, if they were kept.
    pub text: Option<String>,
    /// What the person did, if a reaction was reported.
    pub reaction: Option<Reaction>,
}

/// What is looked at of a decision's request.
#[derive(Deserialize)]
struct Requested {
    candidates: Vec<Candidate>,
}

/// The latest tips of a user that became something, the latest first: those of the 30 days before `now_ms`.
///
/// # Errors
/// A store that cannot be read.
pub fn recent_tips(store: &dyn Store, user: &str, now_ms: u64) -> Result<Vec<RecentTip>> {
    read(store, |snapshot| {
        let mut latest = Vec::new();
        for state in snapshot.states_of(user)? {
            latest.extend(snapshot.latest_rewards(state.id, RECENT_TIPS)?);
        }
        latest.retain(|record| record.at + OLDEST_MS >= now_ms && record.at <= now_ms);
        latest.sort_by_key(|record| std::cmp::Reverse((record.at, record.number)));
        latest.truncate(RECENT_TIPS);
        let mut tips = Vec::with_capacity(latest.len());
        for record in latest {
            let Change::Reward { event, answers_decision, reaction, shown, .. } = record.change else {
                continue;
            };
            // The words are with the decision.
            let decision = match event.filter(|_| answers_decision) {
                Some(id) => snapshot.decisions(&[&id])?.remove(0),
                None => None,
            };
            let candidate = decision.and_then(|decision| {
                let request: Requested = serde_json::from_str(&decision.request).ok()?;
                request.candidates.into_iter().find(|candidate| candidate.id == decision.chosen)
            });
            let candidate =
                candidate.or_else(|| serde_json::from_str::<Requested>(&shown).ok()?.candidates.pop());
            let (kind, text) = candidate.map_or((None, None), |candidate| (candidate.kind, candidate.text));
            // Outcomes of other domains are none of these.
            let reaction = reaction.and_then(|name| Reaction::from_name(&name).ok());
            tips.push(RecentTip { at_ms: Some(record.at), kind, text: text.map(String::from), reaction });
        }
        Ok(tips)
    })
}
