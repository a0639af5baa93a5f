//! The best, the median and the worst held-out cases of each system: as a figure, and as slices to step through.
//!
//! Input: a record, and the images and references of its data set. Output: figures, and slices with outlines for the page.
//! Deliberately absent: cases without a Dice, which the report lists.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ndarray::{Array2, ArrayView2, ArrayView3, Axis};
use plotters::prelude::RGBColor;
use serde::Serialize;

use crate::dataset::gate::{Expected, Issues, read_case, read_labels};
use crate::dataset::{Case, Dataset};
use crate::report::error::ReportError;
use crate::report::figure::canvas::png;
use crate::report::figure::slice::outline::outline;
use crate::report::figure::slice::slice_figure::{Row, Sheet, Tile};
use crate::report::figure::slice::slice_png::{colour_of, order, slice_axis, window};
use crate::report::figure::{Figure, sheet};
use crate::report::page::html::data_uri;
use crate::report::record::Record;
use crate::report::statistics::numbers::mean;
use crate::store::report::ReportFolder;
use crate::volume::Spacing;

/// Longest edge of a slice on the page, pixels; larger ones are thinned out.
const EDGE: usize = 192;
/// Most slices of a case on the page.
const SLICES: usize = 32;

/// A case to step through.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// What it is: system, rank, name and Dice.
    pub title: String,
    /// Height and width of a slice, pixels.
    pub size: [usize; 2],
    /// Height of a pixel divided by its width.
    pub aspect: f64,
    /// Name and colour of each class.
    pub classes: Vec<(String, String)>,
    /// The slices that have foreground, at most 32 of them.
    pub slices: Vec<Slice>,
}

/// One slice.
#[derive(Clone, Debug, Serialize)]
pub struct Slice {
    /// Its place along the axis of the largest spacing.
    pub index: usize,
    /// The image, 8-bit grey, as a data URI.
    pub image: String,
    /// Outlines of the reference, an SVG path a class.
    pub reference: Vec<String>,
    /// Outlines of the prediction.
    pub prediction: Vec<String>,
}

/// All cases of a run that are shown.
#[derive(Clone, Debug, Default)]
pub struct Drawn {
    /// The cases.
    pub cases: Vec<Shown>,
    /// A figure a system.
    pub figures: Vec<Figure>,
    /// Which could not be drawn, and why.
    pub gaps: Vec<String>,
}

/// A held-out case and where its prediction is.
struct Ranked {
    case: String,
    fold: usize,
    seed: u64,
    dice: f64,
}

/// Draws the cases of all systems.
///
/// # Errors
///
/// When a figure cannot be drawn or written.
pub fn draw(record: &Record, dataset: &Dataset, prefix: &str, folder: &ReportFolder) -> Result<Drawn, ReportError> {
    let mut drawn = Drawn::default();
    for system in record.systems() {
        let ranked = ranked(record, &system);
        let mut rows = Vec::new();
        for (rank, place) in places(ranked.len()) {
            let one = &ranked[place];
            let Some(case) = dataset.training.iter().find(|case| case.id.0 == one.case) else {
                drawn.gaps.push(format!("{} could not be drawn: the data set does not have it any more.", one.case));
                continue;
            };
            let fold = record.folder.fold(&system, one.seed, one.fold);
            match read(case, &fold.prediction(&one.case), &record.plan.expected()) {
                Ok(arrays) => {
                    let title = format!("{system}: {rank} held-out case, {}, mean Dice {:.3}", one.case, one.dice);
                    let (case, row) = one_case(&arrays, record, title, &folder.page())?;
                    drawn.cases.push(case);
                    rows.push(row);
                }
                Err(reason) => drawn.gaps.push(format!("{} could not be drawn: {reason}.", one.case)),
            }
        }
        if !rows.is_empty() {
            let caption = format!(
                "Best, median and worst held-out cases of {system} by mean Dice over classes: slices evenly spaced through \
                 the foreground; the reference is outlined by a solid line, the prediction by a dotted one."
            );
            let classes = record.plan.data.labels.iter().map(|(&label, name)| (name.clone(), colour(label, record)));
            let cases = Sheet { rows, classes: classes.collect() };
            drawn.figures.push(sheet(&cases, &figure_name(&system), caption, prefix, folder)?);
        }
    }
    Ok(drawn)
}

/// Name of the figure of a system's cases.
pub fn figure_name(system: &str) -> String {
    format!("cases-{system}")
}

