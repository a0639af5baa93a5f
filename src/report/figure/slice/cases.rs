//! The best, the median and the worst validation cases of each model: as a figure, and as slices for the viewer of the page.
//!
//! Input: a record, and the images and references of its data set. Output: figures, and slices with outlines. Deliberately
//! absent: cases whose Dice is undefined; the report's notes list them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ndarray::{Array2, Array3, ArrayView2, Axis};
use serde::Serialize;

use crate::dataset::gate::{Expected, Issues, read_case, read_labels};
use crate::dataset::{Case, Dataset};
use crate::evaluate::metric::Metric;
use crate::report::error::ReportError;
use crate::report::figure::output::{Figure, FigureFolder, Heights, Kind};
use crate::report::figure::png::grey_data_uri;
use crate::report::figure::slice::outline::outline_path;
use crate::report::figure::slice::plane::{GreyWindow, Plane};
use crate::report::figure::slice::renderer::{Slice, class_colour, to_classes, to_grey};
use crate::report::figure::slice::slice_figure::{CaseRow, EncodedSlice, SliceFigure};
use crate::report::figure::style::{COLUMN_MM, PAGE_MM, to_hex};
use crate::report::record::RunRecord;
use crate::statistics::mean;
use crate::volume::Spacing;

/// Maximum edge of a slice on the page, pixels; larger ones are subsampled.
const MAX_EDGE: usize = 192;
/// Maximum number of slices of a case on the page.
const MAX_SLICES: usize = 32;

/// A case in the viewer of the page.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ViewerCase {
    /// Model, rank, case and Dice.
    pub title: String,
    /// Height and width of a slice, pixels.
    pub size: [usize; 2],
    /// Height of a pixel divided by its width.
    pub aspect: f64,
    /// Name and colour of each class.
    pub classes: Vec<(String, String)>,
    /// The slices with foreground, at most 32.
    pub slices: Vec<ViewerSlice>,
}

/// A slice in the viewer of the page.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ViewerSlice {
    /// Index along the axis of the largest spacing.
    pub index: usize,
    /// The image, 8-bit grey, as a data URI.
    pub image: String,
    /// Outlines of the reference: one SVG path per class.
    pub reference: Vec<String>,
    /// Outlines of the prediction.
    pub prediction: Vec<String>,
}

/// The cases of a run that were drawn.
#[derive(Clone, Debug, Default)]
pub(crate) struct DrawnCases {
    pub cases: Vec<ViewerCase>,
    /// One per model.
    pub figures: Vec<Figure>,
    /// Notes on cases that could not be drawn.
    pub notes: Vec<String>,
}

/// A validation case with its rank among all.
struct RankedCase {
    case: String,
    fold: usize,
    seed: u64,
    mean_dice: f64,
}

/// A rank that is shown, such as `best`, and its index among the ranked cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ShownRank {
    name: &'static str,
    index: usize,
}

/// Draws the cases of all models.
///
/// # Errors
///
/// If a figure cannot be drawn or written.
pub(crate) fn draw_cases(
    record: &RunRecord,
    dataset: &Dataset,
    figures: FigureFolder<'_>,
) -> Result<DrawnCases, ReportError> {
    let mut drawn = DrawnCases::default();
    for model in record.models() {
        let rows = draw_model(record, dataset, &model, &mut drawn)?;
        if rows.is_empty() {
            continue;
        }
        let caption = format!(
            "Best, median and worst validation cases of {model} by mean Dice over classes: slices evenly spaced through the \
             foreground. Solid outline: reference; dotted outline: prediction."
        );
        let figure = SliceFigure { rows, classes: record.plan.data.labels.values().cloned().collect() };
        let heights =
            Heights { column: figure.height_mm(f64::from(COLUMN_MM)), page: figure.height_mm(f64::from(PAGE_MM)) };
        let figure = figures.draw(&figure, &figure_name(&model), caption, heights)?;
        drawn.figures.push(Figure { kind: Kind::Slices, ..figure });
    }
    Ok(drawn)
}

/// Name of the figure of a model's cases.
pub(crate) fn figure_name(model: &str) -> String {
    format!("cases-{model}")
}

fn draw_model(
    record: &RunRecord,
    dataset: &Dataset,
    model: &str,
    drawn: &mut DrawnCases,
) -> Result<Vec<CaseRow>, ReportError> {
    let ranked = rank_cases(record, model);
    let mut rows = Vec::new();
    for rank in shown_ranks(ranked.len()) {
        let one = &ranked[rank.index];
        let Some(case) = dataset.training.iter().find(|case| case.id.0 == one.case) else {
            drawn.notes.push(format!("{} could not be drawn: it is no longer in the data set.", one.case));
            continue;
        };
        let fold = record.folder.fold(model, one.seed, one.fold);
        match read_volumes(case, &fold.prediction(&one.case), &record.plan.expected()) {
            Ok(volumes) => {
                let title = format!("{model}: {} case, {}, mean Dice {:.3}", rank.name, one.case, one.mean_dice);
                let row = cut_slices(&volumes, record, title.clone())
                    .map_err(|reason| ReportError::Drawing { name: title, reason })?;
                drawn.cases.push(row.viewer);
                rows.push(row.figure);
            }
            Err(reason) => drawn.notes.push(format!("{} could not be drawn: {reason}.", one.case)),
        }
    }
    Ok(rows)
}

