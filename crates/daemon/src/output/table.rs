//! Aligned tables. The first column may have a colour, so that no other needs its place computed.

use anstyle::Style;
use comfy_table::{ColumnConstraint, ContentArrangement, Row, Table as Layout, presets};

use super::text;

/// Longest cell, in characters.
const MAX_CELL: usize = 80;

/// A table for people. A pipe gets every cell whole up to 80 characters; a terminal gets one line a row, cut to fit.
pub(crate) struct Table {
    layout: Layout,
    styles: Vec<Style>,
}

impl Table {
    /// A table of which only the header is there.
    pub(crate) fn new(header: &[&str]) -> Self {
        let mut layout = Layout::new();
        let mut header = Row::from(header);
        header.max_height(1);
        layout.load_preset(presets::NOTHING).set_header(header).set_truncation_indicator("…");
        // No cell has it: a cell is cut where its column ends, not after a word.
        layout.set_delimiter('\0');
        Self { layout, styles: vec![Style::new()] }
    }

    /// Adds a row, its first cell in `style`. Cells may have any text; an empty one becomes `-`.
    pub(crate) fn row<'c>(&mut self, style: Style, cells: impl IntoIterator<Item = &'c str>) {
        let cells = cells
            .into_iter()
            .map(|cell| if cell.is_empty() { "-".to_owned() } else { text::cell(cell, MAX_CELL) });
        let mut row = Row::from(cells);
        row.max_height(1);
        self.layout.add_row(row);
        self.styles.push(style);
    }

    /// The table's lines, no wider than `width` where there is one and the columns can be made so narrow.
    pub(crate) fn render(mut self, width: Option<u16>) -> String {
        match width {
            Some(width) => self.layout.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
            None => self.layout.set_content_arrangement(ContentArrangement::Disabled),
        };
        for (place, column) in self.layout.column_iter_mut().enumerate() {
            column.set_padding((0, 2));
            if place == 0 {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        let lines = self.layout.lines().zip(&self.styles);
        lines.map(|(line, style)| styled(line.trim_end(), *style) + "\n").collect()
    }
}

/// `line` with its first cell in `style`. Columns are two blanks apart.
fn styled(line: &str, style: Style) -> String {
    let (first, rest) = line.split_at(line.find("  ").unwrap_or(line.len()));
    format!("{style}{first}{style:#}{rest}")
}

#[cfg(test)]
mod tests {
    use anstyle::AnsiColor;

    use super::*;

    fn table(rows: &[[&str; 3]]) -> Table {
        let mut table = Table::new(&["STATE", "WORKLOAD", "IMAGE"]);
        for row in rows {
            table.row(Style::new(), row.iter().copied());
        }
        table
    }

    #[test]
    fn columns_are_aligned_in_a_pipe() {
        let rows =
            [["running", "blog", "nginx:1"], ["stopped", "a-long-workload-name", ""], ["missing", "ü", "x"]];
        assert_eq!(
            table(&rows).render(None),
            "STATE    WORKLOAD              IMAGE\n\
             running  blog                  nginx:1\n\
             stopped  a-long-workload-name  -\n\
             missing  ü                     x\n"
        );
    }

    #[test]
    fn hostile_cells_stay_in_their_line() {
        let long = "x".repeat(100_000);
        let out = table(&[["running", "a\nb\u{1b}[2J", &long]]).render(None);
        assert_eq!(out.lines().count(), 2);
        assert!(!out.contains('\u{1b}') && out.len() < 400);
    }

    #[test]
    fn a_narrow_terminal_gets_one_line_a_row() {
        let rows = [
            ["running", "a-workload-with-a-name", "an.example/of/an/image:with-a-tag"],
            ["missing", "b", "c d e f g h i j k l"],
        ];
        for width in [10, 20, 30, 40, 80, 200] {
            let out = table(&rows).render(Some(width));
            assert_eq!(out.lines().count(), 3, "{width}:\n{out}");
            assert!(out.contains("running") && out.contains("missing"), "{width}:\n{out}");
            let widest = out.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(usize::from(width.max(20))), "{width}: {widest:?}\n{out}");
        }
    }

    #[test]
    fn only_the_state_is_coloured() {
        let mut table = Table::new(&["STATE", "ROLE"]);
        table.row(AnsiColor::Green.on_default(), ["running", "web"]);
        assert_eq!(table.render(None), "STATE    ROLE\n\u{1b}[32mrunning\u{1b}[0m  web\n");
    }

    #[test]
    fn a_table_without_rows_is_its_header() {
        assert_eq!(table(&[]).render(None), "STATE  WORKLOAD  IMAGE\n");
        assert_eq!(table(&[]).render(Some(80)), "STATE  WORKLOAD  IMAGE\n");
    }
}
