//! `rehearsal import`: states that `export` printed, or another tool, are taken in; or a directory of version 0.1.

use super::error::UsageError;
use super::input::{self, Chunk, LineText, Lines};
use super::store_args::{Global, publish};
use super::{exit, output};
use crate::base::error::{Error, Result};
use crate::base::threads::{MANY, each};
use crate::service::{Service, bring_over, import};
use crate::store::{Pace, State};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// One state per line, stdin when absent; or a state directory of version 0.1, whose logs and states are brought over
    #[arg(value_name = "FILE|DIR")]
    from: Option<PathBuf>,
    /// Put them in the place of states that are there already
    #[arg(long)]
    replace: bool,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    let dir = args.from.as_deref().filter(|path| path.is_dir());
    if args.replace && dir.is_some() {
        let (options, remedy) =
            ("--replace", "is of states by lines: a directory is brought into an empty store alone");
        return Err(Error::because(UsageError::Options { options, remedy }));
    }
    let service = global.plain_service(global.to_write(Pace::Bulk)?)?;
    let run = service.begin_sweep();
    let code = match dir {
        Some(dir) => directory(&service, dir),
        None => lines(&service, args),
    };
    let published = publish(&service, run);
    let code = code?;
    published?;
    service.store().tidy()?;
    Ok(code)
}

fn directory(service: &Service, dir: &Path) -> Result<u8> {
    let brought = bring_over(service, dir)?;
    output::json(&brought)?;
    match brought.problems.len() {
        0 => return Ok(exit::DONE),
        count => output::complain(&format!("what is listed as a problem was not brought over: {count}")),
    }
    Ok(exit::ERROR)
}

fn lines(service: &Service, args: &Args) -> Result<u8> {
    let mut lines = Lines::open(args.from.as_deref(), input::CHUNK_BYTES)?;
    let (mut code, mut count) = (exit::DONE, 0);
    let parse = |chunk: &Chunk| {
        let state = |(number, line): (u64, LineText)| {
            let origin = format!("line {number}");
            let line = line.map_err(|long| long.at(&origin));
            let state = line.and_then(|line| {
                let state = State::from_line(line, &origin)?;
                state.check_learned().map_err(|fault| fault.at(&origin))?;
                Ok(state)
            });
            (number, state)
        };
        let lines: Vec<_> = chunk.lines().collect();
        let many = lines.len() >= MANY;
        Ok(each(lines, many, state))
    };
    let take = |parsed: Vec<(u64, Result<State>)>| {
        let (mut states, mut parsed_lines) = (Vec::new(), Vec::new());
        count += parsed.len();
        for (number, state) in parsed {
            parsed_lines.push((number, state.map(|state| states.push(state))));
        }
        let mut outcomes = import(service, &states, args.replace)?.into_iter();
        let mut out = Vec::new();
        for (number, state) in parsed_lines {
            match state.and_then(|()| outcomes.next().expect("one for each")) {
                Ok(imported) => output::line(&imported, &mut out),
                Err(error) => {
                    output::bad_line(number, &error, &mut out);
                    code = exit::ERROR;
                }
            }
        }
        output::bytes(&out)
    };
    lines.in_two_steps(&AtomicBool::new(false), parse, take)?;
    if count == 0 {
        output::warn(&"0 states were imported: there is no line with one");
    }
    Ok(code)
}
