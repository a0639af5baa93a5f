//! Comma-separated values at full precision, under the columns' names; an undefined number is an empty field. No notes.
//!
//! Source: RFC 4180.

use crate::report::table::data::{Cell, Table, Value};
use crate::report::table::writer::{Purpose, Write, Writer};
use crate::store::rows::rows_as_csv;

pub(super) const WRITER: Writer = Writer {
    name: "csv",
    help: "Comma-separated values at full precision",
    purpose: Purpose::Data,
    write: Write::Text(render),
};

fn render(table: &Table) -> String {
    let mut rows = vec![table.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>()];
    rows.extend(table.rows.iter().map(|row| row.iter().map(field).collect()));
    rows_as_csv(&rows)
}

fn field(cell: &Cell) -> String {
    match &cell.value {
        Value::Text(text) => text.clone(),
        Value::Count(count) => count.to_string(),
        Value::Number(number) => number.map_or_else(String::new, |number| number.to_string()),
        Value::Flag(flag) => flag.to_string(),
    }
}
