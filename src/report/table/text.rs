//! Tables in columns, for a terminal: the best value has a star, and notes follow.

use crate::report::table::data::{Rank, Table};
use crate::report::table::writer::{Purpose, Write, Writer};
use crate::store::rows::rows_as_text;

pub(super) const WRITER: Writer =
    Writer { name: "text", help: "For a terminal", purpose: Purpose::Print, write: Write::Text(render) };

fn render(table: &Table) -> String {
    let mut rows = vec![table.columns.iter().map(|column| column.head.clone()).collect::<Vec<_>>()];
    rows.extend(table.rows.iter().map(|row| {
        let cell = |cell: &crate::report::table::data::Cell| match cell.rank {
            Some(Rank::Best) => format!("{} *", cell.shown),
            Some(Rank::Second) | None => cell.shown.clone(),
        };
        row.iter().map(cell).collect()
    }));
    let notes: String = table.notes.iter().map(|note| ["note: ", note, "\n"].concat()).collect();
    rows_as_text(&rows) + &notes
}
