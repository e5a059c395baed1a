//! Ids of decisions: UUIDs of version 7 (RFC 9562), which begin with the time in milliseconds. 74 of their bits nobody can
//! tell beforehand, so that no two ever meet, whichever processes make them.

use crate::base::error::Result;
use crate::policy::unpredictable;
use smol_str::SmolStr;
use uuid::{Builder, Uuid};

/// An id of this moment.
///
/// # Errors
/// The operating system has no randomness to give.
pub(super) fn decision_id(now_ms: u64) -> Result<Uuid> {
    let random = unpredictable::<10>()?;
    Ok(Builder::from_unix_timestamp_millis(now_ms, &random).into_uuid())
}

/// An id as text.
pub(super) fn text(id: Uuid) -> SmolStr {
    SmolStr::new(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
}
