//! Many at once, killed at any moment, over a server that may be killed too.

use super::super::breaking::{load, opening};
use crate::store::{REQUEST, verified};
use crate::util::postgres::{Server, shared};
use crate::util::{Dir, on_postgres};
use rehearsal::base::error::{Error, ErrorKind, Result};
use rehearsal::domain::request::Request;
use rehearsal::policy::Policy;
use rehearsal::service::{Given, Policies, RewardCall, RewardReply, ScoreCall, Service, verify};
use rehearsal::store::{Access, LogFilter, Pace, RewardEvent, open, read};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

fn service(address: &str) -> Service {
    let store = open(Path::new(address), Access::Write, Pace::Single).unwrap();
    Service::new(store, Policies::new(&["egreedy-v2"]).unwrap(), Vec::new()).unwrap()
}

/// The reward of an event, 1, for a user.
fn call(user: &str, event: &str) -> RewardCall {
    let request = Request::from_json(REQUEST.as_bytes(), "test").unwrap();
    let event = RewardEvent::new(request, 0, 1.0, Some(event.into())).unwrap();
    let policy = Arc::new(Policy::named("egreedy-v2").unwrap());
    RewardCall::Whole { user: user.into(), policy, event: Arc::new(event), warnings: Vec::new() }
}

fn learn(service: &Service, user: &str, event: &str) -> Result<RewardReply> {
    service.learn(&[call(user, event)])?.remove(0)
}

/// How many rewards the user's states have learned.
fn updates(service: &Service, user: &str) -> u64 {
    let states = read(service.store(), |snapshot| snapshot.states_of(user)).unwrap();
    states.iter().map(|state| state.updates).sum()
}

#[test]
fn sixteen_processes_on_one_user_lose_and_double_nothing() {
    on_postgres(|| load::on_one_user(16, 8, 40));
}

#[test]
fn random_kills_lose_and_double_nothing() {
    on_postgres(|| load::random_kills(4, 5));
}

#[test]
fn a_reset_user_does_not_come_back() {
    on_postgres(|| load::forgotten_for_good(6));
}

#[test]
fn a_long_run_lets_others_in() {
    on_postgres(|| assert!(load::longest_wait(4_000) < load::GENEROUS));
}

#[test]
fn an_interrupted_run_says_where_and_one_line_is_answered_before_the_next() {
    on_postgres(load::an_interrupted_run_finishes_its_group_and_says_where);
    on_postgres(load::one_line_is_answered_before_the_next_is_sent);
}

#[test]
fn sixteen_processes_open_a_new_database_at_once() {
    on_postgres(|| (0..2).for_each(|_| opening::all_at_once(16)));
}

