//! Parquet at full precision: one column per column, typed by its cells. No notes.

use std::path::Path;

use crate::report::table::data::{Table, Value};
use crate::report::table::writer::{Purpose, Write, Writer};
use crate::store::table::{Columns, TableError};

pub(super) const WRITER: Writer =
    Writer { name: "parquet", help: "Parquet at full precision", purpose: Purpose::Data, write: Write::File(write) };

fn write(table: &Table, path: &Path) -> Result<(), TableError> {
    let mut columns = Columns::default();
    for (at, column) in table.columns.iter().enumerate() {
        let values = || table.rows.iter().map(|row| &row[at].value);
        // A column of an empty table has no type of its own.
        columns = match values().next() {
            Some(Value::Text(_)) | None => columns.texts(&column.name, values().map(text)),
            Some(Value::Count(_)) => columns.counts(&column.name, values().map(count)),
            Some(Value::Number(_)) => columns.optional_numbers(&column.name, values().map(number)),
            Some(Value::Flag(_)) => columns.flags(&column.name, values().map(flag)),
        };
    }
    columns.write(path)
}

fn text(value: &Value) -> &str {
    match value {
        Value::Text(text) => text,
        other => mixed(other),
    }
}

fn count(value: &Value) -> u64 {
    match value {
        Value::Count(count) => *count,
        other => mixed(other),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => *number,
        other => mixed(other),
    }
}

fn flag(value: &Value) -> bool {
    match value {
        Value::Flag(flag) => *flag,
        other => mixed(other),
    }
}

fn mixed(value: &Value) -> ! {
    panic!("all cells of a column have one type, but one is {value:?}")
}
