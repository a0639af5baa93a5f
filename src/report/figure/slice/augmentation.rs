//! Contact sheet of an augmentation: training patches before and after, and what was drawn for each.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::{ArrayView3, Axis};
use plotters::backend::BitMapBackend;
use plotters::drawing::IntoDrawingArea as _;
use plotters::style::{BLACK, WHITE};

use crate::report::error::ReportError;
use crate::report::figure::png::write_png;
use crate::report::figure::slice::header::Header;
use crate::report::figure::slice::plane::{GreyWindow, Plane};
use crate::report::figure::slice::renderer::{Frame, Pen, Pixels, Slice, to_classes, to_grey};
use crate::report::figure::style::use_bundled_font;
use crate::report::figure::text::draw_pixel_text;
use crate::train::augment::{AxisNames, Draw, FirstStageCorruption};
use crate::train::patch::Patch;
use crate::volume::Spacing;

/// Width and height of a slice, pixels.
const TILE: u32 = 180;
/// Gap between slices, pixels.
const GAP: u32 = 4;
/// Width of the column of text, pixels.
const TEXT_COLUMN: u32 = 250;
/// Height of the header, pixels.
const HEAD: u32 = 84;
const HEADER: Header = Header { left: 8, title_y: 16, classes_y: 42, text_size: TEXT };
/// Middle of the headings of the columns, pixels.
const HEADINGS_Y: i32 = 68;
/// Height of a line of text, pixels.
const LINE: i32 = 22;
/// Size of text, pixels.
const TEXT: i32 = 17;
const PEN: Pen = Pen { half_width: 1, dot: 4 };

/// One training patch, before and after.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// The patch without any transform.
    pub original: Patch,
    /// The same patch as the network sees it.
    pub augmented: Patch,
    /// The transforms that were drawn for it.
    pub draw: Draw,
    /// The corruption that was drawn for the first stage's predictions; empty outside the second stage of the cascade.
    pub corruption: FirstStageCorruption,
}

/// A contact sheet: one row per sample and channel.
#[derive(Clone, Debug)]
pub(crate) struct ContactSheet<'a> {
    /// The samples, at least one; patches of the same shape.
    pub samples: &'a [Sample],
    /// Spacing of the patches, mm, `[z, y, x]`.
    pub spacing: Spacing,
    /// Names of the patches' axes.
    pub axes: AxisNames,
    /// Modality of each channel.
    pub channels: &'a [String],
    /// Class names by the labels of the patches.
    pub classes: &'a BTreeMap<u8, String>,
    pub title: String,
}

/// The transforms that were drawn for a sample, one line each.
pub(crate) fn describe_sample(sample: &Sample, axes: AxisNames, classes: &BTreeMap<u8, String>) -> Vec<String> {
    let classes: Vec<&str> = classes.values().map(String::as_str).collect();
    let mut lines = sample.draw.describe(axes);
    lines.extend(sample.corruption.describe(&classes));
    if lines.is_empty() {
        lines.push("no transform".to_owned());
    }
    lines
}

/// Writes a contact sheet as a PNG file: the slices of each sample before and after augmentation, and what was drawn.
///
/// A 3D patch is shown by one slice per axis, the one with the most foreground before augmentation, and the same one after it,
/// mirrored if the patch was. In a cascade's second stage, dotted outlines are the labels of the first stage, corrupted on the
/// right.
///
/// # Errors
///
/// If the file cannot be written.
///
/// # Panics
///
/// If there is no sample.
pub(crate) fn write_contact_sheet(sheet: &ContactSheet<'_>, path: &Path) -> Result<(), ReportError> {
    let axes = slice_axes(sheet.samples.first().expect("a contact sheet has at least one sample"));
    let rows = (sheet.samples.len() * sheet.channels.len()) as u32;
    let size = (slices_width(&axes) + TEXT_COLUMN, HEAD + rows * (TILE + GAP));
    let mut rgb = vec![0; (size.0 * size.1 * 3) as usize];
    draw_texts(sheet, &axes, &mut rgb, size)
        .map_err(|reason| ReportError::Drawing { name: path.display().to_string(), reason })?;
    let mut pixels = Pixels { rgb: &mut rgb, width: size.0 };
    for (row, (sample, channel)) in rows_of(sheet).enumerate() {
        let top = HEAD + row as u32 * (TILE + GAP);
        let window = GreyWindow::of_image(sample.original.image.index_axis(Axis(0), channel));
        for (column, &axis) in axes.iter().enumerate() {
            let index = fullest_slice(sample.original.labels.view(), axis);
            let length = sample.original.labels.len_of(Axis(axis));
            let after = if sample.draw.mirror[axis] { length - 1 - index } else { index };
            let plane = Plane::perpendicular_to(axis);
            for (patch, index, column) in
                [(&sample.original, index, column), (&sample.augmented, after, axes.len() + column)]
            {
                let slice = slice_of(sheet, patch, channel, (plane, index), window);
                let (left, edge) = (column_left(column, axes.len()) as i32, TILE as i32);
                let tile = Frame { left, top: top as i32, width: edge, height: edge };
                slice.paint(&mut pixels, tile.fit(slice.grey.dim(), slice.aspect), PEN);
            }
        }
    }
    write_png(path, &rgb, size).map(|_| ())
}

