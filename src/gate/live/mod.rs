//! Evidence from real users: what one arm gains over another, and whether a rollout may take its next step (ADR-0024, ADR-0025).
//!
//! In: the decisions and rewards of a store or a log, and what an experiment declares. Out: an [`Analysis`], and of a
//! rollout a step that is kept in the store with the evidence for it. A user is one observation. Unlike the gate's, arms are
//! not paired: nobody lives twice.
//!
//! | file | holds |
//! | --- | --- |
//! | `effect`, `sample_ratio` | the statistics, which know of no user |
//! | `metric`, `grouping` | what is compared, and between whom |
//! | `observations` | decisions and rewards become one number for each user |
//! | `arms`, `analysis` | groups and their differences |
//! | `rollout`, `rehearsal` | steps on evidence, and how many people they take |
//!
//! A new number of a user is a variant in `metric`, another way to divide users one in `grouping`.

mod analysis;
mod arms;
mod effect;
mod grouping;
mod metric;
mod observations;
mod refusal;
mod rehearsal;
mod rollout;
mod sample_ratio;

pub use analysis::{
    ANALYSIS_SCHEMA_VERSION, Analysis, AnalysisRequest, ArmDifference, GroupSummary, LiveVerdict,
    SampleRatioFinding, analyze, observe_spread,
};
pub use arms::Epoch;
pub use effect::{
    ArmUser, EffectProcess, e_above, e_below, e_two_sided, effect_estimate, effect_lower, effect_upper,
    planned_users,
};
pub use grouping::{Grouping, SegmentFilter};
pub use metric::LiveMetric;
pub use observations::{DAY_MS, Membership, ObservationRules, UserObservation, UserObservations, observe};
pub use refusal::LiveRefusal;
pub use rehearsal::{
    REHEARSAL_SCHEMA_VERSION, RehearsedCase, RolloutPool, RolloutRehearsal, rehearse_rollout,
};
pub use rollout::{
    RolloutAction, RolloutEvidence, RolloutRuling, RolloutStep, advance_rollout, epochs, evidence_of,
    next_share, rollout_history, rule, rules_of, running_evidence, start_rollout, steps_on_evidence,
    stop_rollout,
};
pub use sample_ratio::SampleRatio;
