//! A grid of characters, each in a colour.

use crate::report::screen::{Screen, Tint};

/// What is drawn on.
#[derive(Debug, Clone)]
pub(super) struct Canvas {
    width: usize,
    cells: Vec<(char, Option<Tint>)>,
}

impl Canvas {
    /// Blanks, so many across and down.
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self { width, cells: vec![(' ', None); width * height] }
    }

    /// Puts a character; outside there is nowhere to put it.
    pub(super) fn put(&mut self, x: usize, y: usize, character: char, tint: Option<Tint>) {
        if x < self.width
            && let Some(cell) = self.cells.get_mut(y * self.width + x)
        {
            *cell = (character, tint);
        }
    }

    /// One line, without blanks at its end.
    pub(super) fn line(&self, y: usize, screen: &Screen) -> String {
        let row = &self.cells[y * self.width..(y + 1) * self.width];
        let end = row.iter().rposition(|(c, _)| *c != ' ').map_or(0, |last| last + 1);
        row[..end]
            .chunk_by(|a, b| a.1 == b.1)
            .map(|run| {
                let text: String = run.iter().map(|(c, _)| *c).collect();
                run[0].1.map_or_else(|| text.clone(), |tint| screen.paint(tint, &text))
            })
            .collect()
    }
}

/// The cell of a value among `cells` over `low` to `high`; the first or the last for one beyond them.
pub(super) fn cell(x: f64, (low, high): (f64, f64), cells: usize) -> usize {
    let share = if high > low { (x - low) / (high - low) } else { 0.5 };
    // A cast takes what is no number to 0.
    ((share.clamp(0.0, 1.0) * (cells.max(1) - 1) as f64) + 0.5) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_painted_in_runs_and_ends_at_its_last_character() {
        let mut canvas = Canvas::new(6, 1);
        for x in 1..3 {
            canvas.put(x, 0, '-', Some(Tint::Good));
        }
        canvas.put(9, 0, 'x', None);
        canvas.put(0, 3, 'x', None);
        assert_eq!(canvas.line(0, &Screen::new(80, false)), " --");
        assert_eq!(canvas.line(0, &Screen::new(80, true)), " \u{1b}[32m--\u{1b}[0m");
    }

    #[test]
    fn values_have_their_cells() {
        let of = |x: f64| cell(x, (-1.0, 1.0), 11);
        assert_eq!([of(-2.0), of(-1.0), of(0.0), of(1.0), of(7.0), of(f64::NAN)], [0, 0, 5, 10, 10, 0]);
        assert_eq!(cell(3.0, (3.0, 3.0), 11), 5);
    }
}
