//! Scores as a table for a person or another program: CSV, JSON, Markdown, or text in columns.

use std::path::Path;

use serde_json::{Map, Value};

use crate::evaluate::scores::{self, Score};
use crate::store::rows::{rows_as_csv, rows_as_markdown, rows_as_text};
use crate::store::table::TableError;
use crate::store::write_atomic;

/// The formats that scores are written in, by the ending of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Apache Parquet.
    Parquet,
    /// Comma-separated values.
    Csv,
    /// A list of objects.
    Json,
    /// A table for a git host.
    Markdown,
}

impl Format {
    /// The format of a file's ending.
    ///
    /// # Errors
    ///
    /// A text that names the endings, if this is none of them.
    pub fn of(path: &Path) -> Result<Self, String> {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        match ending.as_str() {
            "parquet" => Ok(Self::Parquet),
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            "md" => Ok(Self::Markdown),
            _ => Err(format!(
                "`{}` ends in none of `.parquet`, `.csv`, `.json` and `.md`; expected one of them",
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

/// Scores as text in columns, one row per case and label.
pub fn per_case(scores: &[Score]) -> String {
    rows_as_text(&rows(scores, &rounded))
}

const HEADS: [&str; 11] = [
    "case",
    "label",
    "name",
    "dice",
    "iou",
    "nsd",
    "hd95_mm",
    "assd_mm",
    "volume_difference",
    "reference_voxels",
    "prediction_voxels",
];

fn exact(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn rounded(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"))
}

/// The numbers of a score, in the order of [`HEADS`] from `dice` on.
fn numbers(score: &Score) -> [Option<f64>; 6] {
    let Score { counts, surface, .. } = score;
    [
        counts.dice(),
        counts.iou(),
        score.nsd(),
        surface.map(|surface| surface.hd95),
        surface.map(|surface| surface.assd),
        counts.volume_difference(),
    ]
}

fn rows(scores: &[Score], shown: &dyn Fn(Option<f64>) -> String) -> Vec<Vec<String>> {
    let row = |score: &Score| {
        let names = [score.case.0.clone(), score.label.to_string(), score.name.clone()];
        let voxels = [score.counts.reference(), score.counts.prediction()].map(|voxels| voxels.to_string());
        names.into_iter().chain(numbers(score).map(shown)).chain(voxels).collect()
    };
    std::iter::once(HEADS.map(str::to_owned).to_vec()).chain(scores.iter().map(row)).collect()
}

fn json(scores: &[Score]) -> String {
    let object = |score: &Score| {
        let mut object = Map::new();
        let values = [Value::from(score.case.0.clone()), score.label.into(), score.name.clone().into()];
        let voxels = [score.counts.reference().into(), score.counts.prediction().into()];
        let all = values.into_iter().chain(numbers(score).map(Value::from)).chain(voxels);
        object.extend(HEADS.iter().map(|head| (*head).to_owned()).zip(all));
        Value::Object(object)
    };
    let all: Vec<Value> = scores.iter().map(object).collect();
    format!("{:#}\n", Value::from(all))
}
