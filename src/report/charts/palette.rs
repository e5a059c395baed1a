//! Colours. They stand in a drawing as those of the light page; [`style`] gives the rules that exchange them on a dark one.

use crate::gate::Standing;
use plotters::prelude::*;
use std::fmt::Write;

/// A colour on a light and on a dark page, each with its name in CSS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Hue {
    pub(in super::super) name: &'static str,
    pub(super) light: RGBColor,
    dark: RGBColor,
}

const fn hue(name: &'static str, light: u32, dark: u32) -> Hue {
    const fn rgb(hex: u32) -> RGBColor {
        RGBColor((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
    }
    Hue { name, light: rgb(light), dark: rgb(dark) }
}

pub(in super::super) const INK: Hue = hue("ink", 0x1f_23_28, 0xe6_ea_ef);
pub(in super::super) const MUTED: Hue = hue("muted", 0x5f_68_73, 0x9a_a4_b0);
pub(in super::super) const GRID: Hue = hue("grid", 0xe3_e6_ea, 0x30_36_3d);
pub(in super::super) const FAINT: Hue = hue("faint", 0xb4_bb_c4, 0x57_60_6a);
pub(in super::super) const BASELINE: Hue = hue("baseline", 0x8a_5a_00, 0xe3_b3_41);
pub(in super::super) const CHALLENGER: Hue = hue("challenger", 0x0b_63_c4, 0x6c_b2_ff);
pub(in super::super) const HOLDS: Hue = hue("holds", 0x1a_7f_4b, 0x4a_c2_80);
pub(in super::super) const OPEN: Hue = hue("open", 0xb2_5f_00, 0xf0_a0_3c);
pub(in super::super) const FAILS: Hue = hue("fails", 0xc4_26_2e, 0xff_7b_72);
pub(in super::super) const SNOOZED: Hue = hue("snoozed", 0x8c_c9_a8, 0x2b_6b_48);
pub(in super::super) const IGNORED: Hue = hue("ignored", 0xcd_d2_d9, 0x48_50_59);
pub(in super::super) const DISMISSED: Hue = hue("dismissed", 0xd9_69_5f, 0xd9_5f_55);

/// Colours of what has no meaning of its own, such as kinds of tip; the last one is that of all others together.
const SERIES: [Hue; 8] = [
    hue("series-1", 0x3b_6f_b6, 0x7f_b0_ee),
    hue("series-2", 0xc8_74_1f, 0xf0_a8_60),
    hue("series-3", 0x2f_8f_6b, 0x5f_cf_9f),
    hue("series-4", 0xa4_50_8b, 0xd9_8c_c4),
    hue("series-5", 0x7d_60_33, 0xc9_a8_78),
    hue("series-6", 0x2f_86_9c, 0x7f_d3_e6),
    hue("series-7", 0x93_7d_1c, 0xe0_cd_6b),
    hue("series-8", 0x7a_7f_87, 0xa8_af_b8),
];

const HUES: [Hue; 20] = {
    let own =
        [INK, MUTED, GRID, FAINT, BASELINE, CHALLENGER, HOLDS, OPEN, FAILS, SNOOZED, IGNORED, DISMISSED];
    let mut hues = [INK; 20];
    let mut i = 0;
    while i < hues.len() {
        hues[i] = if i < own.len() { own[i] } else { SERIES[i - own.len()] };
        i += 1;
    }
    hues
};

/// How many colours there are for what has no meaning of its own.
pub(in super::super) const SERIES_LENGTH: usize = SERIES.len();

/// The colour of the thing in this place; those after the last one share it.
pub(in super::super) fn series_hue(place: usize) -> Hue {
    SERIES[place.min(SERIES.len() - 1)]
}

/// The colour of the policy in this place, the one in charge first.
pub(in super::super) fn rival_hue(place: usize) -> Hue {
    match place {
        0 => BASELINE,
        1 => CHALLENGER,
        // The first two of the series look much like these two.
        more => series_hue(more),
    }
}

/// The colour of a criterion's standing.
pub(in super::super) fn hue_of(standing: Standing) -> Hue {
    match standing {
        Standing::Fails => FAILS,
        Standing::Open => OPEN,
        Standing::Holds => HOLDS,
        Standing::Unseen => MUTED,
    }
}

/// CSS: every colour as a variable, on a light page and on a dark one, and the rules that make the charts
/// follow them.
pub(in super::super) fn style() -> String {
    let hex = |c: RGBColor| format!("#{:02X}{:02X}{:02X}", c.0, c.1, c.2);
    let variables = |of: fn(&Hue) -> RGBColor| {
        HUES.iter().fold(String::new(), |css, h| css + &format!("--{}:{};", h.name, hex(of(h))))
    };
    let (light, dark) = (variables(|h| h.light), variables(|h| h.dark));
    let mut css = format!(":root{{{light}}}\n@media (prefers-color-scheme: dark){{:root{{{dark}}}}}\n");
    for h in HUES {
        let (name, hex) = (h.name, hex(h.light));
        let _ = writeln!(css, "svg [fill=\"{hex}\"]{{fill:var(--{name})}}");
        let _ = writeln!(css, "svg [stroke=\"{hex}\"]{{stroke:var(--{name})}}");
    }
    css
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_colours_are_one_for_the_style_sheet() {
        for (i, a) in HUES.iter().enumerate() {
            assert!(HUES[..i].iter().all(|b| a.light != b.light && a.name != b.name), "{}", a.name);
        }
    }
}
