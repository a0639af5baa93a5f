//! Scores as a table: Parquet, CSV, JSON, Markdown, or text in columns.
//!
//! The columns are `case`, `label`, `class`, one column per [`Metric`], `reference_voxels` and `prediction_voxels`;
//! Parquet has those of [`scores`].

use std::path::Path;

use serde_json::{Map, Value};

use crate::evaluate::metric::Metric;
use crate::evaluate::scores::{self, Score};
use crate::store::rows::{rows_as_csv, rows_as_markdown, rows_as_text};
use crate::store::table::TableError;
use crate::store::write_atomic;

/// The file formats of scores, chosen by the extension of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Apache Parquet.
    Parquet,
    /// Comma-separated values.
    Csv,
    /// A list of JSON objects.
    Json,
    /// A Markdown table.
    Markdown,
}

impl Format {
    /// The format of a file, by its extension.
    ///
    /// # Errors
    ///
    /// A message that lists the extensions, if the file has another one.
    pub fn of(path: &Path) -> Result<Self, String> {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        match ending.as_str() {
            "parquet" => Ok(Self::Parquet),
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            "md" => Ok(Self::Markdown),
            _ => Err(format!(
                "unknown table format of `{}`; expected a file name that ends in `.parquet`, `.csv`, `.json` or `.md`",
                path.display()
            )),
        }
    }
}

/// Writes scores in a format.
///
/// # Errors
///
/// If the file cannot be written.
pub fn write(path: &Path, format: Format, scores: &[Score]) -> Result<(), TableError> {
    let text = match format {
        Format::Parquet => return scores::write(path, scores),
        Format::Csv => rows_as_csv(&rows(scores, &exact)),
        Format::Json => json(scores),
        Format::Markdown => rows_as_markdown(&rows(scores, &rounded)),
    };
    Ok(write_atomic(path, text.as_bytes())?)
}

/// Scores as text in columns, one row per case and class.
pub fn per_case(scores: &[Score]) -> String {
    rows_as_text(&rows(scores, &rounded))
}

/// The columns, in order.
fn head() -> Vec<String> {
    let metrics = Metric::all().map(Metric::name);
    let names = ["case", "label", "class"].into_iter().chain(metrics).chain(["reference_voxels", "prediction_voxels"]);
    names.map(str::to_owned).collect()
}

fn exact(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn rounded(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"))
}

fn rows(scores: &[Score], format: &dyn Fn(Option<f64>) -> String) -> Vec<Vec<String>> {
    let row = |score: &Score| {
        let names = [score.case.0.clone(), score.label.to_string(), score.class.clone()];
        let metrics = Metric::all().map(|metric| format(score.value(metric)));
        let voxels = [score.counts.reference(), score.counts.prediction()].map(|voxels| voxels.to_string());
        names.into_iter().chain(metrics).chain(voxels).collect()
    };
    std::iter::once(head()).chain(scores.iter().map(row)).collect()
}

fn json(scores: &[Score]) -> String {
    let object = |score: &Score| {
        let names = [Value::from(score.case.0.clone()), score.label.into(), score.class.clone().into()];
        let metrics = Metric::all().map(|metric| Value::from(score.value(metric)));
        let voxels = [score.counts.reference().into(), score.counts.prediction().into()];
        let values = names.into_iter().chain(metrics).chain(voxels);
        Value::Object(head().into_iter().zip(values).collect::<Map<_, _>>())
    };
    let objects: Vec<Value> = scores.iter().map(object).collect();
    format!("{:#}\n", Value::from(objects))
}