/// Ranks that are shown of so many cases, and their places: each place once, best first.
fn places(count: usize) -> Vec<(&'static str, usize)> {
    let Some(last) = count.checked_sub(1) else { return Vec::new() };
    let all = [
        ("best", Some(0)),
        ("worst", Some(last)),
        ("median", Some(last / 2)),
        ("second-worst", last.checked_sub(1)),
        ("third-worst", last.checked_sub(2)),
    ];
    let mut seen = BTreeSet::new();
    let place = |(rank, place): (&'static str, Option<usize>)| Some((rank, place.filter(|&place| seen.insert(place))?));
    let mut places: Vec<_> = all.into_iter().filter_map(place).collect();
    places.sort_by_key(|&(_, place)| place);
    places
}

/// Cases by mean Dice over classes, best first, of the first seed that has each.
fn ranked(record: &Record, configuration: &str) -> Vec<Ranked> {
    let Some(dice) = record.scores.metrics.iter().position(|metric| metric == "dice") else { return Vec::new() };
    let Some(&seed) = record.plan.run.seeds.first() else { return Vec::new() };
    let mut cases = BTreeMap::<&str, (usize, Vec<f64>)>::new();
    for row in record.scores.rows.iter().filter(|row| row.configuration == configuration && row.seed == seed) {
        cases.entry(&row.case).or_insert((row.fold, Vec::new())).1.extend(row.values[dice]);
    }
    let of = |(case, (fold, values)): (&str, (usize, Vec<f64>))| {
        Some(Ranked { case: case.to_owned(), fold, seed, dice: mean(&values)? })
    };
    let mut ranked: Vec<Ranked> = cases.into_iter().filter_map(of).collect();
    ranked.sort_by(|left, right| right.dice.total_cmp(&left.dice));
    ranked
}

/// Image, reference and prediction on one grid.
struct Arrays {
    image: ndarray::Array3<f32>,
    spacing: Spacing,
    reference: ndarray::Array3<i16>,
    prediction: ndarray::Array3<i16>,
}

fn read(case: &Case, prediction: &Path, expected: &Expected<'_>) -> Result<Arrays, String> {
    let text = |faults: Issues| faults.to_string();
    let (image, reference) = read_case(case, expected).map_err(text)?;
    let prediction = read_labels(&case.id, prediction, Some(&image.geometry), expected).map_err(text)?;
    let spacing = image.geometry.spacing;
    let image = image.voxels.index_axis_move(Axis(0), 0);
    Ok(Arrays { image, spacing, reference: reference.labels, prediction: prediction.labels })
}

/// Makes the slices of a case, for the page and for a figure; `page` is named where they cannot be encoded.
fn one_case(arrays: &Arrays, record: &Record, title: String, page: &Path) -> Result<(Shown, Row), ReportError> {
    let labels = &record.plan.data.labels;
    let axis = slice_axis(arrays.spacing);
    let [_, down, across] = order(axis);
    let step = arrays.image.len_of(Axis(down)).max(arrays.image.len_of(Axis(across))).div_ceil(EDGE);
    let bounds = window(arrays.image.view());
    let (mut slices, mut tiles) = (Vec::new(), Vec::new());
    for index in with_foreground(arrays, axis) {
        let image = thin(arrays.image.index_axis(Axis(axis), index), step)
            .mapv(|value| (255.0 * (value - bounds.0) / (bounds.1 - bounds.0)).clamp(0.0, 255.0) as u8);
        let size = (image.ncols() as u32, image.nrows() as u32);
        let pixels: Vec<u8> = image.iter().copied().collect();
        let uri = data_uri("image/png", &png(page, &pixels, size, png::ColorType::Grayscale)?);
        // Classes by their place, from 1; whatever is no class is background.
        let place =
            |value: i16| labels.keys().position(|&label| i16::from(label) == value).map_or(0, |at| at as u8 + 1);
        let map = |map: ArrayView3<'_, i16>| thin(map.index_axis(Axis(axis), index), step).mapv(place);
        let (reference, prediction) = (map(arrays.reference.view()), map(arrays.prediction.view()));
        let outlines = |map: &Array2<u8>| {
            (1..).zip(labels).map(|(place, _)| outline(&map.mapv(|value| value == place))).collect::<Vec<_>>()
        };
        slices.push(Slice {
            index,
            image: uri.clone(),
            reference: outlines(&reference),
            prediction: outlines(&prediction),
        });
        tiles.push(Tile { image, uri, reference, prediction });
    }
    let class = |(&label, name): (&u8, &String)| {
        let RGBColor(red, green, blue) = colour(label, record);
        (name.clone(), format!("#{red:02x}{green:02x}{blue:02x}"))
    };
    let aspect = arrays.spacing.0[down] / arrays.spacing.0[across];
    let shown = Shown {
        title: title.clone(),
        size: [arrays.image.len_of(Axis(down)).div_ceil(step), arrays.image.len_of(Axis(across)).div_ceil(step)],
        aspect,
        classes: labels.iter().map(class).collect(),
        slices,
    };
    Ok((shown, Row { title, aspect, tiles }))
}

fn colour(label: u8, record: &Record) -> RGBColor {
    let [red, green, blue] = colour_of(label.into(), &record.plan.data.labels);
    RGBColor(red, green, blue)
}

/// Slices in which reference or prediction have foreground, evenly thinned out; all where none has.
fn with_foreground(arrays: &Arrays, axis: usize) -> Vec<usize> {
    let has = |map: &ndarray::Array3<i16>, at: usize| map.index_axis(Axis(axis), at).iter().any(|&label| label > 0);
    let all = 0..arrays.image.len_of(Axis(axis));
    let mut with: Vec<usize> =
        all.clone().filter(|&at| has(&arrays.reference, at) || has(&arrays.prediction, at)).collect();
    if with.is_empty() {
        with = all.collect();
    }
    let count = with.len().min(SLICES);
    (0..count).map(|place| with[place * with.len() / count]).collect()
}

/// Every `step`-th pixel of both axes.
fn thin<T: Copy>(slice: ArrayView2<'_, T>, step: usize) -> Array2<T> {
    slice.slice(ndarray::s![..;step, ..;step]).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_case_is_shown_once() {
        let shown = |count| places(count).into_iter().map(|(rank, _)| rank).collect::<Vec<_>>();
        assert_eq!(shown(9), ["best", "median", "third-worst", "second-worst", "worst"]);
        assert_eq!(shown(3), ["best", "median", "worst"]);
        assert_eq!((shown(1), shown(0)), (vec!["best"], vec![]));
    }
}
