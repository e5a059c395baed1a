//! Evidence from real users: what one arm gains over another, and whether a rollout may take its next step (ADR-0024, ADR-0025).
//!
//! In: the decisions and rewards of a store or a log, and what an experiment declares. Out: an [`Analysis`], and of a
//! rollout a step that is kept in the store with the evidence for it. A user is one observation. Unlike the gate's, arms are
//! not paired: nobody lives twice.
//!
//! | file | holds |
//! | --- | --- |
//! | `effect`, `sample_ratio` | the statistics, which know of no user |
//! | `metric` | what is compared |

mod effect;
mod metric;
mod sample_ratio;

pub use effect::{
    ArmUser, EffectProcess, e_above, e_below, e_two_sided, effect_estimate, effect_lower, effect_upper,
    planned_users,
};
pub use metric::LiveMetric;
pub use sample_ratio::SampleRatio;
