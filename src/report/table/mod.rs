//! Tables, and the formats they are written in: one [`Table`], one file per format.
//!
//! Deliberately absent: where the numbers come from (`statistics`, `compare`).

pub(crate) mod confusion;
mod csv;
pub(crate) mod data;
pub(crate) mod html;
mod json;
mod latex;
pub(crate) mod markdown;
mod parquet;
pub(crate) mod scores;
mod text;
pub(crate) mod writer;

use std::path::Path;

pub(crate) use self::data::{Cell, Column, Rank, Table, UNDEFINED, ranks};
pub(crate) use self::writer::{Purpose, Write, Writer};
use crate::store::table::TableError;
use crate::store::write_atomic;

/// Declares the formats, each with the file that writes it.
macro_rules! formats {
    ($($format:ident => $file:ident),+ $(,)?) => {
        /// A format of tables.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the writers describe their formats")]
        pub(crate) enum Format {
            $($format),+
        }

        impl Format {
            /// All formats.
            pub(crate) const ALL: &[Self] = &[$(Self::$format),+];

            /// The writer of the format.
            pub(crate) fn writer(self) -> &'static Writer {
                match self {
                    $(Self::$format => &$file::WRITER),+
                }
            }
        }
    };
}

formats! {
    Text => text,
    Markdown => markdown,
    Csv => csv,
    Json => json,
    Latex => latex,
    Parquet => parquet,
}

/// Writes a table into a folder in each format of the given purposes, as `<name of the table>.<name of the format>`.
///
/// # Errors
///
/// If a file cannot be written.
pub(crate) fn write_table(table: &Table, folder: &Path, purposes: &[Purpose]) -> Result<(), TableError> {
    for format in Format::ALL.iter().map(|format| format.writer()).filter(|format| purposes.contains(&format.purpose)) {
        let path = folder.join(format!("{}.{}", table.name, format.name));
        match format.write {
            Write::Text(render) => write_atomic(&path, render(table).as_bytes())?,
            Write::File(write) => write(table, &path)?,
        }
    }
    Ok(())
}
