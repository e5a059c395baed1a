//! Moving an alias, and what was in charge when.

use super::address::{ModelAddress, VersionChoice, alias as checked_alias};
use super::contract::{ModelRegistry, ModelVersion, Promotion};
use super::refusal::RegistryRefusal;
use crate::base::error::{Error, Result};

/// The version that an address names now.
///
/// # Errors
/// A name, an alias or a version that is not there.
pub fn resolve(registry: &dyn ModelRegistry, address: &ModelAddress) -> Result<u64> {
    let (name, versions) = (&address.name, registry.versions(&address.name)?);
    if versions.is_empty() {
        let (place, name) = (registry.place(), name.clone());
        return Err(Error::because(RegistryRefusal::NoModel { place, name }));
    }
    let aliases = registry.aliases(name)?;
    let found = match &address.wanted {
        VersionChoice::Alias(alias) => aliases.get(alias).copied(),
        VersionChoice::Version(version) => versions.iter().any(|v| v.version == *version).then_some(*version),
    };
    found.ok_or_else(|| {
        let wanted = match &address.wanted {
            VersionChoice::Alias(alias) => format!("alias {alias:?}"),
            VersionChoice::Version(version) => format!("version {version}"),
        };
        let numbers = versions.iter().map(|v| v.version.to_string());
        let known: Vec<String> = aliases.keys().cloned().chain(numbers).collect();
        let (place, name, known) = (registry.place(), name.clone(), known.join(", "));
        Error::because(RegistryRefusal::NoVersion { place, name, wanted, known })
    })
}

/// Every move of an alias, the latest first: from the version that has it, back by what each of its tags says.
pub fn history(versions: &[ModelVersion], alias: &str, now: Option<u64>) -> Vec<Promotion> {
    let (mut moves, mut at, mut below) = (Vec::new(), now, u64::MAX);
    while let Some(version) = at {
        let found = versions.iter().find(|v| v.version == version);
        let promotion = found.and_then(|v| v.promotions(alias).into_iter().find(|p| p.number < below));
        let Some(promotion) = promotion else { break };
        (at, below) = (promotion.from, promotion.number);
        moves.push(promotion);
    }
    moves
}

/// Moves an alias of a name to a version, if it is still where it was expected.
///
/// # Errors
/// An alias that is elsewhere, or could be taken for a version; a version that is not there.
pub fn move_alias(
    registry: &dyn ModelRegistry,
    (name, alias): (&str, &str),
    expected: Option<u64>,
    to: u64,
    (at, verdict): (u64, Option<String>),
) -> Result<Promotion> {
    checked_alias(alias).map_err(|fault| fault.at("command line"))?;
    resolve(registry, &ModelAddress { name: name.to_owned(), wanted: VersionChoice::Version(to) })?;
    let versions = registry.versions(name)?;
    let number = 1 + history(&versions, alias, expected).first().map_or(0, |latest| latest.number);
    let promotion = Promotion { number, version: to, from: expected, at, verdict };
    registry.move_alias(name, alias, &promotion)?;
    Ok(promotion)
}

/// The refusal of an alias that is elsewhere.
pub(super) fn moved(name: &str, alias: &str, found: Option<u64>, expected: Option<u64>) -> Error {
    let shown = |version: Option<u64>| version.map_or_else(|| "unset".to_owned(), |v| format!("version {v}"));
    let (found, expected) = (shown(found), shown(expected));
    Error::because(RegistryRefusal::Moved { alias: alias.to_owned(), name: name.to_owned(), found, expected })
}
