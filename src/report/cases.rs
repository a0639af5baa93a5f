//! The best, the median and the worst held-out case of a configuration, as pictures and as slices to step through.
//!
//! Input: a record, and the images and references of its data set where it is still in its folder. Output: PNG files, and
//! slices with outlines for the page. Deliberately absent: cases without a Dice, which the report lists.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::{Array2, ArrayView2, ArrayView3, Axis};
use serde::Serialize;

use crate::dataset::{Case, scan};
use crate::report::ReportError;
use crate::report::montage::{Picture, colour_of, draw as draw_picture, order, slice_axis, window};
use crate::report::numbers::mean;
use crate::report::outline::outline;
use crate::report::page::data_uri;
use crate::report::record::Record;
use crate::report::style::png;
use crate::store::report::ReportFolder;
use crate::volume::Spacing;
use crate::volume::nifti::{NiftiError, read_image, read_labels};

/// Longest edge of a slice on the page, pixels; larger ones are thinned out.
const EDGE: usize = 192;
/// Most slices of a case on the page.
const SLICES: usize = 32;

/// A case to step through.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// What it is: configuration, rank, name and Dice.
    pub title: String,
    /// Its picture's file name, without extension.
    pub picture: String,
    /// The picture's bytes.
    #[serde(skip)]
    pub montage: Vec<u8>,
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

/// A held-out case and where its prediction is.
struct Ranked {
    case: String,
    fold: usize,
    seed: u64,
    dice: f64,
}

/// Draws the cases of all configurations; says which could not be drawn, and why.
///
/// # Errors
///
/// When a picture cannot be written.
pub fn draw(record: &Record, prefix: &str, folder: &ReportFolder) -> Result<(Vec<Shown>, Vec<String>), ReportError> {
    let (mut shown, mut gaps) = (Vec::new(), Vec::new());
    let Some(manifest) = &record.manifest else { return Ok((shown, gaps)) };
    if record.scores.rows.is_empty() {
        return Ok((shown, gaps));
    }
    let dataset = match scan(&manifest.dataset.folder) {
        Ok(dataset) => dataset,
        Err(error) => {
            gaps.push(format!("No case could be drawn, because the data set cannot be read: {error}."));
            return Ok((shown, gaps));
        }
    };
    for &configuration in record.configurations() {
        let ranked = ranked(record, configuration.as_str());
        let Some(last) = ranked.len().checked_sub(1) else { continue };
        for (rank, place) in [("best", 0), ("median", last / 2), ("worst", last)] {
            let one = &ranked[place];
            let Some(case) = dataset.training.iter().find(|case| case.id.0 == one.case) else {
                gaps.push(format!("{} could not be drawn: the data set does not have it any more.", one.case));
                continue;
            };
            let network = record.networks.iter().find(|network| {
                network.configuration == configuration && network.seed == one.seed && network.fold == one.fold
            });
            let Some(network) = network else { continue };
            let title = format!("{configuration}: {rank} held-out case, {}, mean Dice {:.3}", one.case, one.dice);
            let name = format!("{prefix}{rank}-{configuration}");
            match read(case, &network.folder.prediction(&one.case)) {
                Ok(arrays) => shown.push(one_case(&arrays, record, title, name, folder)?),
                Err(reason) => gaps.push(format!("{} could not be drawn: {reason}.", one.case)),
            }
        }
    }
    Ok((shown, gaps))
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

fn read(case: &Case, prediction: &Path) -> Result<Arrays, String> {
    let text = |error: NiftiError| error.to_string();
    let reference = case.labels.as_ref().ok_or_else(|| "it has no reference".to_owned())?;
    let image = read_image(&case.images).map_err(text)?;
    let (reference, prediction) = (read_labels(reference).map_err(text)?, read_labels(prediction).map_err(text)?);
    let spacing = image.geometry.spacing;
    let image = image.voxels.index_axis_move(Axis(0), 0);
    if image.dim() != reference.labels.dim() || image.dim() != prediction.labels.dim() {
        return Err("image, reference and prediction differ in shape".to_owned());
    }
    Ok(Arrays { image, spacing, reference: reference.labels, prediction: prediction.labels })
}

/// Draws a case's picture, and makes its slices.
fn one_case(
    arrays: &Arrays,
    record: &Record,
    title: String,
    name: String,
    folder: &ReportFolder,
) -> Result<Shown, ReportError> {
    let labels = &record.plan.data.labels;
    let picture = Picture {
        image: arrays.image.view(),
        spacing: arrays.spacing,
        reference: arrays.reference.view(),
        prediction: arrays.prediction.view(),
        labels,
        title: title.clone(),
    };
    let montage = draw_picture(&picture, &folder.picture(&name))?;
    let axis = slice_axis(arrays.spacing);
    let [_, down, across] = order(axis);
    let step = arrays.image.len_of(Axis(down)).max(arrays.image.len_of(Axis(across))).div_ceil(EDGE);
    let bounds = window(arrays.image.view());
    let mut slices = Vec::new();
    for index in with_foreground(arrays, axis) {
        let grey = thin(arrays.image.index_axis(Axis(axis), index), step)
            .mapv(|value| (255.0 * (value - bounds.0) / (bounds.1 - bounds.0)).clamp(0.0, 255.0) as u8);
        let size = (grey.ncols() as u32, grey.nrows() as u32);
        let pixels: Vec<u8> = grey.iter().copied().collect();
        let bytes = png(&folder.page(), &pixels, size, png::ColorType::Grayscale)?;
        let outlines = |map: ArrayView3<'_, i16>| {
            let slice = thin(map.index_axis(Axis(axis), index), step);
            labels.keys().map(|&label| outline(&slice.mapv(|value| value == i16::from(label)))).collect()
        };
        slices.push(Slice {
            index,
            image: data_uri("image/png", &bytes),
            reference: outlines(arrays.reference.view()),
            prediction: outlines(arrays.prediction.view()),
        });
    }
    let class = |(&label, name): (&u8, &String)| {
        let [red, green, blue] = colour_of(label.into(), labels);
        (name.clone(), format!("#{red:02x}{green:02x}{blue:02x}"))
    };
    Ok(Shown {
        title,
        picture: name,
        montage,
        size: [arrays.image.len_of(Axis(down)).div_ceil(step), arrays.image.len_of(Axis(across)).div_ceil(step)],
        aspect: arrays.spacing.0[down] / arrays.spacing.0[across],
        classes: labels.iter().map(class).collect(),
        slices,
    })
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
