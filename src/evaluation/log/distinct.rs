//! JSON whose objects have each key once: of two values nobody can say which one was meant.
//!
//! A log has a score of small objects in each line, which one thread makes and another one drops. So an object is one list in
//! one piece of memory, and short texts need none.

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde::{Deserialize, Deserializer};
use serde_json::Number;
use smol_str::SmolStr;
use std::collections::HashSet;
use std::fmt;

/// So many keys of an object are compared one by one; more are looked up.
const FEW: usize = 16;

/// A value of which no object, however deep, has a key twice.
#[derive(Debug)]
pub(super) enum Distinct {
    Null,
    Bool(bool),
    Number(Number),
    Text(SmolStr),
    List(Vec<Distinct>),
    Object(DistinctObject),
}

/// An object of such values, in the order of its keys.
#[derive(Debug, Default)]
pub(super) struct DistinctObject(Vec<(SmolStr, Distinct)>);

impl DistinctObject {
    /// The keys, by their bytes, and their values.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Distinct)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Distinct> {
        let is_it = |(own, _): &&(SmolStr, Distinct)| own == key;
        if self.0.len() <= FEW {
            return self.0.iter().find(is_it).map(|(_, value)| value);
        }
        let found = self.0.binary_search_by(|(own, _)| own.as_str().cmp(key)).ok()?;
        Some(&self.0[found].1)
    }

    /// Reads what is left of an object. The value of `own`, if it names a key, is another one's to read, by `read`.
    ///
    /// # Errors
    /// A key that stands twice, what is no JSON.
    pub(super) fn read_beside<'de, A: MapAccess<'de>>(
        mut map: A,
        own: Option<&str>,
        mut read: impl FnMut(&mut A) -> Result<(), A::Error>,
    ) -> Result<Self, A::Error> {
        let (mut members, mut keys, mut has_own) = (Vec::new(), HashSet::new(), false);
        while let Some(key) = map.next_key::<SmolStr>()? {
            let is_own = own == Some(key.as_str());
            let again = match members.len() {
                _ if is_own => std::mem::replace(&mut has_own, true),
                0..FEW => members.iter().any(|(other, _)| *other == key),
                _ => {
                    if keys.is_empty() {
                        keys.extend(members.iter().map(|(other, _): &(SmolStr, Distinct)| other.clone()));
                    }
                    !keys.insert(key.clone())
                }
            };
            if again {
                return Err(A::Error::custom(format_args!("duplicate field `{key}`")));
            }
            if is_own {
                read(&mut map)?;
            } else {
                members.push((key, map.next_value()?));
            }
        }
        members.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        Ok(Self(members))
    }
}

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

impl<'de> Deserialize<'de> for DistinctObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Object)
    }
}

impl Serialize for Distinct {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(list) => serializer.collect_seq(list),
            Self::Object(object) => object.serialize(serializer),
        }
    }
}

impl Serialize for DistinctObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

struct Object;

impl<'de> Visitor<'de> for Object {
    type Value = DistinctObject;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        DistinctObject::read_beside(map, None, |_| Ok(()))
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Distinct;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Distinct, E> {
        Ok(Distinct::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Distinct, E> {
        Ok(Distinct::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Distinct, E> {
        Ok(Distinct::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Distinct, E> {
        Ok(Number::from_f64(value).map_or(Distinct::Null, Distinct::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Distinct, E> {
        Ok(Distinct::Text(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Distinct, E> {
        Ok(Distinct::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Distinct, A::Error> {
        let mut all = Vec::new();
        while let Some(value) = list.next_element()? {
            all.push(value);
        }
        Ok(Distinct::List(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Distinct, A::Error> {
        Object.visit_map(map).map(Distinct::Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn what_is_distinct_is_as_it_was_and_what_is_not_is_named() {
        let text = r#"{"b":{"a":1},"a":[1,-2,0.5,1e300,null,true,"x","\u00e9\n",{"b":{}}],"18446744073709551615":18446744073709551615}"#;
        let read: DistinctObject = serde_json::from_str(text).unwrap();
        // A map of serde_json's is in the order of its keys too.
        let sorted = serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), sorted.to_string());
        assert!(matches!(read.get("b"), Some(Distinct::Object(_))) && read.get("c").is_none());
        for text in [r#"{"a":1,"a":2}"#, r#"{"b":[{"a":1,"c":2,"a":1}]}"#] {
            let refused = serde_json::from_str::<DistinctObject>(text).err().unwrap().to_string();
            assert!(refused.starts_with("duplicate field `a`"), "{refused}");
        }
        assert!(serde_json::from_str::<DistinctObject>("[]").is_err());
    }

    #[test]
    fn a_key_that_stands_twice_among_many_is_named_too() {
        let object = |again: usize| {
            let keys = (0..100).chain([again]).map(|i| format!("\"k{i}\":{i}")).collect::<Vec<_>>();
            serde_json::from_str::<DistinctObject>(&format!("{{{}}}", keys.join(",")))
        };
        assert_eq!(object(100).unwrap().iter().count(), 101);
        for again in [0, FEW - 1, FEW, FEW + 1, 99] {
            let refused = object(again).err().unwrap().to_string();
            assert!(refused.starts_with(&format!("duplicate field `k{again}`")), "{refused}");
        }
    }
}
