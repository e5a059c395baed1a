//! Charts as SVG, each drawn at two widths, for a screen and for a phone.
//!
//! A judgement's evidence comes in, an `<svg>` goes out. A new chart is a file over `drawing` and `palette`, and its line
//! here.

mod curves;
mod drawing;
mod evidence;
mod forest;
mod intervals;
mod palette;
mod reactions;
mod rewards;

pub(super) use curves::curves;
pub(super) use drawing::Width;
pub(super) use evidence::{Highlights, evidence};
pub(super) use forest::forest;
pub(super) use intervals::{Interval, intervals};
pub(super) use palette::{BASELINE, CHALLENGER, FAINT, Hue, hue_of, style};
pub(super) use reactions::{REACTIONS, reactions};
pub(super) use rewards::{Point as RewardPoint, policy_hue, rewards};
