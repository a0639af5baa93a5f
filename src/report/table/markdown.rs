//! Markdown tables, as git hosts show them: the best value is bold, and notes follow as a list.

use crate::report::table::data::{Cell, Rank, Table};
use crate::report::table::writer::{Purpose, Write, Writer};
use crate::store::rows::rows_as_markdown;

pub(super) const WRITER: Writer =
    Writer { name: "md", help: "Markdown, for a git host", purpose: Purpose::Paper, write: Write::Text(render) };

/// A table in Markdown.
pub(crate) fn render(table: &Table) -> String {
    let emphasised = |cell: &Cell| match cell.rank {
        Some(Rank::Best) => format!("**{}**", cell.shown),
        Some(Rank::Second) | None => cell.shown.clone(),
    };
    let mut rows = vec![table.columns.iter().map(|column| column.head.clone()).collect::<Vec<_>>()];
    rows.extend(table.rows.iter().map(|row| row.iter().map(emphasised).collect()));
    let notes: String = table.notes.iter().map(|note| ["* ", note, "\n"].concat()).collect();
    let space = if notes.is_empty() { "" } else { "\n" };
    rows_as_markdown(&rows) + space + &notes
}
