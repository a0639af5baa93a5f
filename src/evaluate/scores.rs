//! Scores as rows: one a case and label, in Parquet.

use std::path::Path;

use crate::dataset::CaseId;
use crate::evaluate::Counts;
use crate::evaluate::surface::Surface;
use crate::store::table::{Columns, Table, TableError};

/// Which network a score is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Run {
    /// Name of the plan; empty where there is none.
    pub experiment: String,
    /// Name of the configuration; empty where there is none.
    pub configuration: String,
    /// Fold, counted from 0.
    pub fold: usize,
    /// Seed.
    pub seed: u64,
}

/// How well one label of one case was predicted.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// The network.
    pub run: Run,
    /// The case.
    pub case: CaseId,
    /// Value of the label.
    pub label: u64,
    /// Its name.
    pub name: String,
    /// Its voxels.
    pub counts: Counts,
    /// How far its surfaces are apart; none where prediction or reference does not have it.
    pub surface: Option<Surface>,
}

impl Score {
    /// Normalised surface Dice; none where prediction and reference are both empty, 0 where one is.
    pub fn nsd(&self) -> Option<f64> {
        match self.surface {
            Some(surface) => Some(surface.nsd),
            None => self.counts.dice().map(|_| 0.0),
        }
    }
}

/// Writes `scores.parquet`.
///
/// # Errors
///
/// When the file cannot be written.
pub fn write(path: &Path, scores: &[Score]) -> Result<(), TableError> {
    let texts = |value: fn(&Score) -> &str| scores.iter().map(value);
    let counts = |value: fn(&Score) -> u64| scores.iter().map(value);
    Columns::default()
        .texts("experiment", texts(|score| &score.run.experiment))
        .texts("configuration", texts(|score| &score.run.configuration))
        .counts("fold", counts(|score| score.run.fold as u64))
        .counts("seed", counts(|score| score.run.seed))
        .texts("case", texts(|score| &score.case.0))
        .counts("label", counts(|score| score.label))
        .texts("name", texts(|score| &score.name))
        .optional_numbers("dice", scores.iter().map(|score| score.counts.dice()))
        .optional_numbers("iou", scores.iter().map(|score| score.counts.iou()))
        .optional_numbers("precision", scores.iter().map(|score| score.counts.precision()))
        .optional_numbers("recall", scores.iter().map(|score| score.counts.recall()))
        .optional_numbers("volume_difference", scores.iter().map(|score| score.counts.volume_difference()))
        .optional_numbers("hd95", scores.iter().map(|score| score.surface.map(|surface| surface.hd95)))
        .optional_numbers("assd", scores.iter().map(|score| score.surface.map(|surface| surface.assd)))
        .optional_numbers("nsd", scores.iter().map(Score::nsd))
        .counts("true_positives", counts(|score| score.counts.true_positives))
        .counts("false_positives", counts(|score| score.counts.false_positives))
        .counts("false_negatives", counts(|score| score.counts.false_negatives))
        .counts("reference_voxels", counts(|score| score.counts.reference()))
        .counts("prediction_voxels", counts(|score| score.counts.prediction()))
        .write(path)
}

/// Reads `scores.parquet`.
///
/// # Errors
///
/// When the file is missing or is not such a table.
pub fn read(path: &Path) -> Result<Vec<Score>, TableError> {
    let table = Table::read(path)?;
    let (experiment, configuration) = (table.texts("experiment")?, table.texts("configuration")?);
    let (fold, seed) = (table.counts("fold")?, table.counts("seed")?);
    let (case, label, name) = (table.texts("case")?, table.counts("label")?, table.texts("name")?);
    let true_positives = table.counts("true_positives")?;
    let false_positives = table.counts("false_positives")?;
    let false_negatives = table.counts("false_negatives")?;
    let (hd95, assd) = (table.optional_numbers("hd95")?, table.optional_numbers("assd")?);
    let nsd = table.optional_numbers("nsd")?;
    let score = |at: usize| Score {
        run: Run {
            experiment: experiment[at].clone(),
            configuration: configuration[at].clone(),
            fold: fold[at] as usize,
            seed: seed[at],
        },
        case: CaseId(case[at].clone()),
        label: label[at],
        name: name[at].clone(),
        counts: Counts {
            true_positives: true_positives[at],
            false_positives: false_positives[at],
            false_negatives: false_negatives[at],
        },
        surface: match (hd95[at], assd[at], nsd[at]) {
            (Some(hd95), Some(assd), Some(nsd)) => Some(Surface { hd95, assd, nsd }),
            _ => None,
        },
    };
    Ok((0..case.len()).map(score).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_survive_their_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scores.parquet");
        let run = Run { experiment: "e".to_owned(), configuration: "2d".to_owned(), fold: 3, seed: 12345 };
        let counts = Counts { true_positives: 1, false_positives: 2, false_negatives: 3 };
        let surface = Some(Surface { hd95: 3.5, assd: 1.25, nsd: 0.5 });
        let score = Score { run, case: CaseId("a".to_owned()), label: 7, name: "liver".to_owned(), counts, surface };
        let overlooked = Score { case: CaseId("b".to_owned()), surface: None, ..score.clone() };
        let scores = vec![score, overlooked];
        write(&path, &scores).unwrap();
        assert_eq!(read(&path).unwrap(), scores);
    }
}
