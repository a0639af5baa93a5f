//! The scores of a run with whatever metrics they have: every column of numbers of `scores.parquet` is one.

use std::path::Path;

use crate::store::table::{Table, TableError};

/// How one class of one case was scored.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Configuration, such as `3d_fullres`.
    pub configuration: String,
    /// Seed of the network.
    pub seed: u64,
    /// Fold that held the case out, counted from 0.
    pub fold: usize,
    /// The case.
    pub case: String,
    /// Value of the class's label.
    pub label: u8,
    /// Voxels of the class in the reference.
    pub reference_voxels: u64,
    /// Voxels of the class in the prediction.
    pub prediction_voxels: u64,
    /// Metrics, in the order of [`Scores::metrics`]; none where a metric is not defined.
    pub values: Vec<Option<f64>>,
}

/// The scores of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores {
    /// Names of the metrics.
    pub metrics: Vec<String>,
    /// One row a network, case and class.
    pub rows: Vec<Row>,
}

/// Which values of a metric are the better ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// High ones: overlaps and shares.
    High,
    /// Low ones: distances.
    Low,
    /// Those near zero: differences with a sign.
    NearZero,
}

impl Better {
    /// The direction of a metric, by its name.
    pub fn of(metric: &str) -> Self {
        if metric.contains("difference") {
            Self::NearZero
        } else if ["hd", "hausdorff", "assd", "asd", "msd", "distance"].iter().any(|name| metric.starts_with(name)) {
            Self::Low
        } else {
            Self::High
        }
    }

    /// A number that is larger for better values.
    pub fn merit(self, value: f64) -> f64 {
        match self {
            Self::High => value,
            Self::Low => -value,
            Self::NearZero => -value.abs(),
        }
    }
}

/// A metric as it is written in tables and on axes.
pub fn shown(metric: &str) -> String {
    match metric {
        "dice" => "Dice".to_owned(),
        "iou" => "IoU".to_owned(),
        "volume_difference" => "relative volume difference".to_owned(),
        "hd95" | "hd95_mm" => "HD95 (mm)".to_owned(),
        "assd" | "assd_mm" => "ASSD (mm)".to_owned(),
        "nsd" => "NSD".to_owned(),
        other => other.replace('_', " "),
    }
}

/// Reads `scores.parquet`.
///
/// # Errors
///
/// When the file is missing or lacks what says whose scores they are.
pub fn read(path: &Path) -> Result<Scores, TableError> {
    let table = Table::read(path)?;
    let (configuration, seed, fold) = (table.texts("configuration")?, table.counts("seed")?, table.counts("fold")?);
    let (case, label) = (table.texts("case")?, table.counts("label")?);
    let reference = table.counts("reference_voxels")?;
    let prediction = table.counts("prediction_voxels")?;
    let mut metrics = Vec::new();
    let mut columns = Vec::new();
    for name in table.names() {
        // Columns of other types say whose score it is, or count voxels.
        if let Ok(column) = table.optional_numbers(&name) {
            metrics.push(name);
            columns.push(column);
        }
    }
    let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
    let row = |at: usize| Row {
        configuration: configuration[at].clone(),
        seed: seed[at],
        fold: fold[at] as usize,
        case: case[at].clone(),
        label: label[at] as u8,
        reference_voxels: reference[at],
        prediction_voxels: prediction[at],
        values: columns.iter().map(|column| finite(column[at])).collect(),
    };
    Ok(Scores { metrics, rows: (0..case.len()).map(row).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::table::Columns;

    #[test]
    fn every_column_of_numbers_is_a_metric() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scores.parquet");
        let two = |number: u64| [number, number + 1].into_iter();
        Columns::default()
            .texts("configuration", ["2d", "2d"].into_iter())
            .counts("seed", two(1))
            .counts("fold", two(0))
            .texts("case", ["a", "b"].into_iter())
            .counts("label", two(1))
            .optional_numbers("dice", [Some(0.5), None].into_iter())
            .optional_numbers("hd95", [Some(f64::INFINITY), Some(2.0)].into_iter())
            .counts("reference_voxels", two(10))
            .counts("prediction_voxels", two(20))
            .write(&path)
            .unwrap();
        let scores = read(&path).unwrap();
        assert_eq!(scores.metrics, ["dice", "hd95"]);
        assert_eq!(scores.rows[0].values, [Some(0.5), None]);
        assert_eq!(scores.rows[1].values, [None, Some(2.0)]);
        assert_eq!((Better::of("dice"), Better::of("hd95")), (Better::High, Better::Low));
    }
}
