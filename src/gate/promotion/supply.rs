//! Where simulated users come from: they are simulated now, or were before.

use crate::base::error::Result;
use crate::gate::trial::{TriedUser, Wanted};
use crate::simulation::parts::RunParts;
use crate::simulation::{BLOCK_USERS, Block, Simulation};
use rayon::prelude::*;
use std::ops::Range;

/// Where simulated users come from.
#[derive(Debug)]
pub enum UserSource {
    /// They are simulated now, under this seed or under the one that follows from the inputs.
    Simulation(Option<u64>),
    /// They were simulated before, for this very gate.
    Records(RunParts),
}

/// Blocks of users as a run asks for them.
pub(super) enum Supply<'a> {
    Simulated(Vec<Simulation<'a>>),
    Recorded(RunParts),
}

impl Supply<'_> {
    /// The users of a range in some of the scenarios; those of personas who are not wanted may be blank.
    pub(super) fn draw(&mut self, open: &[Wanted], users: &Range<u64>) -> Result<Vec<Vec<Block>>> {
        match self {
            Self::Simulated(simulations) => {
                let run = |wanted: &Wanted| {
                    let mut blocks = Vec::new();
                    simulations[wanted.scenario].run_those(&wanted.personas, users.clone(), |block| {
                        blocks.push(block);
                        true
                    })?;
                    Ok(blocks)
                };
                let drawn: Vec<Result<Vec<Block>>> = open.par_iter().map(run).collect();
                drawn.into_iter().collect()
            }
            Self::Recorded(parts) => {
                let numbers = users.start / BLOCK_USERS..users.end.div_ceil(BLOCK_USERS);
                let mut of = |wanted: &Wanted| {
                    let blocks =
                        numbers.clone().map(|number| Ok(parts.block(wanted.scenario, number)?.cut(users)));
                    blocks.collect()
                };
                open.iter().map(&mut of).collect()
            }
        }
    }
}

/// The users of a block under so many policies: baseline, challenger, and perhaps the reference.
pub(super) fn tried(block: &Block, policies: usize) -> impl Iterator<Item = TriedUser> + '_ {
    block.records.chunks_exact(policies).map(|records| TriedUser {
        baseline: records[0],
        challenger: records[1],
        reference: records.get(2).copied(),
    })
}
