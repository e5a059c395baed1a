//! The promotion gate, asked by a program: `cargo run --release --example gate`.

use rehearsal::base::error::{Error, Result};
use rehearsal::features::FeatureSet;
use rehearsal::gate::GateSpec;
use rehearsal::gate::promotion::{Inputs, UserSource};
use rehearsal::people::persona::Persona;
use rehearsal::policy::{Policy, RawPolicy};
use rehearsal::report::{PlainText, VerdictFormat};

const GATE: &str = r#"
description = "Better on an ordinary day, and dismissed no more often"
alpha = 0.05
beta = 0.05
minimum_effect = 0.01
max_users = 500

[[criteria]]
kind = "superior"
metric = "reward"
scenarios = ["steady"]

[[criteria]]
kind = "not-inferior"
metric = "dismiss_rate"
margin = 0.02
scenarios = ["steady"]
"#;

fn main() -> Result<()> {
    let baseline = Policy::named("egreedy-v1")?;
    let calmer = RawPolicy { epsilon: Some(0.05), ..RawPolicy::new("calmer", "egreedy", FeatureSet::V2) };
    let challenger = Policy::try_from(calmer).map_err(|fault| fault.at("the challenger"))?;
    let gate = GateSpec::from_toml(GATE, "the gate")?;
    let inputs = Inputs::new(gate, Persona::shipped()?, baseline, challenger)?;

    // The seed follows from the inputs: whoever asks again gets the same verdict.
    let again = "cargo run --release --example gate".to_owned();
    let judgement = inputs.run(UserSource::Simulation(None), again, |trial| {
        let (established, all) = trial.established();
        eprintln!("{} users of each persona: {established} of {all} criteria hold", trial.users());
    })?;
    PlainText.write(&judgement, &mut std::io::stdout().lock()).map_err(Error::io("write", "stdout"))
}
