//! What a log names: items, kinds and users, as numbers.

use crate::domain::{Domain, InputValue};
use crate::evaluation::cluster::cluster_of;
use crate::evaluation::interner::Interner;
use crate::evaluation::row::Row;
use sha2::{Digest, Sha256};

/// What a log names.
#[derive(Debug, Clone, Default)]
pub struct LogVocabulary {
    /// The items: what can be chosen.
    pub items: Interner,
    /// The kinds of items.
    pub kinds: Interner,
    /// The users; none where [`Self::forgets_users`].
    pub users: Interner,
    /// Whether no policy under test learns of each user apart, so that it is enough to know whose decisions
    /// belong together.
    pub forgets_users: bool,
    /// Whether a policy under test is shown requests as they are: a program.
    pub keeps_requests: bool,
    /// Actions without a tag that are told apart, so far.
    untagged: usize,
    /// Of each item so far whether it is known by what it says of itself, and not by a tag.
    is_untagged: Vec<bool>,
    /// The domain whose inputs rows hold, where they do.
    pub(crate) domain: Option<&'static Domain>,
    /// The texts of categories.
    levels: Interner,
    /// What items are where a log lists no candidates: so many inputs for each, as the first row that says each of them does.
    items_were: Vec<Option<Box<[f64]>>>,
    /// Rows in which an item was something else than at first.
    pub(super) varied: u64,
}

/// Texts of categories that are told apart, at most, so that memory is flat in them; the others are taken as one.
const MAX_LEVELS: usize = 1 << 18;

/// Actions without a tag that are told apart, at most, so that memory is flat in their texts.
const MAX_UNTAGGED: usize = 1 << 16;
/// The longest text by which such an action is known; longer ones are by their digest.
const MAX_TEXT: usize = 256;

impl LogVocabulary {
    /// The same with what a policy needs of it that looks at inputs, and no more.
    pub(crate) fn of_inputs(&self) -> Self {
        Self {
            items: self.items.clone(),
            domain: self.domain,
            levels: self.levels.clone(),
            items_were: self.items_were.clone(),
            ..Self::default()
        }
    }

    /// A value as a number: NaN if it is unknown, of a category the number of its text.
    pub(crate) fn code(&mut self, value: InputValue) -> f64 {
        match value {
            InputValue::Unknown => f64::NAN,
            InputValue::Number(x) => x,
            InputValue::Text(text) => match self.levels.find(text.as_bytes()) {
                Some(number) => f64::from(number),
                None if self.levels.len() < MAX_LEVELS => f64::from(self.levels.number(text.as_bytes())),
                None => f64::from(MAX_LEVELS as u32),
            },
        }
    }

