//! Names as numbers.

use std::collections::HashMap;

/// Names, such as those of a log's items, numbered in order of appearance.
#[derive(Debug, Clone, Default)]
pub struct Interner {
    index: HashMap<Box<[u8]>, u32>,
    names: Vec<Box<[u8]>>,
}

impl Interner {
    /// The number of this name; a new one if it is new.
    pub fn number(&mut self, name: &[u8]) -> u32 {
        if let Some(number) = self.index.get(name) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.index.insert(name.into(), number);
        self.names.push(name.into());
        number
    }

    /// The number of this name, if it has one.
    pub fn find(&self, name: &[u8]) -> Option<u32> {
        self.index.get(name).copied()
    }

    /// Forgets all names but the first `len`.
    pub fn truncate(&mut self, len: usize) {
        for name in self.names.drain(len.min(self.names.len())..) {
            self.index.remove(&name);
        }
    }

    /// The name with this number, for people.
    pub fn name(&self, number: u32) -> String {
        String::from_utf8_lossy(&self.names[number as usize]).into_owned()
    }

    /// The name with this number, as it stands in the log.
    pub fn bytes(&self, number: u32) -> &[u8] {
        &self.names[number as usize]
    }

    /// The number of names.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_taken_back_were_never_met() {
        let mut names = Interner::default();
        assert_eq!(["a", "b", "c"].map(|name| names.number(name.as_bytes())), [0, 1, 2]);
        names.truncate(1);
        assert_eq!((names.len(), names.find(b"a"), names.find(b"b")), (1, Some(0), None));
        assert_eq!((names.number(b"c"), names.number(b"b")), (1, 2));
        names.truncate(9);
        assert_eq!(names.len(), 3);
    }
}
