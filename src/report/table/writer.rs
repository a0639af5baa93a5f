//! How a format describes itself.

use std::path::Path;

use crate::report::table::data::Table;
use crate::store::table::TableError;

/// A format of tables.
#[derive(Debug)]
pub(crate) struct Writer {
    /// Name on the command line, and ending of file names.
    pub name: &'static str,
    /// One line of help.
    pub help: &'static str,
    pub purpose: Purpose,
    pub write: Write,
}

/// The use of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be printed; a report has no such file.
    Print,
    /// Rounded numbers, for readers.
    Paper,
    /// Numbers at full precision, for programs.
    Data,
}

/// The function that writes a table.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Write {
    /// As text.
    Text(fn(&Table) -> String),
    /// To a file.
    File(fn(&Table, &Path) -> Result<(), TableError>),
}
