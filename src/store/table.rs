//! Tables in Parquet files, column by column, written atomically.

use std::fs::File;
use std::path::{Path, PathBuf};

use polars::prelude::{
    Column, DataFrame, ParquetCompression, ParquetReader, ParquetWriter, PolarsError, SerReader as _,
};
use thiserror::Error;

use crate::store::error::StoreError;
use crate::store::files::write_atomic;

/// A table could not be written or read.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the message of each variant describes its fields")]
pub enum TableError {
    /// The file could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file lacks a column.
    #[error(
        "`{}` has no column `{name}`: another version of segplan wrote it; `segplan run PLAN` writes it again",
        path.display()
    )]
    Column { path: PathBuf, name: String },
    /// The file is not the expected table.
    #[error("`{}` is not the expected table: {source}", path.display())]
    Form { path: PathBuf, source: PolarsError },
}

/// A table about to be written.
#[derive(Debug, Default)]
pub struct Columns {
    columns: Vec<Column>,
}

impl Columns {
    /// Adds a column of unsigned integers.
    #[must_use]
    pub fn counts(mut self, name: &str, values: impl Iterator<Item = u64>) -> Self {
        self.columns.push(Column::new(name.into(), values.collect::<Vec<u64>>()));
        self
    }

    /// Adds a column of unsigned integers, some of which are missing.
    #[must_use]
    pub fn optional_counts(mut self, name: &str, values: impl Iterator<Item = Option<u64>>) -> Self {
        self.columns.push(Column::new(name.into(), values.collect::<Vec<Option<u64>>>()));
        self
    }

    /// Adds a column of numbers.
    #[must_use]
    pub fn numbers(mut self, name: &str, values: impl Iterator<Item = f64>) -> Self {
        self.columns.push(Column::new(name.into(), values.collect::<Vec<f64>>()));
        self
    }

    /// Adds a column of numbers, some of which are undefined.
    #[must_use]
    pub fn optional_numbers(mut self, name: &str, values: impl Iterator<Item = Option<f64>>) -> Self {
        self.columns.push(Column::new(name.into(), values.collect::<Vec<Option<f64>>>()));
        self
    }

    /// Adds a column of Booleans.
    #[must_use]
    pub fn flags(mut self, name: &str, values: impl Iterator<Item = bool>) -> Self {
        self.columns.push(Column::new(name.into(), values.collect::<Vec<bool>>()));
        self
    }

    /// Adds a column of text.
    #[must_use]
    pub fn texts<'a>(mut self, name: &str, values: impl Iterator<Item = &'a str>) -> Self {
        self.columns.push(Column::new(name.into(), values.collect::<Vec<&str>>()));
        self
    }

    /// Adds a column of text, some of which is missing.
    #[must_use]
    pub fn optional_texts<'a>(mut self, name: &str, values: impl Iterator<Item = Option<&'a str>>) -> Self {
        self.columns.push(Column::new(name.into(), values.collect::<Vec<Option<&str>>>()));
        self
    }

    /// Writes the table to a Parquet file.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    ///
    /// # Panics
    ///
    /// If the columns differ in length.
    pub fn write(self, path: &Path) -> Result<(), TableError> {
        let height = self.columns.first().map_or(0, Column::len);
        let mut frame = DataFrame::new(height, self.columns).expect("columns of equal length with different names");
        let mut bytes = Vec::new();
        ParquetWriter::new(&mut bytes)
            .with_compression(ParquetCompression::Zstd(None))
            .set_parallel(false)
            .finish(&mut frame)
            .map_err(|source| TableError::Form { path: path.to_owned(), source })?;
        Ok(write_atomic(path, &bytes)?)
    }
}

/// A table that was read.
#[derive(Debug)]
pub struct Table {
    path: PathBuf,
    frame: DataFrame,
}

