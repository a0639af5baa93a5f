//! Scores, and `scores.parquet`: one row per network, case and class.
//!
//! | column | type | content |
//! |---|---|---|
//! | `run` | text | name of the run; empty for folders of predictions |
//! | `configuration` | text | such as `3d_fullres`, or the members of an ensemble joined by `+` |
//! | `fold` | integer | fold whose validation case this is, counted from 0 |
//! | `seed` | integer | seed of the network |
//! | `case` | text | case identifier |
//! | `label` | integer | label value of the class |
//! | `class` | text | class name |
//! | one column per [`Metric`] | number or null | [`Metric::name`]; null where the metric is undefined |
//! | `true_positives`, `false_positives`, `false_negatives` | integer | voxels |
//! | `reference_voxels`, `prediction_voxels` | integer | voxels of the class in each label map |

use std::collections::BTreeMap;
use std::path::Path;

use crate::dataset::CaseId;
use crate::evaluate::counts::Counts;
use crate::evaluate::metric::{Metric, surface_from};
use crate::evaluate::surface::Surface;
use crate::store::table::{Columns, Table, TableError};

/// The network whose prediction was scored; empty names for a folder of predictions.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScoredNetwork {
    /// Name of the run.
    pub run: String,
    /// Name of the configuration, or those of an ensemble joined by `+`.
    pub configuration: String,
    /// Fold, counted from 0.
    pub fold: usize,
    /// Seed.
    pub seed: u64,
}

/// The scores of one class of one case.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// The network that made the prediction.
    pub network: ScoredNetwork,
    /// The case.
    pub case: CaseId,
    /// Label value of the class.
    pub label: u64,
    /// Class name.
    pub class: String,
    /// Voxel counts.
    pub counts: Counts,
    /// Surface distances; `None` if the prediction or the reference lacks the class.
    pub surface: Option<Surface>,
}

impl Score {
    /// The value of a metric. Returns `None` where it is undefined.
    pub fn value(&self, metric: Metric) -> Option<f64> {
        metric.value(self.counts, self.surface)
    }
}

/// Writes `scores.parquet`.
///
/// # Errors
///
/// If the file cannot be written.
pub fn write(path: &Path, scores: &[Score]) -> Result<(), TableError> {
    let texts = |value: fn(&Score) -> &str| scores.iter().map(value);
    let counts = |value: fn(&Score) -> u64| scores.iter().map(value);
    let names = Columns::default()
        .texts("run", texts(|score| &score.network.run))
        .texts("configuration", texts(|score| &score.network.configuration))
        .counts("fold", counts(|score| score.network.fold as u64))
        .counts("seed", counts(|score| score.network.seed))
        .texts("case", texts(|score| &score.case.0))
        .counts("label", counts(|score| score.label))
        .texts("class", texts(|score| &score.class));
    let metrics = Metric::all().fold(names, |columns, metric| {
        columns.optional_numbers(metric.name(), scores.iter().map(|score| score.value(metric)))
    });
    let voxels = count_names().enumerate().fold(metrics, |columns, (at, name)| {
        columns.counts(name, scores.iter().map(|score| score.counts.columns()[at].1))
    });
    voxels
        .counts("reference_voxels", counts(|score| score.counts.reference()))
        .counts("prediction_voxels", counts(|score| score.counts.prediction()))
        .write(path)
}

/// Names of the columns of [`Counts`].
fn count_names() -> impl Iterator<Item = &'static str> {
    Counts::default().columns().into_iter().map(|(name, _)| name)
}

/// Columns of metrics and counts that a `scores.parquet` of an earlier version lacks.
///
/// # Errors
///
/// If the file is missing or is not Parquet.
pub fn missing_columns(path: &Path) -> Result<Vec<&'static str>, TableError> {
    let found = Table::read(path)?.names();
    let expected = Metric::all().map(Metric::name).chain(count_names());
    Ok(expected.filter(|name| !found.iter().any(|found| found == name)).collect())
}

/// Reads `scores.parquet`.
///
/// # Errors
///
/// If the file is missing, or a column is missing or has another type.
pub fn read(path: &Path) -> Result<Vec<Score>, TableError> {
    let table = Table::read(path)?;
    let (run, configuration) = (table.texts("run")?, table.texts("configuration")?);
    let (fold, seed) = (table.counts("fold")?, table.counts("seed")?);
    let (case, label, class) = (table.texts("case")?, table.counts("label")?, table.texts("class")?);
    let counts = count_names().map(|name| Ok((name, table.counts(name)?)));
    let counts: BTreeMap<&str, Vec<u64>> = counts.collect::<Result<_, TableError>>()?;
    let metrics = Metric::all().map(|metric| Ok((metric, table.optional_numbers(metric.name())?)));
    let metrics: Vec<(Metric, Vec<Option<f64>>)> = metrics.collect::<Result<_, TableError>>()?;
    let value = |metric: Metric, row: usize| metrics.iter().find(|(known, _)| *known == metric)?.1[row];
    let score = |row: usize| Score {
        network: ScoredNetwork {
            run: run[row].clone(),
            configuration: configuration[row].clone(),
            fold: fold[row] as usize,
            seed: seed[row],
        },
        case: CaseId(case[row].clone()),
        label: label[row],
        class: class[row].clone(),
        counts: Counts::from_columns(|name| counts[name][row]),
        surface: surface_from(|metric| value(metric, row)),
    };
    Ok((0..case.len()).map(score).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_round_trip_through_parquet() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scores.parquet");
        let network = ScoredNetwork { run: "r".to_owned(), configuration: "2d".to_owned(), fold: 3, seed: 12345 };
        let counts = Counts { true_positives: 1, false_positives: 2, false_negatives: 3 };
        let surface = Some(Surface { hd95: 3.5, assd: 1.25, nsd: 0.5 });
        let score =
            Score { network, case: CaseId("a".to_owned()), label: 7, class: "liver".to_owned(), counts, surface };
        let missed = Score { case: CaseId("b".to_owned()), surface: None, ..score.clone() };
        let scores = vec![score, missed];
        write(&path, &scores).unwrap();
        assert_eq!(read(&path).unwrap(), scores);
    }

    #[test]
    fn columns_that_an_older_file_lacks_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scores.parquet");
        write(&path, &[]).unwrap();
        assert_eq!(missing_columns(&path).unwrap(), Vec::<&str>::new());
        let older = Metric::all()
            .map(Metric::name)
            .chain(count_names())
            .filter(|name| !["nsd", "false_negatives"].contains(name));
        older.fold(Columns::default(), |columns, name| columns.counts(name, std::iter::empty())).write(&path).unwrap();
        assert_eq!(missing_columns(&path).unwrap(), ["nsd", "false_negatives"]);
        let refused = read(&path).unwrap_err().to_string();
        assert!(refused.contains("has no column `run`: another version of segplan wrote it"), "{refused}");
    }
}