/// The ranks that are shown for a number of cases, best first; each case once.
fn shown_ranks(count: usize) -> Vec<ShownRank> {
    let Some(last) = count.checked_sub(1) else { return Vec::new() };
    let ranks = [
        ("best", Some(0)),
        ("worst", Some(last)),
        ("median", Some(last / 2)),
        ("second-worst", last.checked_sub(1)),
        ("third-worst", last.checked_sub(2)),
    ];
    let mut seen = BTreeSet::new();
    let mut shown = Vec::new();
    for (name, index) in ranks {
        if let Some(index) = index.filter(|&index| seen.insert(index)) {
            shown.push(ShownRank { name, index });
        }
    }
    shown.sort_by_key(|rank| rank.index);
    shown
}

/// Cases by mean Dice over classes, best first, by the first seed.
fn rank_cases(record: &RunRecord, model: &str) -> Vec<RankedCase> {
    let Some(&seed) = record.plan.run.seeds.first() else { return Vec::new() };
    let mut cases = BTreeMap::<&str, (usize, Vec<f64>)>::new();
    for score in record.scores.iter().filter(|score| score.network.configuration == model && score.network.seed == seed)
    {
        let (_, values) = cases.entry(&score.case.0).or_insert((score.network.fold, Vec::new()));
        values.extend(score.value(Metric::Dice));
    }
    let rank = |(case, (fold, values)): (&str, (usize, Vec<f64>))| {
        Some(RankedCase { case: case.to_owned(), fold, seed, mean_dice: mean(&values)? })
    };
    let mut ranked: Vec<RankedCase> = cases.into_iter().filter_map(rank).collect();
    ranked.sort_by(|left, right| right.mean_dice.total_cmp(&left.mean_dice));
    ranked
}

/// The first channel, reference and prediction of a case on one grid, `[z, y, x]`.
struct Volumes {
    image: Array3<f32>,
    spacing: Spacing,
    reference: Array3<i16>,
    prediction: Array3<i16>,
}

/// Returns the reason if a file cannot be read.
fn read_volumes(case: &Case, prediction: &Path, expected: &Expected<'_>) -> Result<Volumes, String> {
    let text = |issues: Issues| issues.to_string();
    let (image, reference) = read_case(case, expected).map_err(text)?;
    let prediction = read_labels(&case.id, prediction, Some(&image.geometry), expected).map_err(text)?;
    let spacing = image.geometry.spacing;
    let image = image.voxels.index_axis_move(Axis(0), 0);
    Ok(Volumes { image, spacing, reference: reference.labels, prediction: prediction.labels })
}

/// A case for the viewer and for the figure.
struct CutCase {
    viewer: ViewerCase,
    figure: CaseRow,
}

/// Cuts the slices of a case. Returns the reason if an image cannot be encoded.
fn cut_slices(volumes: &Volumes, record: &RunRecord, title: String) -> Result<CutCase, String> {
    let labels = &record.plan.data.labels;
    let plane = Plane::of_finest_spacings(volumes.spacing);
    let aspect = plane.aspect(volumes.spacing);
    let edge = |axis: usize| volumes.image.len_of(Axis(axis));
    let step = edge(plane.down).max(edge(plane.across)).div_ceil(MAX_EDGE);
    let window = GreyWindow::of_image(volumes.image.view());
    let (mut viewer_slices, mut slices) = (Vec::new(), Vec::new());
    for index in shown_slices(volumes, plane) {
        let at = |labels_map: &Array3<i16>| {
            to_classes(subsample(labels_map.index_axis(Axis(plane.axis), index), step).view(), labels)
        };
        let image = subsample(volumes.image.index_axis(Axis(plane.axis), index), step);
        let (reference, prediction) = (at(&volumes.reference), at(&volumes.prediction));
        let grey = to_grey(image.view(), window);
        let pixels: Vec<u8> = grey.iter().copied().collect();
        let uri = grey_data_uri(&pixels, (grey.ncols() as u32, grey.nrows() as u32))?;
        let outlines = |map: &Array2<u8>| {
            (1..).zip(labels).map(|(class, _)| outline_path(&map.mapv(|pixel| pixel == class))).collect::<Vec<_>>()
        };
        viewer_slices.push(ViewerSlice {
            index,
            image: uri.clone(),
            reference: outlines(&reference),
            prediction: outlines(&prediction),
        });
        slices.push(EncodedSlice { slice: Slice { grey, solid: reference, dotted: Some(prediction), aspect }, uri });
    }
    let viewer = ViewerCase {
        title: title.clone(),
        size: [edge(plane.down).div_ceil(step), edge(plane.across).div_ceil(step)],
        aspect,
        classes: (1..).zip(labels.values()).map(|(class, name)| (name.clone(), to_hex(class_colour(class)))).collect(),
        slices: viewer_slices,
    };
    Ok(CutCase { viewer, figure: CaseRow { title, slices } })
}

/// The slices with foreground in reference or prediction, evenly reduced to the maximum number.
fn shown_slices(volumes: &Volumes, plane: Plane) -> Vec<usize> {
    let all = plane.foreground_slices(&[volumes.reference.view(), volumes.prediction.view()]);
    let count = all.len().min(MAX_SLICES);
    (0..count).map(|at| all[at * all.len() / count]).collect()
}

/// Every `step`-th pixel along both axes.
fn subsample<T: Copy>(slice: ArrayView2<'_, T>, step: usize) -> Array2<T> {
    slice.slice(ndarray::s![..;step, ..;step]).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_case_is_shown_once() {
        let names = |count| shown_ranks(count).into_iter().map(|rank| rank.name).collect::<Vec<_>>();
        assert_eq!(names(9), ["best", "median", "third-worst", "second-worst", "worst"]);
        assert_eq!(names(3), ["best", "median", "worst"]);
        assert_eq!((names(1), names(0)), (vec!["best"], vec![]));
    }
}
