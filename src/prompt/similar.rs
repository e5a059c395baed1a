//! Whether two tips say nearly the same: the Jaccard similarity of their sets of three letters in a row.

use std::collections::HashSet;

/// From this similarity on two tips are near-duplicates.
pub(super) const NEAR: f64 = 0.7;

/// A text as it is compared: its letters and digits in lower case, three in a row each, words apart by one space.
#[derive(Debug, Clone)]
pub(super) struct Shingles(HashSet<[char; 3]>);

impl Shingles {
    pub(super) fn of(text: &str) -> Self {
        let mut letters = vec![' '];
        for c in text.chars().flat_map(char::to_lowercase) {
            if c.is_alphanumeric() {
                letters.push(c);
            } else if letters.last() != Some(&' ') {
                letters.push(' ');
            }
        }
        if letters.last() != Some(&' ') {
            letters.push(' ');
        }
        Self(letters.windows(3).map(|three| [three[0], three[1], three[2]]).collect())
    }

    /// What they share of all that they have, in [0, 1]; 1 for two texts without any letter.
    pub(super) fn similarity(&self, other: &Self) -> f64 {
        let both = self.0.intersection(&other.0).count();
        let all = self.0.len() + other.0.len() - both;
        if all == 0 { 1.0 } else { both as f64 / all as f64 }
    }

    pub(super) fn is_near(&self, other: &Self) -> bool {
        self.similarity(other) >= NEAR
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn similarity(a: &str, b: &str) -> f64 {
        Shingles::of(a).similarity(&Shingles::of(b))
    }

    #[test]
    fn small_changes_are_near_and_other_tips_are_not() {
        assert_eq!(similarity("Walk around the block.", "walk around the BLOCK"), 1.0);
        assert!(similarity("Walk around the block once.", "Walk around the block twice.") >= NEAR);
        assert!(similarity("Walk around the block once.", "Write down three things.") < 0.2);
        assert!(similarity("Geh einmal um den Block.", "Schau aus dem Fenster.") < 0.2);
    }

    proptest! {
        #[test]
        fn it_is_symmetric_and_one_for_the_same(a in ".{0,40}", b in ".{0,40}") {
            prop_assert_eq!(similarity(&a, &b), similarity(&b, &a));
            prop_assert_eq!(similarity(&a, &a), 1.0);
            prop_assert!((0.0..=1.0).contains(&similarity(&a, &b)));
        }
    }
}
