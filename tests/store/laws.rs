//! Laws: whatever is done in whatever order, the store knows what a plain model of it knows, and its log tells it.

use proptest::prelude::*;
use rehearsal::domain::request::Request;
use rehearsal::policy::{Model, Policy, Scratch};
use rehearsal::service::{
    Policies, RewardCall, RewardReply, Service, ServiceError, Source, import, prune, rebuild, retrain, verify,
};
use rehearsal::store::{Access, Observation, Pace, RewardEvent, State, apply, encode, open};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

/// What can be done to a store. Users and events are few, so that they meet.
#[derive(Debug, Clone)]
enum Op {
    Reward {
        user: u8,
        event: Option<u8>,
        candidate: u8,
        reward: i8,
    },
    /// Rewards in one call.
    Several(Vec<(u8, u8, i8)>),
    Reset(u8),
    Erase(u8),
    /// The state of one user is imported as another's.
    Import(u8, u8),
    Prune,
    Rebuild,
    Publish,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let user = 0..3_u8;
    let event = 0..6_u8;
    let reward = -2..3_i8;
    let one = (user.clone(), prop::option::of(event.clone()), 0..3_u8, reward.clone())
        .prop_map(|(user, event, candidate, reward)| Op::Reward { user, event, candidate, reward });
    let several = prop::collection::vec((user.clone(), event, reward), 1..12).prop_map(Op::Several);
    let op = prop_oneof![
        6 => one,
        3 => several,
        1 => user.clone().prop_map(Op::Reset),
        1 => user.clone().prop_map(Op::Erase),
        1 => (user.clone(), user).prop_map(|(from, to)| Op::Import(from, to)),
        1 => Just(Op::Prune),
        1 => Just(Op::Rebuild),
        1 => Just(Op::Publish),
    ];
    prop::collection::vec(op, 1..25)
}

/// The plain model: what each user's state is, and which events it has learned with which reward.
struct Plain {
    policy: Arc<Policy>,
    states: BTreeMap<u8, Model>,
    events: HashMap<(u8, u8), f64>,
}

impl Plain {
    /// What is answered: whether it is a duplicate; an error if the event has another reward.
    fn reward(&mut self, user: u8, event: Option<u8>, seen: &Observation) -> Result<bool, ()> {
        if let Some(before) = event.and_then(|event| self.events.get(&(user, event))) {
            return if *before == seen.reward { Ok(true) } else { Err(()) };
        }
        self.events.extend(event.map(|event| ((user, event), seen.reward)));
        let model = self.states.entry(user).or_insert_with(|| self.policy.new_model());
        apply(model, &self.policy, seen, &mut Scratch::default()).unwrap();
        Ok(false)
    }
}

fn name(user: u8) -> String {
    format!("user {user}")
}

fn observation(candidate: u8, reward: i8) -> Observation {
    let text = format!(
        r#"{{"context": {{"hour": {candidate}.5, "weekday": 5}}, "candidates": [{{"id": "a", "priority": 0.{candidate}}},
            {{"id": "b", "kind": "focus"}}, {{"id": "c", "kind": "rest"}}]}}"#
    );
    let request = Request::from_json(text.as_bytes(), "test").unwrap();
    Observation { shown: request.shown(candidate.into()), reward: f64::from(reward) / 2.0 }
}

fn call(policy: &Arc<Policy>, user: u8, event: Option<u8>, seen: &Observation) -> RewardCall {
    let event = RewardEvent {
        observation: seen.clone(),
        event: event.map(|event| format!("event {event}").into()),
        answers_decision: false,
        reaction: None,
        dwell_seconds: None,
        at: None,
    };
    let (user, policy) = (name(user).into(), Arc::clone(policy));
    RewardCall::Whole { user, policy, event: Arc::new(event), warnings: Vec::new() }
}

fn is_as_expected(
    answer: &rehearsal::base::error::Result<RewardReply>,
    expected: Result<bool, ()>,
    updates: u64,
) -> bool {
    match (answer, expected) {
        (Ok(reply), Ok(duplicate)) => reply.duplicate == duplicate && reply.updates == updates,
        (Err(error), Err(())) => matches!(error.cause(), Some(ServiceError::OtherReward { .. })),
        _ => false,
    }
}

fn service_in(place: &Path) -> Service {
    let store = open(place, Access::Write, Pace::Single).unwrap();
    Service::new(store, Policies::new::<&str>(&[]).unwrap(), Vec::new()).unwrap()
}

/// The bytes of every model.
fn states(service: &Service) -> BTreeMap<String, Vec<u8>> {
    let mut states = BTreeMap::new();
    let visit = |state: State| {
        states.insert(state.user.to_string(), encode(&state.model));
        Ok(())
    };
    service.each_state(None, None, visit).unwrap();
    states
}