fn slice_of(
    sheet: &ContactSheet<'_>,
    patch: &Patch,
    channel: usize,
    (plane, index): (Plane, usize),
    window: GreyWindow,
) -> Slice {
    let axis = Axis(plane.axis);
    let classes = |labels: ndarray::ArrayView2<'_, i16>| to_classes(labels, sheet.classes);
    Slice {
        grey: to_grey(patch.image.index_axis(Axis(0), channel).index_axis_move(axis, index), window),
        solid: classes(patch.labels.index_axis(axis, index)),
        dotted: patch.first_stage.as_ref().map(|labels| classes(labels.index_axis(axis, index))),
        aspect: plane.aspect(sheet.spacing),
    }
}

/// The rows from the top: each channel of each sample.
fn rows_of<'a>(sheet: &'a ContactSheet<'_>) -> impl Iterator<Item = (&'a Sample, usize)> {
    let channels = sheet.channels.len();
    sheet.samples.iter().flat_map(move |sample| (0..channels).map(move |channel| (sample, channel)))
}

/// The axes that slices are perpendicular to: all three, or z alone if the patch is a slice.
fn slice_axes(sample: &Sample) -> Vec<usize> {
    if sample.original.labels.len_of(Axis(0)) == 1 { vec![0] } else { vec![0, 1, 2] }
}

/// Left edge of a column of slices, of which `axes` are before augmentation; a wider gap separates those after it.
fn column_left(column: usize, axes: usize) -> u32 {
    let separation = if column >= axes { 2 * GAP } else { 0 };
    column as u32 * (TILE + GAP) + separation
}

fn slices_width(axes: &[usize]) -> u32 {
    column_left(2 * axes.len(), axes.len())
}

/// The slice with the most foreground; the middle one without foreground.
fn fullest_slice(labels: ArrayView3<'_, i16>, axis: usize) -> usize {
    let count = |at: usize| labels.index_axis(Axis(axis), at).iter().filter(|&&label| label > 0).count();
    let length = labels.len_of(Axis(axis));
    (0..length).fold(length / 2, |best, at| if count(at) > count(best) { at } else { best })
}

/// Draws header, headings, and what was drawn for each sample.
fn draw_texts(sheet: &ContactSheet<'_>, axes: &[usize], rgb: &mut [u8], size: (u32, u32)) -> Result<(), String> {
    use_bundled_font();
    let area = BitMapBackend::with_buffer(rgb, size).into_drawing_area();
    area.fill(&BLACK).map_err(|error| error.to_string())?;
    HEADER.draw(&area, &sheet.title, sheet.classes)?;
    for (column, heading) in [(0, "original"), (axes.len(), "augmented")] {
        let left = column_left(column, axes.len()) as i32 + HEADER.left;
        draw_pixel_text(&area, heading, (left, HEADINGS_Y), (TEXT, WHITE))?;
    }
    let left = slices_width(axes) as i32 + HEADER.left;
    for (row, (sample, channel)) in rows_of(sheet).enumerate() {
        let top = (HEAD + row as u32 * (TILE + GAP)) as i32 + LINE;
        for (line, text) in row_texts(sheet, sample, channel).iter().enumerate() {
            draw_pixel_text(&area, text, (left, top + LINE * line as i32), (TEXT, WHITE))?;
        }
    }
    area.present().map_err(|error| error.to_string())
}

