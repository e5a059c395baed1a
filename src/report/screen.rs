//! The terminal that a text is for: how wide it is, and whether it shows colours.

/// A terminal.
///
/// ```
/// use rehearsal::report::{Screen, Tint};
///
/// let plain = Screen::new(80, false);
/// assert_eq!(plain.paint(Tint::Good, "holds"), "holds");
/// assert_eq!(Screen::new(80, true).paint(Tint::Good, "holds"), "\u{1b}[32mholds\u{1b}[0m");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    columns: usize,
    colors: bool,
}

/// What a colour says. Each is one of the sixteen that every terminal has, as its owner set them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tint {
    /// What holds.
    Good,
    /// What is open.
    Warning,
    /// What fails.
    Bad,
    /// The policy in charge.
    Baseline,
    /// The policy that wants its place.
    Challenger,
    /// What stands behind the rest.
    Faint,
    /// What stands out.
    Strong,
}

impl Tint {
    /// The number of a "select graphic rendition" of ECMA-48.
    fn rendition(self) -> u8 {
        match self {
            Self::Good => 32,
            Self::Warning => 33,
            Self::Bad => 31,
            Self::Baseline => 35,
            Self::Challenger => 36,
            Self::Faint => 2,
            Self::Strong => 1,
        }
    }
}

impl Screen {
    /// Fewer columns than these have no room for a chart.
    pub const MIN_COLUMNS: usize = 60;
    /// Longer lines are no easier to read.
    pub const MAX_COLUMNS: usize = 110;

    /// A terminal of so many columns, which shows colours or does not.
    pub fn new(columns: usize, colors: bool) -> Self {
        Self { columns, colors }
    }

    /// The columns that text may take: at most [`Screen::MAX_COLUMNS`].
    pub fn columns(&self) -> usize {
        self.columns.min(Self::MAX_COLUMNS)
    }

    /// Whether a chart has room.
    pub fn has_room(&self) -> bool {
        self.columns >= Self::MIN_COLUMNS
    }

    /// `text` in a colour, where there are any. It must be free of control characters.
    pub fn paint(&self, tint: Tint, text: &str) -> String {
        if self.colors && !text.is_empty() {
            format!("\u{1b}[{}m{text}\u{1b}[0m", tint.rendition())
        } else {
            text.to_owned()
        }
    }
}