fn obeys(policy: &Policy, ops: &[Op]) {
    let dir = crate::util::Dir::new();
    let policy = Arc::new(policy.clone());
    let service = service_in(&dir.store());
    let mut plain = Plain { policy: Arc::clone(&policy), states: BTreeMap::new(), events: HashMap::new() };
    for op in ops {
        match op {
            Op::Reward { user, event, candidate, reward } => {
                let seen = observation(*candidate, *reward);
                let expected = plain.reward(*user, *event, &seen);
                let (answers, published) = service.reward(&[call(&policy, *user, *event, &seen)]).unwrap();
                published.unwrap();
                let updates = plain.states.get(user).map_or(0, Model::updates);
                assert!(is_as_expected(&answers[0], expected, updates), "{op:?}: {:?}", answers[0]);
            }
            Op::Several(rewards) => {
                let seen: Vec<_> = rewards
                    .iter()
                    .map(|(user, event, reward)| observation(user % 3, *reward + (*event as i8 % 2)))
                    .collect();
                let calls: Vec<_> = rewards
                    .iter()
                    .zip(&seen)
                    .map(|((user, event, _), seen)| call(&policy, *user, Some(*event), seen))
                    .collect();
                let answers = service.learn(&calls).unwrap();
                for ((answer, (user, event, _)), seen) in answers.iter().zip(rewards).zip(&seen) {
                    let expected = plain.reward(*user, Some(*event), seen);
                    let updates = plain.states.get(user).map_or(0, Model::updates);
                    assert!(is_as_expected(answer, expected, updates), "{op:?}: {answer:?}");
                }
            }
            Op::Reset(user) => {
                let removed = service.reset(&name(*user), None).unwrap().removed;
                assert_eq!(removed.len(), usize::from(plain.states.remove(user).is_some()));
            }
            Op::Erase(user) => {
                let removed = service.erase(&name(*user), None).unwrap().removed;
                assert_eq!(removed.len(), usize::from(plain.states.remove(user).is_some()));
                plain.events.retain(|(own, _), _| own != user);
            }
            Op::Import(from, to) => {
                let Some(model) = plain.states.get(from).cloned() else { continue };
                let state = State { model: model.clone(), ..State::new(&name(*to), &policy) };
                import(&service, &[state], true).unwrap().remove(0).unwrap();
                plain.states.insert(*to, model);
            }
            Op::Prune => {
                assert_eq!(prune(service.store(), u64::MAX >> 1, &[]).unwrap().lost, []);
                plain.events.clear();
            }
            Op::Rebuild => {
                let rebuilt = rebuild(service.store(), &[]).unwrap();
                assert_eq!((rebuilt.rebuilt, rebuilt.lost), (vec![], vec![]));
            }
            Op::Publish => service.publish().unwrap(),
        }
    }
    let expected: BTreeMap<_, _> =
        plain.states.iter().map(|(user, model)| (name(*user), encode(model))).collect();
    assert!(states(&service) == expected, "{ops:?}");
    assert_eq!(verify(service.store(), &[]).unwrap().problems, [], "{ops:?}");
    service.publish().unwrap();
    let published = verify(service.store(), &[]).unwrap();
    assert_eq!((published.problems, published.states), (vec![], expected.len() as u64), "{ops:?}");
    // The log alone makes the same elsewhere.
    let elsewhere = crate::util::Dir::new();
    let other = service_in(&elsewhere.store());
    let (written, lost) = retrain(service.store(), &Source::Everything, other.store(), true, &[]).unwrap();
    assert_eq!((written, lost), (expected.len() as u64, vec![]));
    assert!(states(&other) == expected, "{ops:?}");
    other.publish().unwrap();
    assert_eq!(verify(other.store(), &[]).unwrap().problems, []);
}

/// A few lives, for a store where each takes longer.
pub(super) fn a_store_on_a_server_knows_what_a_plain_model_of_it_knows() {
    let settings = ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(settings, |(ops in ops())| obeys(&Policy::named("egreedy-v1").unwrap(), &ops));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_store_knows_what_a_plain_model_of_it_knows(ops in ops()) {
        obeys(&Policy::named("egreedy-v1").unwrap(), &ops);
    }

    #[test]
    fn so_it_does_where_each_kind_has_a_model_that_forgets(ops in ops()) {
        let text = "name = \"mine\"\nexplorer = \"egreedy\"\nfeatures = \"v2\"\nstructure = \"disjoint\"\nforgetting = 0.9\n";
        obeys(&Policy::from_toml(text, "mine.toml").unwrap(), &ops);
    }
}
