//! The tables, and how an older store gets those of today: numbered migrations, each run once.
//!
//! Every engine has the same tables in [its own words](Words). Where the number of the last migration stands is its business.
//! The column `user` must be written `state.user` or `"user"`: for servers the bare word is SQL's own.

/// Every migration, the first one first. What stands here was run on somebody's store: it is never changed, only added to.
const MIGRATIONS: [&str; 5] = [
    r#"
CREATE TABLE definition (
    id {id},
    digest {name} NOT NULL UNIQUE,
    name {name} NOT NULL,
    policy {text} NOT NULL,
    feature_set {text},
    domain {text},
    prior {text}
){end};
CREATE TABLE decision (
    place {id},
    id {name} NOT NULL UNIQUE,
    at {integer} NOT NULL,
    "user" {name} NOT NULL,
    definition {integer} NOT NULL{of a definition},
    seed {integer} NOT NULL,
    request {text} NOT NULL,
    scores {text} NOT NULL,
    propensities {text},
    chosen {name} NOT NULL,
    propensity {real},
    explored {flag} NOT NULL,
    shadow_of {name},
    experiment {text},
    variant {text},
    prompt_version {text},
    model_version {text}
){end};
CREATE TABLE state (
    id {id},
    "user" {name} NOT NULL,
    policy {name} NOT NULL,
    definition {integer} NOT NULL{of a definition},
    number {integer} NOT NULL,
    updates {integer} NOT NULL,
    model {bytes},
    revision {integer} NOT NULL,
    published {integer},
    UNIQUE ("user", policy)
){end};
CREATE TABLE reward (
    place {id},
    state {integer} NOT NULL{of a state},
    number {integer} NOT NULL,
    at {integer} NOT NULL,
    op {text} NOT NULL CHECK (op IN ('reward', 'reset', 'import')),
    event {name},
    answers_decision {flag} NOT NULL,
    reaction {text},
    dwell_seconds {real},
    reward {real},
    learned_from {text},
    {unique within a state}
){end};
{indexes}
"#,
    "ALTER TABLE decision ADD COLUMN prompt_digest {text};",
    "
CREATE TABLE rollout (
    experiment {name} NOT NULL,
    revision {integer} NOT NULL,
    at {integer} NOT NULL,
    action {text} NOT NULL,
    share {real} NOT NULL,
    digest {text} NOT NULL,
    evidence {text},
    PRIMARY KEY (experiment, revision)
){end};
",
    r#"CREATE TABLE spending ("user" {name} PRIMARY KEY, day {integer} NOT NULL, tokens {integer} NOT NULL){end};"#,
    "ALTER TABLE decision ADD COLUMN profile_lookup {text};",
];

/// The schema version of this program.
pub(crate) const VERSION: u32 = MIGRATIONS.len() as u32;

/// An engine's own words for what stands in braces in the migrations.
pub(crate) struct Words(pub(crate) &'static [(&'static str, &'static str)]);

impl Words {
    /// What the engine calls this.
    pub(crate) fn own(&self, word: &str) -> Option<&'static str> {
        self.0.iter().find(|(known, _)| *known == word).map(|(_, own)| *own)
    }

    /// The migrations that a store of this version has not seen, in these words.
    pub(crate) fn migrations_after(&self, version: u32) -> impl Iterator<Item = String> {
        let in_words = |migration: &&str| {
            let words = self.0.iter().map(|(word, own)| (format!("{{{word}}}"), own));
            words.fold((*migration).to_owned(), |text, (word, own)| text.replace(&word, own))
        };
        MIGRATIONS.iter().skip(version as usize).map(in_words)
    }
}