#[test]
fn the_first_rewards_of_a_new_user_are_all_learned_and_one_event_once() {
    let Some(server) = shared() else { return };
    let address = server.database();
    let services: Vec<Service> = (0..8).map(|_| service(&address)).collect();
    for round in 0..10 {
        let (user, start, new) = (format!("new {round}"), Barrier::new(services.len()), AtomicUsize::new(0));
        thread::scope(|scope| {
            for (i, service) in services.iter().enumerate() {
                let (user, start, new) = (&user, &start, &new);
                scope.spawn(move || {
                    start.wait();
                    for event in [&format!("own {i}"), "everybody's"] {
                        let reply = learn(service, user, event).unwrap();
                        new.fetch_add(usize::from(!reply.duplicate), Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(new.into_inner(), services.len() + 1);
        assert_eq!(updates(&services[0], &user), services.len() as u64 + 1);
    }
    // Batches of the same new users, from both ends.
    let batch = |i: usize| -> Vec<RewardCall> {
        let mut users: Vec<usize> = (0..200).collect();
        if i % 2 == 1 {
            users.reverse();
        }
        users.iter().map(|user| call(&format!("batch {user}"), &format!("{i}"))).collect()
    };
    thread::scope(|scope| {
        for (i, service) in services.iter().enumerate() {
            scope.spawn(move || {
                assert!(service.learn(&batch(i)).unwrap().iter().all(std::result::Result::is_ok))
            });
        }
    });
    let learned: u64 = (0..200).map(|user| updates(&services[0], &format!("batch {user}"))).sum();
    assert_eq!(learned, 200 * services.len() as u64);
    assert_eq!(verified(&Dir::at(address)), [""; 0]);
}

/// A reward that meets the erasure of its user is before it, and erased, or after it, and finds no decision.
#[test]
fn an_erased_user_does_not_come_back_by_a_reward_that_was_under_way() {
    let Some(server) = shared() else { return };
    let address = server.database();
    let [teacher, eraser] = [service(&address), service(&address)];
    let mut outcomes = [0, 0];
    for round in 0..40 {
        let user = format!("user {}", round % 2);
        let given = Given { user: Some(user.clone()), ..Given::default() };
        let score = ScoreCall::parse(&teacher, REQUEST.as_bytes(), "test", &given, round).unwrap();
        let decision = teacher.score(&[score]).unwrap().remove(0).unwrap();
        let reward = RewardCall::OfDecision {
            id: decision.decision_id,
            reward: Some(1.0),
            reaction: Some("completed".into()),
            dwell_seconds: None,
            user: None,
            policy: None,
            origin: "test".into(),
        };
        let start = Barrier::new(2);
        let learned = thread::scope(|scope| {
            let learned = scope.spawn(|| {
                start.wait();
                teacher.learn(&[reward]).unwrap().remove(0).map(drop)
            });
            start.wait();
            // Now the one is first, and now the other.
            thread::sleep(Duration::from_micros(150 * (round % 20)));
            eraser.erase(&user, None).unwrap();
            learned.join().unwrap()
        });
        match learned {
            Ok(()) => outcomes[0] += 1,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
                outcomes[1] += 1;
            }
        }
        let filter = LogFilter { user: Some(user.clone()), since: None };
        let left = read(teacher.store(), |snapshot| {
            let decisions = snapshot.decisions_after(0, &filter, 10)?.len();
            Ok((snapshot.states_of(&user)?, decisions, snapshot.rewards_after(0, &filter, 10)?))
        });
        assert_eq!(left.unwrap(), (vec![], 0, vec![]), "round {round}");
    }
    println!("{} rewards were before the erasure that they met, {} after it", outcomes[0], outcomes[1]);
    assert_eq!(verify(teacher.store(), &[]).unwrap().problems, []);
}

/// Teaches until every event is acknowledged, whatever happens to the server; how often it refused.
fn stubborn(service: &Service, writer: usize, events: usize) -> usize {
    let mut refused = 0;
    for i in 0..events {
        let user = if i % 3 == 0 { "all".to_owned() } else { format!("w{writer}") };
        while let Err(error) = learn(service, &user, &format!("{writer}-{i}")) {
            assert!(is_away(&error), "{error}");
            refused += 1;
            thread::sleep(Duration::from_millis(5));
        }
    }
    refused
}

fn is_away(error: &Error) -> bool {
    [ErrorKind::Unavailable, ErrorKind::Busy].contains(&error.kind())
}

#[test]
fn a_server_that_is_killed_under_load_loses_and_doubles_nothing() {
    const WRITERS: usize = 4;
    const EVENTS: usize = 150;
    let Some(server) = Server::start() else { return };
    let address = server.database();
    let services: Vec<Service> = (0..WRITERS).map(|_| service(&address)).collect();
    let (refused, kills) = thread::scope(|scope| {
        let writers: Vec<_> = services
            .iter()
            .enumerate()
            .map(|(writer, service)| scope.spawn(move || stubborn(service, writer, EVENTS)))
            .collect();
        let mut kills = 0;
        while kills < 3 && !writers.iter().all(thread::ScopedJoinHandle::is_finished) {
            thread::sleep(Duration::from_millis(60));
            server.kill();
            server.start_again();
            kills += 1;
        }
        (writers.into_iter().map(|writer| writer.join().unwrap()).sum::<usize>(), kills)
    });
    let users = (0..WRITERS).map(|writer| format!("w{writer}")).chain(["all".to_owned()]);
    let learned: u64 = users.map(|user| updates(&services[0], &user)).sum();
    assert_eq!(learned, (WRITERS * EVENTS) as u64);
    assert_eq!(verify(services[0].store(), &[]).unwrap().problems, []);
    assert!(kills > 0 && refused > 0, "{kills} kills, {refused} refusals: they did not meet");
    println!(
        "{kills} kills of the server under {WRITERS} writers, {refused} refusals: nothing is lost or doubled"
    );
}
