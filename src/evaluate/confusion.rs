//! Confusion matrices in voxels: which class was predicted in place of which.
//!
//! `confusion.parquet` has one row per case and pair of labels that occurs: `case`, `reference_label`,
//! `prediction_label` (0 is the background) and `voxels`.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::{ArrayView3, Zip};

use crate::dataset::CaseId;
use crate::store::table::{Columns, Table, TableError};

/// The number of voxels of a case that have one label in the reference and one in the prediction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfusionCell {
    /// The case.
    pub case: CaseId,
    /// Label in the reference; 0 is the background.
    pub reference: u8,
    /// Label in the prediction.
    pub prediction: u8,
    /// Number of voxels.
    pub voxels: u64,
}

/// Counts each pair of labels that occurs, `[z, y, x]`. Labels that are not in `labels` count as background.
///
/// # Panics
///
/// If the label maps differ in shape.
pub fn count_confusion(
    case: &CaseId,
    reference: ArrayView3<'_, i16>,
    prediction: ArrayView3<'_, i16>,
    labels: &[u8],
) -> Vec<ConfusionCell> {
    assert_eq!(reference.dim(), prediction.dim(), "shapes of reference and prediction");
    let known = |label: i16| u8::try_from(label).ok().filter(|label| labels.contains(label)).unwrap_or(0);
    let table: Vec<u8> = (0..256).map(known).collect();
    let label = |label: i16| usize::try_from(label).ok().and_then(|at| table.get(at).copied()).unwrap_or(0);
    let mut voxels = vec![0_u64; 256 * 256];
    Zip::from(reference).and(prediction).for_each(|&reference, &prediction| {
        voxels[256 * usize::from(label(reference)) + usize::from(label(prediction))] += 1;
    });
    let mut cells = Vec::new();
    for reference in 0..=u8::MAX {
        for prediction in 0..=u8::MAX {
            let voxels = voxels[256 * usize::from(reference) + usize::from(prediction)];
            if voxels > 0 {
                cells.push(ConfusionCell { case: case.clone(), reference, prediction, voxels });
            }
        }
    }
    cells
}

/// Sums over cases, by reference label and prediction label.
pub fn sum_cells<'a>(cells: impl Iterator<Item = &'a ConfusionCell>) -> BTreeMap<(u8, u8), u64> {
    let mut voxels = BTreeMap::new();
    for cell in cells {
        *voxels.entry((cell.reference, cell.prediction)).or_default() += cell.voxels;
    }
    voxels
}

/// Writes `confusion.parquet`.
///
/// # Errors
///
/// If the file cannot be written.
pub fn write(path: &Path, cells: &[ConfusionCell]) -> Result<(), TableError> {
    Columns::default()
        .texts("case", cells.iter().map(|cell| cell.case.0.as_str()))
        .counts("reference_label", cells.iter().map(|cell| cell.reference.into()))
        .counts("prediction_label", cells.iter().map(|cell| cell.prediction.into()))
        .counts("voxels", cells.iter().map(|cell| cell.voxels))
        .write(path)
}

/// Reads `confusion.parquet`.
///
/// # Errors
///
/// If the file is missing or is no such table.
pub fn read(path: &Path) -> Result<Vec<ConfusionCell>, TableError> {
    let table = Table::read(path)?;
    let (case, voxels) = (table.texts("case")?, table.counts("voxels")?);
    let (reference, prediction) = (table.counts("reference_label")?, table.counts("prediction_label")?);
    let cell = |(at, case): (usize, String)| ConfusionCell {
        case: CaseId(case),
        reference: reference[at] as u8,
        prediction: prediction[at] as u8,
        voxels: voxels[at],
    };
    Ok(case.into_iter().enumerate().map(cell).collect())
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn pairs_of_labels_are_counted_and_round_trip_through_parquet() {
        let reference = array![[[1_i16, 1, 2, 0, 0, 9]]];
        let prediction = array![[[1_i16, 2, 2, 1, 0, 0]]];
        let cells = count_confusion(&CaseId("a".to_owned()), reference.view(), prediction.view(), &[1, 2]);
        let found: Vec<(u8, u8, u64)> =
            cells.iter().map(|cell| (cell.reference, cell.prediction, cell.voxels)).collect();
        assert_eq!(
            found,
            [(0, 0, 2), (0, 1, 1), (1, 1, 1), (1, 2, 1), (2, 2, 1)],
            "9 is no class and counts as background"
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("confusion.parquet");
        write(&path, &cells).unwrap();
        assert_eq!(read(&path).unwrap(), cells);
        assert_eq!(sum_cells(cells.iter().chain(&cells))[&(1, 2)], 2);
    }
}
