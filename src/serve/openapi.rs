//! What the server answers to, as an OpenAPI 3.1 document.

use super::body::MAX_CALLS;
use super::queries::MAX_USERS;
use crate::domain::Domain;
use crate::domain::reaction::MAX_REWARD;
use crate::domain::request;
use crate::prompt::{generated_schema, signals_schema};
use crate::service::Policies;
use crate::store::MAX_DWELL_SECONDS;
use serde_json::{Map, Value, json};

/// The document of a server whose requests may name the policies that its operator gave. What a request and a reward say is
/// what the domains of these policies declare.
///
/// ```
/// use rehearsal::service::Policies;
///
/// let document = rehearsal::serve::document(&Policies::exactly(&["egreedy-v1"])?);
/// assert_eq!(document["openapi"], "3.1.0");
/// assert!(document["paths"]["/score"]["post"].is_object());
/// # Ok::<(), rehearsal::base::error::Error>(())
/// ```
pub fn document(policies: &Policies) -> Value {
    let mut domains: Vec<OfDomain> = Vec::new();
    for policy in policies.given() {
        let (name, domain) = (policy.name(), policy.features().domain());
        match domains.iter_mut().find(|own| own.domain == domain) {
            Some(own) => own.policies.push(name),
            None => domains.push(OfDomain { domain, policies: vec![name] }),
        }
    }
    let policies: Vec<&str> = policies.given().iter().map(|policy| policy.name()).collect();
    let mut paths = Map::new();
    for (form, parameters) in forms(&policies) {
        let add = |paths: &mut Map<String, Value>, route: &str, method: &str, operation: Value| {
            paths.insert(format!("{route}{form}"), json!({"parameters": parameters, method: operation}));
        };
        add(&mut paths, "/score", "post", score(form));
        add(&mut paths, "/reward", "post", reward(form));
        add(&mut paths, "/stats", "get", stats(form));
    }
    paths.insert("/reset".to_owned(), json!({"post": reset()}));
    paths.insert("/ofrep/v1/evaluate/flags".to_owned(), json!({"post": flags()}));
    paths.insert("/ofrep/v1/evaluate/flags/{key}".to_owned(), json!({"post": flag()}));
    paths.insert("/generate".to_owned(), json!({"post": generate()}));
    for (path, what, media) in [
        ("/health/live", "200 while the process answers", "text/plain"),
        ("/health/ready", "200 while the store can be read and written", "text/plain"),
        ("/metrics", "counts and times as Prometheus reads them", "application/openmetrics-text"),
        ("/", "a page: what runs, how much, how fast, and what it earns", "text/html"),
        ("/openapi.json", "this document", "application/json"),
    ] {
        let id = path.trim_matches('/').replace(['/', '.'], "_");
        let schema =
            if media == "application/json" { json!({"type": "object"}) } else { json!({"type": "string"}) };
        let mut get = json!({
            "operationId": if id.is_empty() { "page".to_owned() } else { id },
            "summary": what,
            "responses": {"200": {"description": what, "content": {media: {"schema": schema}}}},
        });
        // Probes carry no token.
        if path.starts_with("/health/") {
            get["security"] = json!([]);
        }
        with_problems(&mut get, &["503"]);
        paths.insert(path.to_owned(), json!({"get": get}));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "rehearsal serve",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Decides what to show, and learns from what came of it. A list of calls is answered by a \
                            list, with the problem of a call in its place.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": all_schemas(&domains),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer",
                                          "description": "only where the server has a --token-file"}},
        },
        "security": [{}, {"token": []}],
    })
}

/// The policies whose requests are of one domain.
struct OfDomain<'a> {
    domain: &'static Domain,
    policies: Vec<&'a str>,
}

