//! What somebody else knows of a user, to fill in what a request does not say of the profile.

use super::input::KeptValue;
use super::profile::{Profile, ProfileValues};
use smol_str::SmolStr;

/// Values of the profile in the order in which the domain declares its inputs; what is not known either is unknown here too.
///
/// What a request says itself always holds: where it says a value of the user, the values of kinds stay as it has them too.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProfileCompletion {
    /// The user's own values.
    pub user: Vec<KeptValue>,
    /// Values by kind of candidate.
    pub by_kind: Vec<(SmolStr, Vec<KeptValue>)>,
}

impl ProfileCompletion {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        let all = self.by_kind.iter().map(|(_, values)| values).chain([&self.user]);
        all.flatten().all(|value| *value == KeptValue::Unknown)
    }

    /// Fills in what a profile of tips lacks; how many values that was.
    pub fn fill_profile(&self, profile: &mut Option<Profile>) -> usize {
        let (is_stated, mut own) = (profile.is_some(), profile.take().unwrap_or_default());
        let by_kind = &mut own.by_kind;
        let number = |value: &KeptValue| match value {
            KeptValue::Number(x) => Some(*x),
            KeptValue::Unknown | KeptValue::Text(_) => None,
        };
        let filled = self.fill(&mut own.user.0[..], Option::is_none, number, |kind, fill| {
            let place = by_kind.iter().position(|(own, _)| own.as_str() == kind.as_str());
            let place = place.unwrap_or_else(|| {
                by_kind.push((kind.to_string(), ProfileValues::default()));
                by_kind.len() - 1
            });
            fill(&mut by_kind[place].1.0[..])
        });
        *profile = (is_stated || filled > 0).then_some(own);
        filled
    }

    /// Fills in values that are unknown: of the user those of `own`, and of each kind, whose values `of_kind` hands to what it is
    /// given, those that are not stated of the user; how many it was.
    pub(super) fn fill<T>(
        &self,
        own: &mut [T],
        is_unknown: impl Fn(&T) -> bool,
        make: impl Fn(&KeptValue) -> T,
        mut of_kind: impl FnMut(&SmolStr, &dyn Fn(&mut [T]) -> usize) -> usize,
    ) -> usize {
        let open: Vec<bool> = own.iter().map(&is_unknown).collect();
        let fill = |own: &mut [T], values: &[KeptValue]| {
            let mut filled = 0;
            for ((own, value), is_open) in own.iter_mut().zip(values).zip(&open) {
                if *is_open && is_unknown(own) && *value != KeptValue::Unknown {
                    *own = make(value);
                    filled += 1;
                }
            }
            filled
        };
        let mut filled = fill(own, &self.user);
        for (kind, values) in &self.by_kind {
            if values.iter().zip(&open).any(|(value, is_open)| *is_open && *value != KeptValue::Unknown) {
                filled += of_kind(kind, &|own| fill(own, values));
            }
        }
        filled
    }
}
