//! Rows that are alike, kept once: a log of few items has few different rows, and what a row is to a policy that does not learn
//! need not be found out again for each that is like it. Who has more different rows than this keeps them all.

use super::row::Row;
use super::spool::Spool;
use crate::base::error::Result;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Different rows that are told apart, at most.
const MOST: usize = 1 << 12;

/// A row, as often as it was there.
pub(super) struct RepeatedRow {
    pub(super) row: Row,
    /// The fold of cross-fitting.
    pub(super) fold: usize,
    pub(super) times: u64,
}

/// The different rows of a log, and the order in which they came.
#[derive(Default)]
pub(super) struct RepeatedRows {
    /// The place of each among the different ones.
    places: HashMap<[u64; 4], u16>,
    pub(super) different: Vec<RepeatedRow>,
    pub(super) order: Spool,
}

impl RepeatedRows {
    /// Adds the next row; false, and nothing is added, where it is one too many or says more than what was chosen, with which
    /// probability, and what followed.
    pub(super) fn add(&mut self, row: &Row, fold: usize) -> Result<bool> {
        let Row { chosen, propensity, reward, moment, user: _, cluster, listed, .. } = row;
        let Row { features, request, probabilities, inputs, vectors, .. } = row;
        let says_more = moment.is_some() || cluster.is_some() || request.is_some() || vectors.dim > 0;
        if says_more
            || !(listed.is_empty() && features.is_empty() && probabilities.is_empty() && inputs.is_empty())
        {
            return Ok(false);
        }
        let propensity = propensity.unwrap_or(f64::NAN).to_bits();
        let next = self.different.len();
        let place = match self.places.entry([u64::from(*chosen), propensity, reward.to_bits(), fold as u64]) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(_) if next == MOST => return Ok(false),
            Entry::Vacant(entry) => {
                self.different.push(RepeatedRow { row: row.clone(), fold, times: 0 });
                *entry.insert(next as u16)
            }
        };
        self.different[usize::from(place)].times += 1;
        self.order.put_short(place)?;
        Ok(true)
    }

    /// All rows, one after the other.
    fn into_spool(mut self) -> Result<Spool> {
        let rows: u64 = self.different.iter().map(|different| different.times).sum();
        let (mut spool, mut order) = (Spool::new(), self.order.read()?);
        for _ in 0..rows {
            spool.put_row(&self.different[usize::from(order.get_short()?)].row)?;
        }
        Ok(spool)
    }
}

/// The rows of a log that wait for the later passes.
pub(super) enum KeptRows {
    /// Each of them.
    Each(Spool),
    /// The different ones.
    Repeated(RepeatedRows),
}

impl KeptRows {
    /// Keeps the next row.
    pub(super) fn put(&mut self, row: &Row, fold: usize) -> Result<()> {
        if let Self::Repeated(repeated) = self {
            if repeated.add(row, fold)? {
                return Ok(());
            }
            *self = Self::Each(std::mem::take(repeated).into_spool()?);
        }
        match self {
            Self::Each(spool) => spool.put_row(row),
            Self::Repeated(_) => unreachable!("it was told before"),
        }
    }
}
