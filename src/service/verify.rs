//! Verify: is everything in the store what was written there?

use super::replay::{Problem, difference, replay};
use crate::base::error::Result;
use crate::domain::request::Request;
use crate::policy::Policy;
use crate::store::{LogFilter, Store, read, views};
use serde::Serialize;
use std::sync::Arc;

/// So many decisions are read at a time.
const PAGE: usize = 4_096;

/// What was checked, and what is wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verified {
    /// States, those of forgotten users left out.
    pub states: u64,
    /// Rewards, resets and imports.
    pub rewards: u64,
    /// Decisions.
    pub decisions: u64,
    /// States of programs that were not given, of which nobody knows whether their rewards make them; left out if there
    /// is none.
    #[serde(skip_serializing_if = "is_zero")]
    pub unasked: u64,
    /// What is wrong, by file.
    pub problems: Vec<Problem>,
}

// Whoever serializes passes a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Checks the engine's own files, every state against its rewards, every decision, and every state file. States of programs
/// are checked by the programs that are given; those of others are counted.
///
/// # Errors
/// A store that cannot be read at all.
pub fn verify(store: &dyn Store, programs: &[Arc<Policy>]) -> Result<Verified> {
    let name =
        store.origin().file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let engine = |problem: String| Problem { file: name.clone(), problem };
    let mut problems: Vec<Problem> = store.integrity()?.into_iter().map(engine).collect();
    let (mut states, mut rewards, mut decisions, mut unasked) = (0, 0, 0, 0);
    // What the engine finds damaged cannot be read to the end.
    let read_all = read(store, |snapshot| {
        replay(
            snapshot,
            programs,
            |_, _| {
                rewards += 1;
                Ok(())
            },
            |state, replay| {
                states += u64::from(state.model.is_some());
                unasked += u64::from(state.model.is_some() && replay.unasked);
                problems.extend(
                    difference(&state, &replay, store.origin()).map(|what| Problem::of(&state, what)),
                );
                problems.extend(views::problem(store, &state)?.map(|what| Problem::of(&state, what)));
                Ok(())
            },
        )?;
        let (filter, mut place) = (LogFilter::default(), 0);
        loop {
            let page = snapshot.decisions_after(place, &filter, PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            place = *last;
            for (_, decision) in &page {
                decisions += 1;
                let origin = format!("decision {}", decision.id);
                let domain = decision.policy.features().domain();
                let request = Request::from_json_of(domain, decision.request.as_bytes(), &origin);
                let checked = request.and_then(|request| request.position(&decision.chosen));
                if let Err(error) = checked {
                    problems.push(engine(format!("{error}; its reward cannot be learned")));
                }
            }
        }
    });
    match read_all {
        Err(_) if !problems.is_empty() => {}
        read_all => read_all?,
    }
    let stray = |file: String| Problem {
        problem: "the store has no such state; `rehearsal import` takes it in, or remove it".to_owned(),
        file,
    };
    problems.extend(views::strays(store)?.into_iter().map(stray));
    problems.sort();
    Ok(Verified { states, rewards, decisions, unasked, problems })
}
