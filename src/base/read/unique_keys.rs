//! Objects of JSON in which a key stands once: of two values nobody can say which one was meant, and a map would keep the last.

use crate::base::error::shortened;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// Reads an object of which no key of its own is there twice.
pub(crate) fn unique_keys<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Map<String, Value>, D::Error> {
    struct Unique;
    impl<'de> Visitor<'de> for Unique {
        type Value = Map<String, Value>;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Map::new();
            while let Some((key, value)) = map.next_entry::<String, Value>()? {
                if members.contains_key(&key) {
                    return Err(A::Error::custom(format!("duplicate field `{}`", shortened(key))));
                }
                members.insert(key, value);
            }
            Ok(members)
        }
    }
    deserializer.deserialize_map(Unique)
}