/// The text beside a row: its channel, if there are several, and in the first row of a sample what was drawn for it.
fn row_texts(sheet: &ContactSheet<'_>, sample: &Sample, channel: usize) -> Vec<String> {
    let mut lines = Vec::new();
    if sheet.channels.len() > 1 {
        lines.push(format!("channel {channel}: {}", sheet.channels[channel]));
    }
    if channel == 0 {
        lines.extend(describe_sample(sample, sheet.axes, sheet.classes));
    }
    lines
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, Array4};

    use plotters::prelude::RGBColor;

    use super::*;
    use crate::network::testing::configuration;
    use crate::plan::schema::{AugmentationKind, Configuration};
    use crate::report::figure::slice::renderer::class_colour;
    use crate::train::augment::{ComponentRemoval, Morphology, Operation, Spatial};

    fn axes(slice_axis: usize, augmentation: AugmentationKind, patch: [usize; 3]) -> AxisNames {
        let configuration = configuration(patch, [0; 3], &[4]);
        AxisNames::new(&Configuration { slice_axis, augmentation, ..configuration })
    }

    fn sample(shape: [usize; 3]) -> Sample {
        let [depth, height, width] = shape;
        let inside = |z: usize, y: usize, x: usize| z == 0 && y >= height / 2 && x >= width / 2;
        let labels = Array3::from_shape_fn(shape, |(z, y, x)| i16::from(inside(z, y, x)));
        let image = Array4::from_shape_fn((2, depth, height, width), |(c, z, y, x)| (z + y + (c + 1) * x) as f32);
        let patch = Patch { image, labels, first_stage: None };
        Sample {
            original: patch.clone(),
            augmented: patch,
            draw: Draw::default(),
            corruption: FirstStageCorruption::default(),
        }
    }

    #[test]
    fn a_sheet_has_a_row_per_sample_and_channel_and_outlines_in_all_planes() {
        let classes = BTreeMap::from([(1, "organ".to_owned())]);
        for (shape, columns) in [([6, 12, 10], 6_u32), ([1, 12, 10], 2)] {
            let samples = [sample(shape), sample(shape)];
            let spacing = Spacing([2.0, 1.0, 1.0]);
            let channels = ["T1".to_owned(), "T2".to_owned()];
            let axes = axes(0, AugmentationKind::ThreeD, shape);
            let sheet = ContactSheet {
                samples: &samples,
                spacing,
                axes,
                channels: &channels,
                classes: &classes,
                title: "case".to_owned(),
            };
            assert_eq!(row_texts(&sheet, &samples[0], 0), ["channel 0: T1", "no transform"]);
            assert_eq!(row_texts(&sheet, &samples[0], 1), ["channel 1: T2"]);
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("sheet.png");
            write_contact_sheet(&sheet, &path).unwrap();
            let decoder = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(&path).unwrap()));
            let mut reader = decoder.read_info().unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            let info = reader.next_frame(&mut pixels).unwrap();
            assert_eq!(
                (info.width, info.height),
                (columns * (TILE + GAP) + 2 * GAP + TEXT_COLUMN, HEAD + 4 * (TILE + GAP))
            );
            let RGBColor(red, green, blue) = class_colour(1);
            let colour = [red, green, blue];
            for (column, row) in (0..columns).flat_map(|column| (0..4).map(move |row| (column, row))) {
                let start = column_left(column as usize, columns as usize / 2);
                let top = HEAD + row * (TILE + GAP);
                let row = top..top + TILE;
                let outlined = row.flat_map(|y| (start..start + TILE).map(move |x| (y, x))).filter(|&(y, x)| {
                    let at = 3 * (y * info.width + x) as usize;
                    pixels[at..at + 3] == colour
                });
                assert!(outlined.count() > 50, "column {column} of {columns}");
            }
        }
    }

    #[test]
    fn only_drawn_transforms_are_listed() {
        let classes = BTreeMap::from([(1, "organ".to_owned()), (2, "core".to_owned())]);
        let in_space = axes(0, AugmentationKind::ThreeD, [4, 4, 4]);
        let describe = |sample: &Sample| describe_sample(sample, in_space, &classes);
        let nothing = sample([1, 4, 4]);
        assert_eq!(describe(&nothing), ["no transform"]);
        let spatial = Spatial { rotation: Some([0.1, 0.0, 0.0]), scale: Some(0.9), ..Spatial::default() };
        let mut draw = Draw { spatial, ..Draw::default() };
        draw.gamma = Some(vec![0.7, 1.25]);
        draw.mirror = [true, false, true];
        let transformed = Sample { draw, ..nothing.clone() };
        assert_eq!(describe(&transformed), ["rotation about z 5.7°", "scale 0.900", "gamma 0.70 1.25", "mirror z x"]);
        let corruption = FirstStageCorruption {
            morphology: vec![Morphology { mask: 1, operation: Operation::Dilate, radius: 3.25 }],
            removal: Some(ComponentRemoval { choices: vec![0.0, 0.5], max_patch_fraction: 0.15 }),
        };
        assert_eq!(
            describe(&Sample { corruption, ..nothing }),
            ["core dilated, 3.2 voxels", "component of each label removed"]
        );
    }

    #[test]
    fn axes_have_the_names_of_the_image() {
        let spatial = Spatial { rotation: Some([0.1, 0.0, 0.0]), ..Spatial::default() };
        let draw = Draw { spatial, mirror: [true, false, true], ..Draw::default() };
        // 2D slices perpendicular to y.
        let of_y = axes(1, AugmentationKind::TwoD, [1, 8, 8]);
        assert_eq!(draw.describe(of_y), ["rotation about y 5.7°", "mirror y x"]);
        // A 3D patch that is thin along y, and one that is thin along z.
        let thin_y = axes(0, AugmentationKind::Dummy2d, [16, 4, 16]);
        assert_eq!(draw.describe(thin_y), ["rotation about y 5.7°", "mirror z x"]);
        let thin_z = axes(0, AugmentationKind::Dummy2d, [4, 16, 16]);
        assert_eq!(draw.describe(thin_z), ["rotation about z 5.7°", "mirror z x"]);
    }
}
