//! JSON at full precision: the columns' names, one object per row, and the notes. An undefined number is `null`.

use serde_json::{Map, json};

use crate::report::table::data::{Cell, Table, Value};
use crate::report::table::writer::{Purpose, Write, Writer};

pub(super) const WRITER: Writer = Writer {
    name: "json",
    help: "JSON at full precision: one object per row, and the notes",
    purpose: Purpose::Print,
    write: Write::Text(render),
};

fn render(table: &Table) -> String {
    let columns: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let object = |row: &Vec<Cell>| {
        let fields = columns.iter().zip(row).map(|(name, cell)| ((*name).to_owned(), value(cell)));
        serde_json::Value::Object(fields.collect::<Map<_, _>>())
    };
    let rows: Vec<serde_json::Value> = table.rows.iter().map(object).collect();
    format!("{:#}\n", json!({ "columns": columns, "rows": rows, "notes": table.notes }))
}

fn value(cell: &Cell) -> serde_json::Value {
    match &cell.value {
        Value::Text(text) => json!(text),
        Value::Count(count) => json!(count),
        Value::Number(number) => json!(number),
        Value::Flag(flag) => json!(flag),
    }
}
