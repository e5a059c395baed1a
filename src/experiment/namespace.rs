//! Namespaces keep experiments apart: a user is in one part of a namespace, and experiments share its parts out.

use super::hash::hash_v1;

/// A part of a namespace: users whose place in it is from `start` on and below `end` take part.
#[derive(Debug, Clone, PartialEq)]
pub struct Namespace {
    name: String,
    start: f64,
    end: f64,
}

impl Namespace {
    /// The part of the namespace `name` from `start` on and below `end`.
    pub fn new(name: impl Into<String>, start: f64, end: f64) -> Self {
        Self { name: name.into(), start, end }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first place that is in the part, and the first one behind it.
    pub fn part(&self) -> (f64, f64) {
        (self.start, self.end)
    }

    /// Whether the user `id` is in this part.
    ///
    /// ```
    /// use rehearsal::experiment::Namespace;
    /// assert!(Namespace::new("namespace1", 0.4, 1.0).contains("1"));
    /// ```
    pub fn contains(&self, id: &str) -> bool {
        (self.start..self.end).contains(&hash_v1(&format!("__{}", self.name), id))
    }

    /// Whether a user may be in this part and in `other`.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.name != other.name || (self.start < other.end && other.start < self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `inNamespace` of `cases.json`, specification 0.7.1, as the SDKs of growthbook/growthbook have it: user, namespace,
    /// start, end, whether the user is in it.
    const CASES: [(&str, &str, f64, f64, bool); 16] = [
        ("1", "namespace1", 0.0, 0.4, false),
        ("1", "namespace1", 0.4, 1.0, true),
        ("1", "namespace2", 0.0, 0.4, false),
        ("1", "namespace2", 0.4, 1.0, true),
        ("2", "namespace1", 0.0, 0.4, false),
        ("2", "namespace1", 0.4, 1.0, true),
        ("2", "namespace2", 0.0, 0.4, false),
        ("2", "namespace2", 0.4, 1.0, true),
        ("3", "namespace1", 0.0, 0.4, false),
        ("3", "namespace1", 0.4, 1.0, true),
        ("3", "namespace2", 0.0, 0.4, true),
        ("3", "namespace2", 0.4, 1.0, false),
        ("4", "namespace1", 0.0, 0.4, false),
        ("4", "namespace1", 0.4, 1.0, true),
        ("4", "namespace2", 0.0, 0.4, true),
        ("4", "namespace2", 0.4, 1.0, false),
    ];

    #[test]
    fn members_are_those_of_the_public_case_file() {
        for (user, name, start, end, member) in CASES {
            let namespace = Namespace::new(name, start, end);
            assert_eq!(namespace.contains(user), member, "{user} in {namespace:?}");
        }
    }

    #[test]
    fn parts_of_one_namespace_overlap_where_they_do() {
        let part = |start, end| Namespace::new("n", start, end);
        assert!(!part(0.0, 0.5).overlaps(&part(0.5, 1.0)));
        assert!(part(0.0, 0.6).overlaps(&part(0.5, 1.0)));
        assert!(part(0.0, 0.5).overlaps(&Namespace::new("other", 0.5, 1.0)));
    }
}
