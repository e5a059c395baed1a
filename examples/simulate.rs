//! Two policies on simulated people, compared by the mean reward of a decision: `cargo run --example simulate`.

use rehearsal::base::error::Result;
use rehearsal::people::persona::Persona;
use rehearsal::people::scenario::Scenario;
use rehearsal::policy::Policy;
use rehearsal::simulation::Simulation;
use rehearsal::simulation::metrics::Metric;
use rehearsal::simulation::summary::{FigureOf, Summary};

/// Users of each persona.
const USERS: u64 = 64;
const SEED: u64 = 0;

fn main() -> Result<()> {
    let scenario = Scenario::load("steady")?;
    let personas = Persona::shipped()?;
    let policies = [Policy::named("egreedy-v1")?, Policy::named("egreedy-v2")?];
    let simulation = Simulation::new(&scenario, &personas, &policies, SEED)?;

    // A block holds one record per user, persona and policy, the policy changing fastest.
    let names: Vec<(String, f64)> =
        simulation.personas().map(|(name, share)| (name.to_owned(), share)).collect();
    let mut summary = Summary::new(names.len(), policies.len(), scenario.raw().steps);
    simulation.run(0..USERS, |block| {
        for (i, records) in block.records.chunks(policies.len()).enumerate() {
            summary.observe(i % names.len(), records);
        }
        true
    })?;

    let shares: Vec<f64> = names.iter().map(|(_, share)| *share).collect();
    for (i, policy) in policies.iter().enumerate() {
        let reward = summary.figure(FigureOf::Policy(i), None, &shares, Metric::Reward, simulation.kinds());
        println!("{:<12} {}", policy.name(), described(reward.mean, reward.lower, reward.upper));
    }
    let gain = summary.figure(FigureOf::Difference(1), None, &shares, Metric::Reward, simulation.kinds());
    println!("{:<12} {}", "difference", described(gain.mean, gain.lower, gain.upper));
    Ok(())
}

/// A mean with its interval; "-" where it is unknown.
fn described(mean: Option<f64>, lower: Option<f64>, upper: Option<f64>) -> String {
    match (mean, lower, upper) {
        (Some(mean), Some(lower), Some(upper)) => format!("{mean:.4} in [{lower:.4}, {upper:.4}]"),
        _ => "-".to_owned(),
    }
}
