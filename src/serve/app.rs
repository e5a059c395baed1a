//! What the handlers share.

use super::analyses::Analyses;
use super::deciders::Deciders;
use super::generations::Generations;
use super::metrics::Metrics;
use super::profile_lookups::ProfileLookups;
use super::rewards_over_time::RewardsOverTime;
use super::settings::Settings;
use super::shadows::Shadows;
use super::writer::Writer;
use crate::service::Service;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// The parts of a server that answer.
pub(super) struct App {
    pub(super) settings: Settings,
    pub(super) service: Arc<Service>,
    pub(super) deciders: Deciders,
    pub(super) writer: Arc<Writer>,
    pub(super) shadows: Arc<Shadows>,
    pub(super) generations: Arc<Generations>,
    pub(super) lookups: Arc<ProfileLookups>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) rewards: Arc<RewardsOverTime>,
    pub(super) analyses: Arc<Analyses>,
    pub(super) began: Instant,
    pub(super) stopping: AtomicBool,
}

impl App {
    /// Whether the server was asked to end.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}
