//! A decision, and what is learned from its outcome, once: `cargo run --example score_and_reward`.

use rehearsal::base::error::Result;
use rehearsal::policy::DecisionRng;
use rehearsal::service::{Given, Policies, RewardCall, ScoreCall, Service};
use rehearsal::store::{self, Access, Pace};

const REQUEST: &str = r#"{"user": "alice", "context": {"hour": 8.5, "weekday": 0}, "candidates": [
    {"id": "plan-the-day", "kind": "plan", "priority": 0.8, "due_in_days": -2, "effort_minutes": 15},
    {"id": "stretch", "kind": "rest", "effort_minutes": 5}]}"#;

fn main() -> Result<()> {
    let dir = tempfile::tempdir().expect("a folder for the store");
    let store = store::open(dir.path(), Access::Write, Pace::Single)?;
    // The first policy decides where a request names none; a request may name it, and every built-in one.
    let policies = Policies::new(&["egreedy-v2"])?;
    let shadow = policies.of_operator("linucb-v2")?;
    let service = Service::new(store, policies, vec![shadow])?.without_views();

    let seed = DecisionRng::fresh_seed()?;
    let call = ScoreCall::parse(&service, REQUEST.as_bytes(), "the request", &Given::default(), seed)?;
    // Calls come several at a time; each has its own answer or error.
    let decision = service.score(&[call])?.remove(0)?;
    println!("decision {}: show {}", decision.decision_id, decision.chosen);
    for shadow in &decision.shadows {
        println!("{} would have shown {}", shadow.policy, shadow.chosen);
    }

    let call = RewardCall::OfDecision {
        id: decision.decision_id,
        // What it is worth is the domain's business.
        reward: None,
        reaction: Some("completed".into()),
        dwell_seconds: Some(40.0),
        user: None,
        policy: None,
        origin: "the reward".into(),
    };
    // It is sent twice, as by a script that was killed before it saw the answer.
    for _ in 0..2 {
        let (mut replies, _) = service.reward(std::slice::from_ref(&call))?;
        let reply = replies.remove(0)?;
        println!("reward {}: {} learned so far, duplicate: {}", reply.reward, reply.updates, reply.duplicate);
    }
    Ok(())
}
