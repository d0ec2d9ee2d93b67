//! Columns that line up.
//!
//! Owns: widths. A cell's tone is added after its width is known, so colours never shift a column.

use super::paint::{Paint, Tone};

/// Rows of cells.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<Cell>>,
}

/// A piece of text in one tone.
pub(crate) type Cell = (Tone, String);

impl Table {
    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Adds a row of headings.
    pub(crate) fn head<'a>(&mut self, cells: impl IntoIterator<Item = &'a str>) {
        self.row(cells.into_iter().map(|cell| (Tone::Faint, cell.to_owned())));
    }

    /// The table as text, each row indented by two blanks; the last column is left ragged.
    pub(crate) fn show(&self, paint: Paint) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|(_, text)| text.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        self.rows.iter().map(|row| line(row, &widths, paint)).collect()
    }
}

fn line(row: &[Cell], widths: &[usize], paint: Paint) -> String {
    let mut line = String::from(" ");
    for (nth, (tone, text)) in row.iter().enumerate() {
        let gap = if nth + 1 < row.len() { widths[nth] - text.chars().count() + 1 } else { 0 };
        line.push(' ');
        line.push_str(&paint.tone(*tone, text));
        line.push_str(&" ".repeat(gap));
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_with_and_without_colour() {
        let mut table = Table::default();
        table.head(["host", "role"]);
        table.row([(Tone::Name, "harbor-1".to_owned()), (Tone::Good, "server".to_owned())]);
        assert_eq!(table.show(Paint(false)), "  host      role\n  harbor-1  server\n");
        let coloured = table.show(Paint(true));
        assert!(coloured.contains("\u{1b}[36mharbor-1\u{1b}[0m  "), "{coloured:?}");
    }
}
