//! Priors, the registry of models, and profile features of real users, through the commands.

mod priors;
mod profiles;
mod registry;
mod whose;

use crate::util::Dir;

/// A policy without a prior, and one that is the same but for it.
pub(crate) const PLAIN: &str = "name = \"tips\"\nexplorer = \"egreedy\"\nfeatures = \"v2\"\n";
pub(crate) const WITH_PRIOR: &str =
    "name = \"tips\"\nexplorer = \"egreedy\"\nfeatures = \"v2\"\nprior = \"prior.json\"\n";

pub(crate) const REQUEST: &str = r#"{"context":{"hour":8,"weekday":1},"candidates":[{"id":"a","kind":"focus"},{"id":"b","kind":"rest","priority":1}],"profile_features":{"completion_rate":0.8}}"#;

/// A directory with the log of some simulated people, the two policies, and the prior that was learned from the log.
pub(crate) fn trained() -> Dir {
    let dir = Dir::new();
    dir.write("plain.toml", PLAIN);
    dir.write("with.toml", WITH_PRIOR);
    dir.write("request.json", REQUEST);
    let people =
        ["simulate", "steady", "--steps", "30", "--policy", "uniform", "--users", "6", "--seed", "5"];
    dir.run(&[&people[..], &["--log", "log"]].concat()).ok();
    dir.run(&["train", "--policy", "plain.toml", "--from", "log", "--out", "prior.json"]).ok();
    dir
}