/// The forms of a route, each with its parameters: without a policy, by its name, by family and version.
fn forms(policies: &[&str]) -> [(&'static str, Value); 3] {
    let parameter = |name: &str, schema: Value, description: &str| json!({"name": name, "in": "path", "required": true, "schema": schema, "description": description});
    // A policy that has no version has no such form.
    let (families, versions): (Vec<&str>, Vec<&str>) =
        policies.iter().filter_map(|policy| policy.split_once('-')).unzip();
    let text = |values: Vec<&str>| {
        if values.is_empty() { json!({"type": "string"}) } else { json!({"type": "string", "enum": values}) }
    };
    [
        ("", json!([])),
        ("/{policy}", json!([parameter("policy", text(policies.to_vec()), "name of the policy")])),
        (
            "/{family}/{version}",
            json!([
                parameter("family", text(families), "what its name begins with"),
                parameter("version", text(versions), "what follows after the first hyphen"),
            ]),
        ),
    ]
}

fn with_problems(operation: &mut Value, statuses: &[&str]) {
    let responses = operation["responses"].as_object_mut().expect("every operation has responses");
    for status in statuses.iter().chain(&["401", "421"]) {
        let meaning = match *status {
            "400" => "a field is not as it must be: `field`, `value`, `allowed`",
            "401" => "the token is missing or wrong",
            "404" => "no such decision, policy or route",
            "408" => "the body came too slowly",
            "409" => {
                "it contradicts what is there (the event has another reward) or itself (path and body name two policies)"
            }
            "413" => "the body is larger than the server takes",
            "415" => "the body is not application/json",
            "421" => "without a token only this machine is served",
            "500" => "what is stored of this is damaged",
            _ => "not now: ask again after Retry-After seconds",
        };
        let content = json!({"application/problem+json": {"schema": reference("problem")}});
        let mut response = json!({"description": meaning, "content": content});
        if *status == "503" {
            response["headers"] =
                json!({"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}});
        }
        responses.insert((*status).to_owned(), response);
    }
}

/// Problems of a route that takes a body.
const OF_BODIES: [&str; 8] = ["400", "404", "408", "409", "413", "415", "500", "503"];

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn one_or_more(call: &str) -> Value {
    let list = json!({
        "type": "array", "minItems": 1, "maxItems": MAX_CALLS, "items": {},
        "description": format!("each is a {call}; what is none is answered by a problem in its place"),
    });
    json!({"anyOf": [reference(call), list]})
}

fn answers(answer: &str) -> Value {
    let item = json!({"anyOf": [reference(answer), reference("problem")]});
    json!({"anyOf": [reference(answer), {"type": "array", "items": item}]})
}

fn operation_id(name: &str, form: &str) -> String {
    let suffix = match form {
        "" => "",
        "/{policy}" => "_by_policy",
        _ => "_by_version",
    };
    format!("{name}{suffix}")
}

fn body(schema: &Value) -> Value {
    json!({"required": true, "content": {"application/json": {"schema": schema}}})
}

fn done(description: &str, schema: &Value) -> Value {
    json!({"200": {"description": description, "content": {"application/json": {"schema": schema}}}})
}

fn score(form: &str) -> Value {
    let mut operation = json!({
        "operationId": operation_id("score", form),
        "summary": "Choose what to show",
        "requestBody": body(&one_or_more("request")),
        "responses": done("a decision", &answers("decision")),
    });
    with_problems(&mut operation, &OF_BODIES);
    operation
}

fn reward(form: &str) -> Value {
    let mut operation = json!({
        "operationId": operation_id("reward", form),
        "summary": "Learn from what came of a decision; sent again, it is learned once",
        "requestBody": body(&one_or_more("reward")),
        "responses": done("it is learned, and safe from a power cut", &answers("learned")),
    });
    with_problems(&mut operation, &OF_BODIES);
    operation
}

fn stats(form: &str) -> Value {
    let parameter = |name: &str, schema: Value, description: &str| json!({"name": name, "in": "query", "required": false, "schema": schema, "description": description});
    let mut operation = json!({
        "operationId": operation_id("stats", form),
        "summary": "What is known of a user, or of users in the order of their names",
        "parameters": [
            parameter("user", json!({"type": "string"}), "the user; neither of the others stands beside it"),
            parameter("after", json!({"type": "string"}), "the user after whom the page begins"),
            parameter("limit", json!({"type": "integer", "minimum": 1, "maximum": MAX_USERS, "default": 100}),
                      "users on the page"),
        ],
        "responses": done("what is known", &json!({"anyOf": [reference("user_stats"), reference("stats_page")]})),
    });
    with_problems(&mut operation, &["400", "404", "500", "503"]);
    operation
}

fn reset() -> Value {
    let mut operation = json!({
        "operationId": "reset",
        "summary": "Forget what was learned of a user",
        "requestBody": body(&reference("reset")),
        "responses": done("what was forgotten", &reference("forgotten")),
    });
    with_problems(&mut operation, &OF_BODIES);
    operation
}

/// What a flag's route answers besides problems: a failure, as the protocol has it.
fn failure(meaning: &str) -> Value {
    json!({"description": meaning, "content": {"application/json": {"schema": reference("flag_failure")}}})
}

/// What a 400 of a flag's route is: a failure, or the problem of a query, which none takes.
fn bad_flag_request() -> Value {
    let mut response =
        failure("PARSE_ERROR, INVALID_CONTEXT or TARGETING_KEY_MISSING; a problem for a query");
    response["content"]["application/problem+json"] = json!({"schema": reference("problem")});
    response
}

/// Problems of the routes of flags: those that are no failures of an evaluation.
const OF_FLAGS: [&str; 4] = ["408", "413", "415", "503"];

fn flag() -> Value {
    let mut operation = json!({
        "operationId": "flag",
        "summary": "Which variant of an experiment a user has, as OpenFeature's remote evaluation protocol (OFREP 0.3) asks it",
        "parameters": [{"name": "key", "in": "path", "required": true, "schema": {"type": "string"}, "description": "the experiment's key"}],
        "requestBody": body(&reference("flag_request")),
        "responses": done("the variant", &reference("flag")),
    });
    operation["responses"]["400"] = bad_flag_request();
    operation["responses"]["404"] = failure("FLAG_NOT_FOUND");
    with_problems(&mut operation, &OF_FLAGS);
    operation
}

/// The schemas of what flags are asked and answered.
fn flag_schemas() -> Value {
    let text = json!({"type": "string"});
    json!({
        "flag_request": {
            "type": "object", "required": ["context"],
            "properties": {"context": {
                "type": "object", "required": ["targetingKey"], "additionalProperties": true,
                "properties": {"targetingKey": {"type": "string", "minLength": 1, "description": "the user"}}}},
        },
        "flag": {
            "type": "object", "required": ["key", "reason"],
            "properties": {
                "key": text,
                "reason": {"type": "string", "enum": ["SPLIT", "DISABLED"], "description": "DISABLED for who takes no part"},
                "variant": text,
                "value": {"type": ["string", "number", "boolean", "object"],
                          "description": "absent where the asking code's default is to be taken"},
            },
        },
        "flag_failure": {
            "type": "object", "required": ["errorCode", "errorDetails"],
            "properties": {
                "key": text,
                "errorCode": {"type": "string", "enum": ["PARSE_ERROR", "TARGETING_KEY_MISSING", "INVALID_CONTEXT", "FLAG_NOT_FOUND"]},
                "errorDetails": text,
            },
        },
    })
}

fn flags() -> Value {
    let mut operation = json!({
        "operationId": "flags",
        "summary": "Which variants a user has of all experiments (OFREP 0.3)",
        "parameters": [{"name": "If-None-Match", "in": "header", "required": false, "schema": {"type": "string"}, "description": "the ETag of an answer before"}],
        "requestBody": body(&reference("flag_request")),
        "responses": done("every variant", &json!({
            "type": "object", "required": ["flags"],
            "properties": {"flags": {"type": "array", "items": reference("flag")}}})),
    });
    operation["responses"]["304"] = json!({"description": "all as it was before"});
    operation["responses"]["400"] = bad_flag_request();
    with_problems(&mut operation, &OF_FLAGS);
    operation
}

/// The schemas of all routes.
fn all_schemas(domains: &[OfDomain]) -> Value {
    let mut all = schemas(domains);
    let Value::Object(flags) = flag_schemas() else { return all };
    all.as_object_mut().expect("an object").extend(flags);
    all
}

fn generate() -> Value {
    let mut operation = json!({
        "operationId": "generate",
        "summary": "Write tips for a person: by a model, or the ready ones of the prompt",
        "requestBody": body(&one_or_more("signals")),
        "responses": done("tips, as `score` takes them", &answers("generated")),
    });
    with_problems(&mut operation, &OF_BODIES);
    operation
}

/// The schemas of what is sent and answered.
fn schemas(domains: &[OfDomain]) -> Value {
    let requests: Vec<Value> = domains.iter().map(request_schema).collect();
    let rewards = domains.iter().zip(&requests).flat_map(|(own, request)| reward_forms(own.domain, request));
    let rewards: Vec<Value> = rewards.collect();
    let any = |mut schemas: Vec<Value>| {
        if schemas.len() == 1 { schemas.remove(0) } else { json!({"anyOf": schemas}) }
    };
    let probability = json!({"type": ["number", "null"], "minimum": 0, "maximum": 1});
    let warnings = json!({"type": "array", "items": {"type": "string"}, "description": "what deserves attention; absent if nothing"});
    let count = json!({"type": "integer", "minimum": 0});
    let text = json!({"type": "string"});
    let theta = json!({"type": "object", "description": "weight of each dimension; by kind first where each kind has a model"});
    json!({
        "request": any(requests),
        "decision": {
            "type": "object",
            "required": ["decision_id", "user", "policy", "chosen", "propensity", "explored", "candidates", "shadows"],
            "properties": {
                "decision_id": {"type": "string", "description": "to report a reward"},
                "user": text, "policy": text,
                "experiment": {"type": "string", "description": "the experiment that the user is in; absent if none"},
                "variant": {"type": "string", "description": "the variant that the user has"},
                "chosen": {"type": "string", "description": "id of the candidate to show"},
                "propensity": probability,
                "explored": {"type": "boolean", "description": "whether chance rather than the scores decided"},
                "candidates": {"type": "array", "items": {
                    "type": "object", "required": ["id", "score", "propensity"],
                    "properties": {"id": text, "score": {"type": "number"}, "propensity": probability}}},
                "shadows": {"type": "array", "maxItems": 0, "description": "here shadows decide after the answer"},
                "profile_lookup": {"enum": ["completed", "unknown", "refused", "unavailable"],
                                   "description": "what came of asking the feature store; absent where nobody asked"},
                "warnings": warnings,
            },
        },
        "reward": any(rewards),
        "learned": {
            "type": "object",
            "required": ["user", "policy", "reward", "updates", "duplicate"],
            "properties": {
                "user": text, "policy": text, "reward": {"type": "number"},
                "updates": count,
                "duplicate": {"type": "boolean", "description": "whether it had been learned before, and so was not learned again"},
                "warnings": warnings,
            },
        },
        "user_stats": {
            "type": "object",
            "required": ["user", "policies"],
            "properties": {
                "user": text,
                "policies": {"type": "array", "items": {
                    "type": "object", "required": ["policy", "updates", "mean_reward", "theta"],
                    "properties": {"policy": text, "updates": count, "mean_reward": {"type": ["number", "null"]}, "theta": theta}}},
            },
        },
        "stats_page": {
            "type": "object",
            "required": ["users", "next"],
            "properties": {
                "users": {"type": "array", "maxItems": MAX_USERS, "items": reference("user_stats")},
                "next": {"type": ["string", "null"], "description": "for `after` on the next page; null on the last one"},
            },
        },
        "reset": {
            "type": "object",
            "required": ["user"],
            "additionalProperties": false,
            "properties": {
                "user": {"type": "string", "minLength": 1},
                "policy": {"type": ["string", "null"], "description": "under this policy alone"},
                "erase": {"type": "boolean", "default": false, "description": "also remove the user's decisions and rewards"},
            },
        },
        "signals": signals_schema(),
        "generated": generated_schema(),
        "forgotten": {
            "type": "object",
            "required": ["user", "removed"],
            "properties": {"user": text, "removed": {"type": "array", "items": text},
                           "erased_decisions": count, "erased_rewards": count},
        },
        "problem": {
            "type": "object",
            "required": ["type", "title", "status", "detail"],
            "description": "RFC 9457",
            "properties": {
                "type": {"type": "string", "format": "uri"},
                "title": text,
                "status": {"type": "integer", "minimum": 400, "maximum": 599},
                "detail": {"type": "string", "description": "what is wrong, and what is allowed"},
                "field": text, "value": text, "allowed": text,
            },
        },
    })
}

/// A request, as the policies of a domain take it.
fn request_schema(own: &OfDomain) -> Value {
    let mut request = request::schema_of(own.domain);
    request.as_object_mut().expect("an object").remove("$schema");
    let names: Vec<Value> = own.policies.iter().map(|p| json!(p)).chain([Value::Null]).collect();
    request["properties"]["policy"] = json!({"type": ["string", "null"], "enum": names,
                                             "description": "one that the server was given; the first by default"});
    request["required"].as_array_mut().expect("a list").insert(0, json!("user"));
    request["properties"]["user"]["type"] = json!("string");
    request["properties"]["user"]["description"] = json!("the person");
    request
}

/// The forms of a reward: of a decision, or with the request that was shown beside it; made of an outcome, or a number.
fn reward_forms(domain: &Domain, request: &Value) -> [Value; 3] {
    let of_request = |name: &str| request["properties"][name].clone();
    let text = json!({"type": "string"});
    let outcomes: Vec<&str> = domain.raw().outcomes.iter().map(|outcome| outcome.name.as_str()).collect();
    let values = json!({
        "reaction": {"enum": outcomes, "description": "what the user did"},
        "reward": {"type": "number", "minimum": -MAX_REWARD as i64, "maximum": MAX_REWARD as i64,
                   "description": "the reward itself"},
        "dwell_seconds": {"type": ["number", "null"], "minimum": 0, "maximum": MAX_DWELL_SECONDS as i64},
        "user": {"type": ["string", "null"], "description": "where a decision is named, its own"},
        "policy": of_request("policy"),
    });
    let form = |own: Value, required: Value| {
        let mut properties = values.clone();
        properties.as_object_mut().expect("an object").extend(own.as_object().expect("an object").clone());
        let made_of = json!([{"required": ["reaction"]}, {"required": ["reward"]}]);
        json!({"type": "object", "additionalProperties": false, "properties": properties, "required": required, "oneOf": made_of})
    };
    let shown = json!({
        "user": {"type": "string", "minLength": 1},
        "chosen": {"type": "string", "description": "id of the candidate that was shown"},
        "event_id": {"type": ["string", "null"], "minLength": 1, "maxLength": 256, "description": "learned once under this id"},
        "context": of_request("context"),
        "candidates": of_request("candidates"),
        "profile_features": of_request("profile_features"),
    });
    let mut whole: Vec<Value> = request["required"].as_array().expect("a list").clone();
    whole.push(json!("chosen"));
    [
        form(
            json!({"decision": {"type": "string", "description": "id of the decision that it answers"}}),
            json!(["decision"]),
        ),
        form(json!({"decision_id": text}), json!(["decision_id"])),
        form(shown, json!(whole)),
    ]
}
