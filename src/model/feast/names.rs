//! What a domain's profile features are called in Feast.

use crate::domain::Domain;

/// The entity that a user is.
pub(super) const USER: &str = "user";
/// The entity that a kind of candidate is.
pub(super) const KIND: &str = "kind";

/// The view of a domain's profile features.
pub(super) fn view(domain: &Domain) -> String {
    format!("{}_profile", domain.name().replace('-', "_"))
}
