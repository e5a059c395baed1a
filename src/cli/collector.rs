//! Blocks of a run, in order, become its results: whether they were just simulated or come from parts.

use super::folder::Folder;
use crate::base::error::{Error, Result};
use crate::report::{Results, ScenarioResults, UserRows};
use crate::simulation::Block;
use crate::simulation::RunSums;
use crate::simulation::parts::{PartHeader, PartWriter};
use crate::simulation::summary::Summary;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

/// The files of a run.
pub(super) const RUN_FILES: [&str; 4] = ["summary.json", "curve.csv", "users.csv", "records.jsonl"];

/// Sums up blocks and writes their users while they pass by.
pub(super) struct ResultWriter<'a> {
    header: &'a PartHeader,
    summaries: Vec<Summary>,
    sums: Vec<RunSums>,
    files: Option<Files>,
}

/// The files of a run's folder.
struct Files {
    folder: Folder,
    rows: UserRows<BufWriter<File>>,
    records: PartWriter<BufWriter<File>>,
}

impl<'a> ResultWriter<'a> {
    /// A collector without blocks yet, which writes into the folder `out` if there is one.
    pub(super) fn new(header: &'a PartHeader, out: Option<&Path>) -> Result<Self> {
        let files = out.map(|dir| {
            let mut folder = Folder::open(dir, RUN_FILES)?;
            let rows = UserRows::new(folder.file(2)).map_err(Error::io("write", RUN_FILES[2]))?;
            let records =
                PartWriter::new(folder.file(3), header).map_err(Error::io("write", RUN_FILES[3]))?;
            Ok(Files { folder, rows, records })
        });
        let summary = |s: &crate::simulation::parts::ScenarioHeader| {
            Summary::new(s.personas.len(), header.policies.len(), s.steps)
        };
        Ok(Self {
            header,
            summaries: header.scenarios.iter().map(summary).collect(),
            sums: (0..header.scenarios.len()).map(|s| header.blank_sums(s)).collect(),
            files: files.transpose()?,
        })
    }

    /// Takes one block of one scenario, but for its sums.
    pub(super) fn block(&mut self, scenario: usize, block: Block) -> Result<()> {
        let of = &self.header.scenarios[scenario];
        let policies = &self.header.policies;
        let cells = block.users.clone().flat_map(|user| (0..of.personas.len()).map(move |p| (user, p)));
        for ((user, p), records) in cells.zip(block.records.chunks_exact(policies.len())) {
            self.summaries[scenario].observe(p, records);
            let Some(files) = &mut self.files else { continue };
            for (policy, record) in policies.iter().zip(records) {
                let place = [of.name.as_str(), of.personas[p].0.as_str()];
                files.rows.write(place, user, policy, record).map_err(Error::io("write", RUN_FILES[2]))?;
            }
        }
        match &mut self.files {
            Some(files) => files
                .records
                .block(scenario, &block.users, block.records)
                .map_err(Error::io("write", RUN_FILES[3])),
            None => Ok(()),
        }
    }

    /// Takes what was counted of the decisions of one scenario.
    pub(super) fn add_sums(&mut self, scenario: usize, sums: &RunSums) {
        self.sums[scenario] += sums;
    }

    /// Puts the folder in place and returns the results, and whether they could be written; `next` is what to do with
    /// them.
    pub(super) fn finish(self, next: Option<String>) -> (Results, Result<()>) {
        let Self { header, summaries, sums, files } = self;
        let scenarios = header.scenarios.iter().zip(summaries).zip(sums);
        let results = Results {
            seed: header.seed,
            users: header.users,
            policies: header.policies.clone(),
            next,
            scenarios: scenarios
                .map(|((s, summary), sums)| ScenarioResults {
                    name: s.name.clone(),
                    description: s.description.clone(),
                    steps: s.steps,
                    personas: s.personas.clone(),
                    kinds: s.kinds,
                    kind_names: s.kind_names.clone(),
                    summary,
                    sums,
                })
                .collect(),
        };
        let written = files.map_or(Ok(()), |files| files.finish(&results));
        (results, written)
    }
}

impl Files {
    /// Writes what is left to write, and puts all of it in place.
    fn finish(self, results: &Results) -> Result<()> {
        let Self { mut folder, rows, records } = self;
        rows.finish().map_err(Error::io("write", RUN_FILES[2]))?;
        records
            .finish(results.scenarios.iter().map(|s| &s.sums))
            .map_err(Error::io("write", RUN_FILES[3]))?;
        folder.write(0, |out| {
            serde_json::to_writer_pretty(&mut *out, &results.json())?;
            writeln!(out)
        })?;
        folder.write(1, |out| results.write_curve(out))?;
        folder.finish()
    }
}
