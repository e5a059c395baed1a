//! Servers over Postgres: what holds over a directory holds here, replicas share it, and it may be away.

use super::breaking::{holds, under_load};
use super::{request, text};
use crate::util::postgres;
use crate::util::server::Server;
use crate::util::{Dir, on_a_server, on_postgres};
use serde_json::json;
use std::thread;
use std::time::{Duration, Instant};

on_a_server! {
    breaking:
        a_killed_server_has_lost_nothing_that_it_acknowledged,
        a_server_that_is_asked_to_end_keeps_every_decision,
        durable_decisions_are_in_the_store_when_they_are_answered;
    contract:
        every_answer_is_as_the_document_says,
        counts_add_up_and_the_page_is_well_formed;
    hostile:
        bodies_that_are_no_call_are_refused_with_the_field,
        an_asker_who_leaves_is_no_decision;
    life:
        a_life_is_the_same_by_library_command_line_and_http;
    routes:
        a_decision_is_answered_rewarded_seen_and_forgotten,
        a_list_is_answered_by_a_list_with_problems_in_their_places,
        a_reward_finds_a_decision_that_is_still_waiting_to_be_kept,
        shadows_decide_unseen_and_learn_nothing,
        an_erased_user_does_not_come_back_as_a_shadow,
        many_candidates_are_decided_as_few_are;
}

const POLICY: [&str; 2] = ["--policy", "egreedy-v1"];

#[test]
fn a_reward_may_come_to_another_replica() {
    on_postgres(|| {
        let dir = Dir::new();
        let (one, other) = (Server::start(&dir, &POLICY), Server::start(&dir, &POLICY));
        let (mut one, mut other) = (one.client(), other.client());
        let mut early = 0;
        for n in 1..=100_u64 {
            let decision = one.post("/score", &request("u")).json(200);
            let reward = json!({"decision": text(&decision, "decision_id"), "reward": 1.0});
            let learned = loop {
                let answer = other.post("/reward", &reward);
                if answer.status == 200 {
                    break answer.json(200);
                }
                // It is told to come again, and not that there is no such decision.
                answer.problem(503);
                early += 1;
                thread::sleep(Duration::from_millis(2));
            };
            assert_eq!(learned["updates"], n);
        }
        assert!(early < 10_000);
    });
}

/// A server of its own is killed and comes back, `rounds` times, while a replica of ours is asked, and killed too in every
/// second round.
fn kills(rounds: u64) {
    let Some(server) = postgres::Server::start() else { return };
    let dir = Dir::at(server.database());
    let mut told = super::breaking::Told::default();
    for round in 0..rounds {
        let replica = Server::start(&dir, &POLICY);
        let (more, ()) = under_load(&replica, || {
            thread::sleep(Duration::from_millis(50 + 29 * round % 150));
            server.kill();
            thread::sleep(Duration::from_millis(50));
            if round % 2 == 1 {
                replica.signal("KILL");
            }
            server.start_again();
            thread::sleep(Duration::from_millis(150));
        });
        told.add(more);
        if round % 2 == 0 {
            // It comes back by itself.
            let begun = Instant::now();
            while replica.get("/health/ready").status != 200 {
                assert!(begun.elapsed() < Duration::from_secs(30), "{}", replica.log());
                thread::sleep(Duration::from_millis(20));
            }
            let (status, log) = replica.end();
            assert_eq!(status.code(), Some(0), "{log}");
        }
        if round % 10 == 9 || round + 1 == rounds {
            holds(&dir, &told);
        }
    }
    assert!(told.learned() as u64 > rounds, "{}", told.learned());
    println!("{rounds} kills of the database, {} acknowledged rewards", told.learned());
}

#[test]
fn a_database_that_is_killed_comes_back_with_everything_acknowledged() {
    kills(4);
}

#[test]
#[ignore = "minutes"]
fn breaking_a_database_and_its_server_that_are_killed_200_times_loses_nothing() {
    kills(200);
}

/// The database is away for so long, and comes back.
fn away(time: Duration) {
    let Some(server) = postgres::Server::start() else { return };
    let dir = Dir::at(server.database());
    let replica = Server::start(&dir, &POLICY);
    let mut client = replica.client();
    let decision = client.post("/score", &request("u")).json(200);
    // A database that is killed loses what it was given in its last moments and was not told to sync.
    thread::sleep(Duration::from_secs(1));
    server.kill();
    // Its processes last a moment longer than it does.
    let begun = Instant::now();
    while client.post("/score", &request("u")).status == 200 {
        assert!(begun.elapsed() < Duration::from_secs(2));
    }
    let reward = json!({"decision": text(&decision, "decision_id"), "reward": 1.0});
    let mut refused = 0;
    while begun.elapsed() < time {
        refused += 1;
        client.post("/score", &request("u")).problem(503);
        client.post("/reward", &reward).problem(503);
        client.request("GET", "/health/ready", &[], "").problem(503);
        assert_eq!(client.request("GET", "/health/live", &[], "").status, 200);
    }
    server.start_again();
    let back = Instant::now();
    // The decision was answered before, and waited.
    let learned = loop {
        let answer = client.post("/reward", &reward);
        if answer.status == 200 {
            break answer.json(200);
        }
        answer.problem(503);
        assert!(back.elapsed() < Duration::from_secs(30), "{}", replica.log());
        thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(learned["updates"], 1);
    client.post("/score", &request("u")).json(200);
    assert!(!replica.log().contains("password"), "{}", replica.log());
    println!(
        "away for {time:?}: {refused} scores and as many rewards were 503; back after {:?}",
        back.elapsed()
    );
}

#[test]
fn while_the_database_is_away_it_is_503() {
    away(Duration::from_secs(2));
}

#[test]
#[ignore = "a minute"]
fn breaking_a_database_that_is_away_for_a_minute_comes_back() {
    away(Duration::from_secs(60));
}
