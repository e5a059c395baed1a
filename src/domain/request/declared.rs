//! A request of a domain that is declared in a file.

use super::candidate::{Candidate, Context};
use super::checked::{RawRequest, Request};
use crate::base::error::{Fault, Result};
use crate::base::read;
use crate::domain::declaration::Domain;
use crate::domain::values::{DeclaredValues, RawDeclared};
use serde_json::Value;
use smol_str::SmolStr;

/// What the JSON of a request may hold in a domain that is declared in a file, by its inputs; a candidate has an `id`, maybe
/// a `text`, too.
pub type RawDeclaredRequest = RawRequest<RawDeclared, RawDeclared, RawDeclared>;

impl RawDeclaredRequest {
    /// The request, checked against the inputs of `domain`.
    ///
    /// # Errors
    /// Candidates without ids, names that are not declared, values that are not as declared.
    pub fn check(self, domain: &'static Domain) -> Result<Request, Fault> {
        let Self {
            user,
            policy,
            seed,
            shadow_of,
            prompt_version,
            prompt_digest,
            context,
            mut candidates,
            profile_features,
        } = self;
        let of = |(k, raw): (usize, &mut RawDeclared)| match raw.take("id") {
            Some(Value::String(id)) => {
                let text = match raw.take("text") {
                    Some(Value::String(text)) => Some(text.into()),
                    None | Some(Value::Null) => None,
                    Some(other) => {
                        return Err(Fault::new(format!("candidates[{k}].text"), other, "a text"));
                    }
                };
                Ok(Candidate { id: id.into(), text, ..Candidate::default() })
            }
            id => {
                let value = id.map_or_else(|| "missing".to_owned(), |id| id.to_string());
                Err(Fault::new(format!("candidates[{k}].id"), value, "a text, unique within the request"))
            }
        };
        let plain = candidates.iter_mut().enumerate().map(of).collect::<Result<Vec<_>, Fault>>()?;
        // What all domains have in common is checked in one place.
        let raw: RawRequest = RawRequest {
            user,
            policy,
            seed,
            shadow_of,
            prompt_version,
            prompt_digest,
            ..RawRequest::new(Context::default(), plain, None)
        };
        let mut request = Request::try_from(raw)?;
        let declared = DeclaredValues::check(domain, &context, &candidates, profile_features)?;
        for (k, candidate) in request.raw.candidates.iter_mut().enumerate() {
            candidate.kind = declared.kind(k).map(SmolStr::from);
        }
        request.declared = Some(Box::new(declared));
        Ok(request)
    }
}

impl Request {
    /// Parses one JSON request and checks it against the inputs of `domain`; `origin` is what errors call it.
    ///
    /// # Errors
    /// As [`Self::from_json`], and names that the domain does not declare.
    pub fn from_json_of(domain: &'static Domain, text: &[u8], origin: &str) -> Result<Self> {
        if domain.is_tips() {
            return Self::from_json(text, origin);
        }
        let raw: RawDeclaredRequest = read::json(text, origin)?;
        raw.check(domain).map_err(|fault| fault.at(origin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::request::Shown;
    use crate::domain::{InputOf, InputSlot, InputValue};

    const SHOP: &str = include_str!("../../../tests/util/shop.toml");

    fn shop() -> &'static Domain {
        Domain::from_toml(SHOP, "shop.toml").unwrap()
    }

    const REQUEST: &str = r#"{"user":"ann","context":{"device":"mobile"},"candidates":[{"id":"a","category":"shoes","price":9.5,
        "new":true},{"id":"b","price":null},{"category":"hats","id":"c"}],
        "profile_features":{"orders":3,"streak":[1],"by_kind":{"hats":{"orders":1,"mood":0},"shoes":null}}}"#;

    #[test]
    fn values_stand_where_the_domain_declares_them() {
        let request = Request::from_json_of(shop(), REQUEST.as_bytes(), "request").unwrap();
        let offered = request.offered();
        let get = |path: &str, k: usize| offered.value(shop().find(path).unwrap().1, k);
        assert_eq!(get("context.device", 1), InputValue::Text("mobile"));
        assert_eq!(
            (get("candidate.price", 0), get("candidate.price", 1)),
            (InputValue::Number(9.5), InputValue::Unknown)
        );
        assert_eq!(
            (get("candidate.new", 0), get("candidate.id", 2)),
            (InputValue::Number(1.0), InputValue::Text("c"))
        );
        assert_eq!(
            (get("profile.orders", 0), get("profile.orders", 2)),
            (InputValue::Number(3.0), InputValue::Number(1.0))
        );
        assert_eq!(request.candidates()[2].kind.as_deref(), Some("hats"));
        assert_eq!(request.unknown_names().collect::<Vec<_>>(), ["by_kind.hats.mood", "streak"]);
        assert_eq!(shop().find("candidate.id").unwrap().1, InputSlot::Id);
        assert_eq!(shop().find("profile.orders").unwrap().1, InputSlot::Declared(InputOf::Profile, 0));
    }

    #[test]
    fn what_was_scored_and_shown_reads_back() {
        let request = Request::from_json_of(shop(), REQUEST.as_bytes(), "request").unwrap();
        let text = request.offer_text();
        let again = Request::from_json_of(shop(), text.as_bytes(), "what was kept").unwrap();
        assert_eq!(again.offer_text(), text);
        let orders = shop().find("profile.orders").unwrap().1;
        for chosen in 0..3 {
            let (shown, value) = (request.clone().shown(chosen), request.offered().value(orders, chosen));
            assert_eq!(shown.offered().value(orders, 0), value);
            let text = serde_json::to_string(&shown).unwrap();
            assert_eq!(Shown::parse(shop(), &text).unwrap(), shown, "{text}");
        }
    }

    #[test]
    fn what_is_not_declared_is_refused_with_what_is() {
        let message = |from: &str, to: &str| {
            let text = REQUEST.replace(from, to);
            Request::from_json_of(shop(), text.as_bytes(), "request").unwrap_err().to_string()
        };
        for (from, to, expected) in [
            (
                "\"price\":9.5",
                "\"cost\":9.5",
                "candidates[0].cost is not declared; allowed: inputs of domain shop: id, category, price, new",
            ),
            (
                "\"price\":9.5",
                "\"price\":-1",
                "candidates[0].price is -1; allowed: a number in [0, 1000000000000]",
            ),
            ("\"price\":9.5", "\"price\":\"9\"", "candidates[0].price is \"9\""),
            ("\"new\":true", "\"new\":1", "candidates[0].new is 1; allowed: true or false"),
            ("\"mobile\"", "\"tv\"", "context.device is \"tv\"; allowed: one of mobile, desktop"),
            ("\"device\":\"mobile\"", "", "context.device is missing"),
            ("\"context\":{\"device\":\"mobile\"},", "", "context.device is missing"),
            ("{\"device\":\"mobile\"}", "3", "expected an object of inputs"),
            ("\"orders\":3", "\"orders\":3.5", "profile_features.orders is 3.5; allowed: a whole number"),
            ("\"orders\":1", "\"orders\":\"x\"", "profile_features.by_kind.hats.orders is \"x\""),
            ("\"id\":\"b\"", "\"id\":\"a\"", "candidates[1].id is \"a\" again"),
            ("\"id\":\"b\",", "", "candidates[1].id is missing"),
            ("\"user\"", "\"usr\"", "unknown field `usr`"),
            ("\"new\":true", "\"new\":true,\"new\":false", "duplicate field `new`"),
        ] {
            let said = message(from, to);
            assert!(said.contains(expected), "{said}");
        }
    }
}
