//! What a decision and an observation spend their time on: the ridge model's equations over
//! [`Vector`](crate::base::vector::Vector), for one user or four.
//!
//! In: cells of one user or of four. Out: cells. Sums run over dimensions in one order, so that a user's numbers have the
//! same bits in both. A new equation is a [`Kernel`](crate::base::vector::Kernel) in a file of what it is about.

mod best;
mod factor;
mod scores;
mod sums;
mod update;

pub(super) use best::{Best, FindBest};
pub(super) use factor::Perturb;
pub(crate) use factor::{Cholesky, Solve};
pub(super) use scores::{QuadraticForms, Scores};
pub(super) use sums::product_of;
pub(super) use update::{AddOuterProducts, Update};
