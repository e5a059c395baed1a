//! Charts as SVG, each drawn at two widths, for a screen and for a phone: one set of pieces for every page.
//!
//! `intervals` are estimates with bounds, `panels` lines with bands, `shares` parts of a whole; `forest` and `evidence` are of
//! verdicts, `rewards` of the server. What a chart is about comes in, an `<svg>` goes out. A new chart is a file over `drawing`
//! and `palette`, and its line here.

mod drawing;
mod evidence;
mod forest;
mod intervals;
mod palette;
mod panels;
mod rewards;
mod shares;

pub(super) use drawing::Width;
pub(super) use evidence::{Highlights, evidence};
pub(super) use forest::{forest, forest_range};
pub(super) use intervals::{Estimate, IntervalRow, Scale, Shape, intervals, range_of};
pub(super) use palette::{
    BASELINE, CHALLENGER, FAILS, FAINT, HOLDS, Hue, INK, MUTED, OPEN, SERIES_LENGTH, hue_of, rival_hue,
    series_hue, style,
};
pub(super) use panels::{CurveLine, Grid, Panel, panels};
pub(super) use rewards::{Point as RewardPoint, policy_hue, rewards};
pub(super) use shares::{REACTIONS, ShareRow, shares};
