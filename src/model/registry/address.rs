//! What names a version: `registry:NAME@ALIAS` or `registry:NAME@VERSION`.

use crate::base::error::{Fault, Result};
use crate::domain::labels::label;

/// Begins the name of a policy that is in the registry.
const PREFIX: &str = "registry:";
/// Longest alias or name, in bytes, that is no label already.
const ALLOWED: &str = "NAME@ALIAS or NAME@VERSION";

/// Which version is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionChoice {
    /// The one with this alias.
    Alias(String),
    /// The one with this number.
    Version(u64),
}

/// A name and which of its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelAddress {
    /// The name.
    pub name: String,
    /// The version.
    pub wanted: VersionChoice,
}

impl ModelAddress {
    /// The address in the name of a policy; `None` for names of other policies.
    ///
    /// # Errors
    /// A name or an alias that is none.
    pub fn of_policy(text: &str) -> Option<Result<Self, Fault>> {
        text.strip_prefix(PREFIX).map(|address| Self::parse("--policy", address))
    }

    /// The address in `NAME@ALIAS` or `NAME@VERSION`.
    ///
    /// # Errors
    /// A text that is neither.
    pub fn parse(field: &str, text: &str) -> Result<Self, Fault> {
        let fault = || Fault::new(field, format!("{text:?}"), ALLOWED);
        let (name, wanted) = text.split_once('@').ok_or_else(fault)?;
        label("name", name)?;
        let wanted = match wanted.parse() {
            Ok(version) => VersionChoice::Version(version),
            Err(_) => VersionChoice::Alias(alias(wanted)?.to_owned()),
        };
        Ok(Self { name: name.to_owned(), wanted })
    }
}

/// An alias: a label that could not be taken for a version.
///
/// # Errors
/// Any other text; `latest`, `7` and `v7`, which mean versions.
pub fn alias(text: &str) -> Result<&str, Fault> {
    let digits = text.strip_prefix(['v', 'V']).unwrap_or(text);
    if text == "latest" || !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        let allowed = "a name that does not look like a version, as latest, 7 and v7 do";
        return Err(Fault::new("alias", format!("{text:?}"), allowed));
    }
    label("alias", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_a_number_or_an_alias() {
        let of = |text: &str| ModelAddress::of_policy(text).map(|address| address.map_err(|f| f.to_string()));
        assert_eq!(of("egreedy-v2"), None);
        let tips = |wanted| Some(Ok(ModelAddress { name: "tips".to_owned(), wanted }));
        assert_eq!(of("registry:tips@champion"), tips(VersionChoice::Alias("champion".to_owned())));
        assert_eq!(of("registry:tips@12"), tips(VersionChoice::Version(12)));
        for bad in
            ["tips", "tips@", "tips@v1", "tips@latest", "../tips@champion", "a/b@1", "@champion", "tips@a b"]
        {
            assert!(of(&format!("registry:{bad}")).unwrap().is_err(), "{bad}");
        }
    }
}