    /// The category of this number.
    pub(crate) fn level(&self, code: f64) -> InputValue<'_> {
        let number = code as u32;
        if (number as usize) < self.levels.len() {
            return InputValue::text(std::str::from_utf8(self.levels.bytes(number)).ok());
        }
        InputValue::Text("(other texts)")
    }

    /// Keeps what an item is: of each of its inputs the first value that is known.
    pub(crate) fn keep_item(&mut self, item: usize, inputs: &[f64]) {
        if item >= self.items_were.len() {
            self.items_were.resize(item + 1, None);
        }
        match &mut self.items_were[item] {
            None => self.items_were[item] = Some(inputs.into()),
            Some(first) => {
                let differs = |(a, b): (&f64, &f64)| !a.is_nan() && !b.is_nan() && a.to_bits() != b.to_bits();
                self.varied += u64::from(first.iter().zip(inputs).any(differs));
                for (known, now) in first.iter_mut().zip(inputs) {
                    if known.is_nan() {
                        *known = *now;
                    }
                }
            }
        }
    }

    /// Whether items differ in more than their names.
    pub(crate) fn tells_items_apart(&self) -> bool {
        let differ = |a: &[f64], b: &[f64]| a.iter().zip(b).any(|(a, b)| a.to_bits() != b.to_bits());
        let mut known = self.items_were.iter().flatten();
        let first = known.next();
        first.is_some_and(|first| known.any(|other| differ(first, other)))
    }

    /// The n-th input of an item, as the first row that says it does.
    pub(crate) fn first_of_item(&self, item: usize, n: usize) -> Option<f64> {
        self.items_were.get(item)?.as_ref()?.get(n).copied()
    }

    /// The kind of an item, its n-th input; `None` if no row says it.
    pub(crate) fn kind_of_item(&self, item: usize, n: usize) -> Option<&str> {
        let code = self.first_of_item(item, n).filter(|code| !code.is_nan())?;
        match self.level(code) {
            InputValue::Text(kind) => Some(kind),
            _ => None,
        }
    }

    /// The number of an action that is known by all that it says of itself, and whether it is one of its own:
    /// beyond [`MAX_UNTAGGED`] new ones are taken as one.
    pub(super) fn untagged(&mut self, text: &[u8]) -> (u32, bool) {
        let digest;
        let name = if text.len() <= MAX_TEXT {
            text
        } else {
            let bytes = Sha256::digest(text).first_chunk().copied().expect("a digest has 32 bytes");
            digest = format!("{:032x}", u128::from_be_bytes(bytes));
            digest.as_bytes()
        };
        let before = self.items.len();
        if self.untagged == MAX_UNTAGGED && !matches!(self.find_sort(name, true), Some(Ok(_))) {
            return (self.number_of_sort(b"(other actions)", true), false);
        }
        let number = self.number_of_sort(name, true);
        self.untagged += self.items.len() - before;
        (number, true)
    }

    /// The number of an action with this tag, which is another one than one without a tag that says the same of itself.
    pub(super) fn tagged(&mut self, tag: &[u8]) -> u32 {
        self.number_of_sort(tag, false)
    }

    /// The number of an item of this name, tagged or not. Where a name is that of an item of the other sort, it has the
    /// bar or the quote before it with which it stands in text.
    fn number_of_sort(&mut self, name: &[u8], untagged: bool) -> u32 {
        match self.find_sort(name, untagged) {
            Some(Ok(number)) => number,
            found => {
                let own = found.and_then(Result::err);
                let number = self.items.number(own.as_deref().unwrap_or(name));
                self.is_untagged.resize(self.items.len(), false);
                self.is_untagged[number as usize] = untagged;
                number
            }
        }
    }

    /// The item of this name and sort, or the name that it would have where its own is taken; `None` if it is new and the
    /// name is free.
    fn find_sort(&self, name: &[u8], untagged: bool) -> Option<Result<u32, Vec<u8>>> {
        let is_it = |number: u32| self.is_untagged.get(number as usize).copied().unwrap_or(false) == untagged;
        let first = self.items.find(name)?;
        if is_it(first) {
            return Some(Ok(first));
        }
        let mut name = name.to_vec();
        loop {
            name.insert(0, if untagged { b'|' } else { b'\'' });
            match self.items.find(&name) {
                Some(number) if is_it(number) => return Some(Ok(number)),
                Some(_) => {}
                None => return Some(Err(name)),
            }
        }
    }

    /// What is named so far.
    pub(super) fn mark(&self) -> VocabularyMark {
        VocabularyMark { items: self.items.len(), kinds: self.kinds.len(), untagged: self.untagged }
    }

    /// Takes back what was named since `mark`, by a decision that is passed over: what a log could choose is told by the
    /// decisions that count.
    pub(super) fn take_back(&mut self, mark: VocabularyMark) {
        self.items.truncate(mark.items);
        self.is_untagged.truncate(mark.items);
        self.kinds.truncate(mark.kinds);
        self.untagged = mark.untagged;
    }

    /// Makes `row` a decision of this user.
    pub fn of_user(&mut self, name: &[u8], row: &mut Row) {
        row.user = if self.forgets_users { 0 } else { self.users.number(name) };
        row.cluster = Some(cluster_of(name));
    }
}

/// The number of items and kinds, and of items without a tag, at some moment.
#[derive(Clone, Copy)]
pub(super) struct VocabularyMark {
    items: usize,
    kinds: usize,
    untagged: usize,
}

/// What to say of a log with more actions without a tag than are told apart.
pub(super) fn untagged_remark(origin: &str, others: u64) -> Option<String> {
    (others > 0).then(|| {
        format!(
            "{origin}: more than {MAX_UNTAGGED} distinct actions have no tag; {others} of them were taken as one, \
             which item means and models by action suffer from; tag actions"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_new_each_time_cost_no_memory() {
        let mut names = LogVocabulary::default();
        let mut text = |i: usize| names.untagged(format!("{i}").repeat(1 + i % 100).as_bytes());
        let numbers: Vec<(u32, bool)> = (0..MAX_UNTAGGED + 1000).map(&mut text).collect();
        assert!(numbers[..MAX_UNTAGGED].iter().enumerate().all(|(i, n)| *n == (i as u32, true)));
        assert!(numbers[MAX_UNTAGGED..].iter().all(|n| *n == (MAX_UNTAGGED as u32, false)));
        // What was met before is known again, long or short.
        assert_eq!([text(7), text(99)], [(7, true), (99, true)]);
        assert!((0..names.items.len() as u32).all(|item| names.items.name(item).len() <= MAX_TEXT));
    }

    #[test]
    fn a_tag_and_a_text_are_two_actions_whichever_comes_first() {
        for tag_first in [true, false] {
            let mut names = LogVocabulary::default();
            let mut both = || {
                if tag_first {
                    let tagged = names.tagged(b"x");
                    (tagged, names.untagged(b"x").0)
                } else {
                    let untagged = names.untagged(b"x").0;
                    (names.tagged(b"x"), untagged)
                }
            };
            let first = both();
            assert_ne!(first.0, first.1);
            assert_eq!(both(), first);
            let mark = names.mark();
            names.tagged(b"y");
            names.take_back(mark);
            assert_ne!(names.untagged(b"y").0, names.tagged(b"y"));
        }
    }
}
