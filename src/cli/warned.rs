//! Warnings: each is said once in a run.

use super::output;
use crate::service::Warning;
use std::collections::BTreeSet;
use std::sync::Mutex;

/// So many different warnings are remembered: a run may meet any number of names.
const REMEMBERED: usize = 1_000;

/// What was warned about.
#[derive(Debug, Default)]
pub(super) struct Warned(Mutex<BTreeSet<Warning>>);

impl Warned {
    /// Says what was not said yet.
    pub(super) fn say(&self, warnings: &[Warning]) {
        if warnings.is_empty() {
            return;
        }
        let mut said = self.0.lock().expect("no thread dies with it");
        for warning in warnings {
            if said.len() < REMEMBERED && said.insert(warning.clone()) {
                output::warn(&warning.0);
            }
        }
    }
}