impl Table {
    /// Reads a Parquet file.
    ///
    /// # Errors
    ///
    /// If the file is missing or is not Parquet.
    pub fn read(path: &Path) -> Result<Self, TableError> {
        let file = File::open(path).map_err(|source| StoreError { verb: "read", path: path.to_owned(), source })?;
        let frame =
            ParquetReader::new(file).finish().map_err(|source| TableError::Form { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), frame })
    }

    /// Names of the columns, in order.
    pub fn names(&self) -> Vec<String> {
        self.frame.get_column_names().into_iter().map(ToString::to_string).collect()
    }

    /// A column of unsigned integers.
    ///
    /// # Errors
    ///
    /// If there is no such column of this type, or a value is missing.
    pub fn counts(&self, name: &str) -> Result<Vec<u64>, TableError> {
        self.optional_counts(name)?.into_iter().map(|value| value.ok_or_else(|| self.missing(name))).collect()
    }

    /// A column of unsigned integers, some of which are missing.
    ///
    /// # Errors
    ///
    /// If there is no such column of this type.
    pub fn optional_counts(&self, name: &str) -> Result<Vec<Option<u64>>, TableError> {
        let column = self.column(name)?.u64().map_err(|source| self.form(source))?;
        Ok(column.iter().collect())
    }

    /// A column of numbers.
    ///
    /// # Errors
    ///
    /// If there is no such column of this type, or a value is missing.
    pub fn numbers(&self, name: &str) -> Result<Vec<f64>, TableError> {
        self.optional_numbers(name)?.into_iter().map(|value| value.ok_or_else(|| self.missing(name))).collect()
    }

    /// A column of numbers, some of which are undefined.
    ///
    /// # Errors
    ///
    /// If there is no such column of this type.
    pub fn optional_numbers(&self, name: &str) -> Result<Vec<Option<f64>>, TableError> {
        let column = self.column(name)?.f64().map_err(|source| self.form(source))?;
        Ok(column.iter().collect())
    }

    /// A column of Booleans.
    ///
    /// # Errors
    ///
    /// If there is no such column of this type, or a value is missing.
    pub fn flags(&self, name: &str) -> Result<Vec<bool>, TableError> {
        let column = self.column(name)?.bool().map_err(|source| self.form(source))?;
        column.iter().map(|value| value.ok_or_else(|| self.missing(name))).collect()
    }

    /// A column of text.
    ///
    /// # Errors
    ///
    /// If there is no such column of this type, or a value is missing.
    pub fn texts(&self, name: &str) -> Result<Vec<String>, TableError> {
        let column = self.column(name)?.str().map_err(|source| self.form(source))?;
        column.iter().map(|value| value.map(str::to_owned).ok_or_else(|| self.missing(name))).collect()
    }

    /// A column of text, some of which is missing.
    ///
    /// # Errors
    ///
    /// If there is no such column of this type.
    pub fn optional_texts(&self, name: &str) -> Result<Vec<Option<String>>, TableError> {
        let column = self.column(name)?.str().map_err(|source| self.form(source))?;
        Ok(column.iter().map(|value| value.map(str::to_owned)).collect())
    }

    fn column(&self, name: &str) -> Result<&Column, TableError> {
        let absent = |_| TableError::Column { path: self.path.clone(), name: name.to_owned() };
        self.frame.column(name).map_err(absent)
    }

    fn form(&self, source: PolarsError) -> TableError {
        TableError::Form { path: self.path.clone(), source }
    }

    fn missing(&self, name: &str) -> TableError {
        self.form(PolarsError::NoData(format!("column `{name}` has a missing value").into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_round_trips_through_parquet() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scores.parquet");
        Columns::default()
            .counts("label", [1, 2].into_iter())
            .optional_numbers("dice", [Some(0.5), None].into_iter())
            .texts("case", ["a", "b"].into_iter())
            .flags("dropped", [true, false].into_iter())
            .write(&path)
            .unwrap();
        let table = Table::read(&path).unwrap();
        assert_eq!(table.names(), ["label", "dice", "case", "dropped"]);
        assert_eq!(table.counts("label").unwrap(), [1, 2]);
        assert_eq!(table.optional_numbers("dice").unwrap(), [Some(0.5), None]);
        assert_eq!(table.texts("case").unwrap(), ["a", "b"]);
        assert_eq!(table.flags("dropped").unwrap(), [true, false]);
        assert!(table.numbers("dice").unwrap_err().to_string().contains("`dice` has a missing value"));
        assert!(table.counts("fold").unwrap_err().to_string().contains("has no column `fold`"));
    }
}
