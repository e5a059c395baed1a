//! `rehearsal import`: states that `export` printed, or another tool, are taken in.

use super::input::{self, Chunk, Lines};
use super::{Global, exit, output};
use crate::base::error::Result;
use crate::base::threads::{MANY, each};
use crate::state::UserState;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// One state per line; stdin when absent
    file: Option<PathBuf>,
    /// Put them in the place of states that are there already
    #[arg(long)]
    replace: bool,
}

/// What is printed for a state.
#[derive(Serialize)]
struct Answer {
    user: String,
    policy: String,
    updates: u64,
    /// Where the damaged file is now that stood there.
    #[serde(skip_serializing_if = "Option::is_none")]
    set_aside: Option<String>,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    let store = global.writable_store();
    let mut lines = Lines::open(args.file.as_deref(), input::CHUNK_BYTES)?;
    let (mut ledger, mut code) = (store.ledger(), exit::DONE);
    let parse = |chunk: &Chunk| {
        let state =
            |(number, line): (u64, &[u8])| (number, UserState::from_line(line, &format!("line {number}")));
        let lines: Vec<_> = chunk.lines().collect();
        let many = lines.len() >= MANY;
        Ok(each(lines, many, state))
    };
    let take = |parsed: Vec<(u64, Result<UserState>)>| {
        let (mut states, mut answers) = (Vec::new(), Vec::new());
        for (number, state) in parsed {
            answers.push((
                number,
                state.map(|state| {
                    let (user, policy) = (state.user().to_owned(), state.policy().name().to_owned());
                    let answer = Answer { user, policy, updates: state.model().updates(), set_aside: None };
                    states.push(state);
                    answer
                }),
            ));
        }
        let mut outcomes = ledger.import(states, args.replace)?.into_iter();
        let mut out = Vec::new();
        for (number, answer) in answers {
            let taken = answer.and_then(|answer| {
                let set_aside = outcomes.next().expect("one for each")?;
                Ok(Answer { set_aside, ..answer })
            });
            match taken {
                Ok(answer) => output::line(&answer, &mut out),
                Err(error) => {
                    output::bad_line(number, &error, &mut out);
                    code = exit::ERROR;
                }
            }
        }
        output::bytes(&out)?;
        ledger.settle(false)
    };
    lines.in_two_steps(&AtomicBool::new(false), parse, take)?;
    Ok(code)
}
