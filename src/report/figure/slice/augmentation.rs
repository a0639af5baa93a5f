//! Contact sheet of an augmentation: what training patches look like before and after, and what was drawn for each.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::{ArrayView3, Axis};
use plotters::backend::BitMapBackend;
use plotters::drawing::IntoDrawingArea as _;
use plotters::prelude::RGBColor;
use plotters::style::{BLACK, WHITE};

use crate::plan::schema::Configuration;
use crate::report::error::ReportError;
use crate::report::figure::canvas::{use_bundled_font, write_png, write_words};
use crate::report::figure::slice::slice_png::{Tile, colour_of, order, window};
use crate::train::augment::{Draw, Faults, Operation};
use crate::train::sample::Patch;
use crate::volume::Spacing;
use crate::volume::axes::slice_first;

/// Width and height that a slice is drawn into, pixels.
const TILE: u32 = 180;
/// Between tiles, pixels.
const GAP: u32 = 4;
/// Width of the column of words, pixels.
const WORDS: u32 = 250;
/// Height of title and legend, pixels.
const HEAD: u32 = 84;
/// Height of a line of words, pixels.
const LINE: i32 = 22;
/// Size of text, pixels.
const TEXT: i32 = 17;

/// One training patch, before and after.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The patch without any transform.
    pub original: Patch,
    /// The same patch as the network sees it.
    pub augmented: Patch,
    /// What was drawn for it.
    pub draw: Draw,
    /// What was drawn for the labels of the cascade's first stage; nothing outside of its second one.
    pub faults: Faults,
}

/// What a sheet shows: a row a sample.
#[derive(Clone, Debug)]
pub struct Sheet<'a> {
    /// The samples; patches of the same shape.
    pub samples: &'a [Sample],
    /// Edges of a voxel of the patches, mm, `[z, y, x]`.
    pub spacing: Spacing,
    /// The image's axes along which the patches lie, `[z, y, x]` of the patches.
    pub axes: Axes,
    /// Modality of each channel of the patches.
    pub channels: &'a [String],
    /// Names of the classes, by the numbers that the patches have.
    pub classes: &'a BTreeMap<u8, String>,
    /// What stands above.
    pub title: String,
}

/// How the axes of patches are called.
#[derive(Clone, Copy, Debug)]
pub struct Axes {
    /// Names of the patches' axes as the image has them.
    names: [&'static str; 3],
    /// The patches' axes in the order of the drawn angles.
    turned: [usize; 3],
}

impl Axes {
    /// The axes of a configuration's patches.
    pub fn new(configuration: &Configuration) -> Self {
        let names = slice_first(configuration.slice_axis).map(|axis| ["z", "y", "x"][axis]);
        Self { names, turned: slice_first(configuration.augmented_axis()) }
    }
}

/// What was drawn for a patch, a line for each transform; says so where nothing was.
pub fn words(sample: &Sample, axes: Axes, classes: &BTreeMap<u8, String>) -> Vec<String> {
    let mut lines = transforms(&sample.draw, axes);
    lines.extend(sample.faults.morphology.iter().map(|change| {
        let name = classes.values().nth(change.mask).map_or("label", String::as_str);
        let what = match change.operation {
            Operation::Erode => "eroded",
            Operation::Dilate => "dilated",
            Operation::Open => "opened",
            Operation::Close => "closed",
        };
        format!("{name} {what}, {:.1} voxels", change.radius)
    }));
    if sample.faults.removal.is_some() {
        lines.push("a small part of each lost".to_owned());
    }
    if lines.is_empty() {
        lines.push("nothing drawn: as it is".to_owned());
    }
    lines
}

fn transforms(draw: &Draw, axes: Axes) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(elastic) = draw.spatial.elastic {
        lines.push(format!("elastic α {:.0}, σ {:.1} voxels", elastic.alpha, elastic.sigma));
    }
    if let Some(angles) = draw.spatial.rotation {
        let shown = |(axis, angle): (&str, f64)| format!("{axis} {:.1}°", angle.to_degrees());
        let turned: Vec<String> = axes
            .turned
            .map(|axis| axes.names[axis])
            .into_iter()
            .zip(angles)
            .filter(|&(_, a)| a != 0.0)
            .map(shown)
            .collect();
        lines.push(format!("rotation about {}", turned.join(" ")));
    }
    if let Some(scale) = draw.spatial.scale {
        lines.push(format!("scale {scale:.3}"));
    }
    if let Some(exponents) = &draw.gamma {
        let shown: Vec<String> = exponents.iter().map(|exponent| format!("{exponent:.2}")).collect();
        lines.push(format!("gamma {}", shown.join(" ")));
    }
    if draw.mirror.contains(&true) {
        let mirrored: Vec<&str> =
            axes.names.into_iter().zip(draw.mirror).filter_map(|(axis, on)| on.then_some(axis)).collect();
        lines.push(format!("mirror {}", mirrored.join(" ")));
    }
    lines
}

/// Draws a sheet as a PNG file: each sample's slices as they are, then as they are augmented, then what was drawn.
///
/// Of a 3D patch there is a slice of each axis, the one with the most foreground before augmentation, and the same one,
/// mirrored where the patch was, after it. Each channel of an image has a row of its own. In the cascade's second stage,
/// dotted outlines are the labels of the first one, on the right with their random faults.
///
/// # Errors
///
/// When the file cannot be written.
///
/// # Panics
///
/// When there is no sample.
pub fn draw(sheet: &Sheet<'_>, path: &Path) -> Result<(), ReportError> {
    let first = sheet.samples.first().expect("a sheet of at least one sample");
    let planes = planes(first);
    let rows = sheet.samples.len() * sheet.channels.len();
    let (width, height) = (sides(&planes) + WORDS, HEAD + rows as u32 * (TILE + GAP));
    let mut pixels = vec![0; (width * height * 3) as usize];
    write_legend(sheet, &planes, &mut pixels, (width, height))
        .map_err(|reason| ReportError::Drawing { name: path.display().to_string(), reason })?;
    for (row, (sample, channel)) in rows_of(sheet).enumerate() {
        let top = HEAD + row as u32 * (TILE + GAP);
        let grey = window(sample.original.image.index_axis(Axis(0), channel));
        for (column, &axis) in planes.iter().enumerate() {
            let at = fullest_slice(sample.original.labels.view(), axis);
            let length = sample.original.labels.len_of(Axis(axis));
            let mirrored = if sample.draw.mirror[axis] { length - 1 - at } else { at };
            let [_, down, across] = order(axis);
            for (patch, at, column) in
                [(&sample.original, at, column), (&sample.augmented, mirrored, planes.len() + column)]
            {
                let tile = Tile {
                    image: patch.image.index_axis(Axis(0), channel).index_axis_move(Axis(axis), at),
                    window: grey,
                    edges: (sheet.spacing.0[down], sheet.spacing.0[across]),
                    solid: patch.labels.index_axis(Axis(axis), at),
                    dotted: patch.first_stage.as_ref().map(|labels| labels.index_axis(Axis(axis), at)),
                    labels: sheet.classes,
                };
                tile.paint(&mut pixels, width, (left(column, planes.len()), top), TILE);
            }
        }
    }
    write_png(path, &pixels, width, height).map(|_| ())
}

/// What the rows show, from the top: each channel of each sample.
fn rows_of<'a>(sheet: &'a Sheet<'_>) -> impl Iterator<Item = (&'a Sample, usize)> {
    let channels = sheet.channels.len();
    sheet.samples.iter().flat_map(move |sample| (0..channels).map(move |channel| (sample, channel)))
}

/// Axes that slices are perpendicular to: all three, or z alone where the patch is a slice.
fn planes(sample: &Sample) -> Vec<usize> {
    if sample.original.labels.len_of(Axis(0)) == 1 { vec![0] } else { vec![0, 1, 2] }
}

/// First pixel of a column of tiles; a wider gap parts the augmented ones from the others.
fn left(column: usize, planes: usize) -> u32 {
    let groups = if column >= planes { 2 * GAP } else { 0 };
    column as u32 * (TILE + GAP) + groups
}

fn sides(planes: &[usize]) -> u32 {
    left(2 * planes.len(), planes.len())
}

/// The slice with the most foreground; the middle one where there is none.
fn fullest_slice(labels: ArrayView3<'_, i16>, axis: usize) -> usize {
    let count = |at: usize| labels.index_axis(Axis(axis), at).iter().filter(|&&label| label > 0).count();
    let length = labels.len_of(Axis(axis));
    let middle = length / 2;
    (0..length).fold(middle, |best, at| if count(at) > count(best) { at } else { best })
}

/// Title, legend, headings, and what was drawn for each sample.
fn write_legend(sheet: &Sheet<'_>, planes: &[usize], pixels: &mut [u8], size: (u32, u32)) -> Result<(), String> {
    use_bundled_font();
    let area = BitMapBackend::with_buffer(pixels, size).into_drawing_area();
    area.fill(&BLACK).map_err(|error| error.to_string())?;
    let write = |words: &str, at: (i32, i32), colour: RGBColor| write_words(&area, words, at, (TEXT, colour));
    write(&sheet.title, (8, 16), WHITE)?;
    let mut at = 8;
    for (&class, name) in sheet.classes {
        let [red, green, blue] = colour_of(class.into(), sheet.classes);
        at += write(name, (at, 42), RGBColor(red, green, blue))? + TEXT;
    }
    for (column, what) in [(0, "as it is"), (planes.len(), "augmented")] {
        write(what, (left(column, planes.len()) as i32 + 8, 68), WHITE)?;
    }
    for (row, (sample, channel)) in rows_of(sheet).enumerate() {
        let top = (HEAD + row as u32 * (TILE + GAP)) as i32 + LINE;
        for (line, text) in row_words(sheet, sample, channel).iter().enumerate() {
            write(text, (sides(planes) as i32 + 8, top + LINE * line as i32), WHITE)?;
        }
    }
    area.present().map_err(|error| error.to_string())
}

/// What stands beside a row: its channel, where there are several, and in a sample's first row what was drawn for it.
fn row_words(sheet: &Sheet<'_>, sample: &Sample, channel: usize) -> Vec<String> {
    let mut lines = Vec::new();
    if sheet.channels.len() > 1 {
        lines.push(format!("channel {channel}: {}", sheet.channels[channel]));
    }
    if channel == 0 {
        lines.extend(words(sample, sheet.axes, sheet.classes));
    }
    lines
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, Array4};

    use super::*;
    use crate::network::testing::configuration;
    use crate::plan::schema::AugmentationKind;
    use crate::train::augment::{Change, Removal, Spatial};

    fn axes(slice_axis: usize, augmentation: AugmentationKind, patch: [usize; 3]) -> Axes {
        let configuration = configuration(patch, [0; 3], &[4]);
        Axes::new(&Configuration { slice_axis, augmentation, ..configuration })
    }

    fn sample(shape: [usize; 3]) -> Sample {
        let [depth, height, width] = shape;
        let inside = |z: usize, y: usize, x: usize| z == 0 && y >= height / 2 && x >= width / 2;
        let labels = Array3::from_shape_fn(shape, |(z, y, x)| i16::from(inside(z, y, x)));
        let image = Array4::from_shape_fn((2, depth, height, width), |(c, z, y, x)| (z + y + (c + 1) * x) as f32);
        let patch = Patch { image, labels, first_stage: None };
        Sample { original: patch.clone(), augmented: patch, draw: Draw::default(), faults: Faults::default() }
    }

    #[test]
    fn a_sheet_has_a_row_for_each_sample_and_outlines_in_all_its_planes() {
        let classes = BTreeMap::from([(1, "organ".to_owned())]);
        for (shape, columns) in [([6, 12, 10], 6_u32), ([1, 12, 10], 2)] {
            let samples = [sample(shape), sample(shape)];
            let spacing = Spacing([2.0, 1.0, 1.0]);
            let channels = ["T1".to_owned(), "T2".to_owned()];
            let axes = axes(0, AugmentationKind::ThreeD, shape);
            let sheet = Sheet {
                samples: &samples,
                spacing,
                axes,
                channels: &channels,
                classes: &classes,
                title: "case".to_owned(),
            };
            assert_eq!(row_words(&sheet, &samples[0], 0), ["channel 0: T1", "nothing drawn: as it is"]);
            assert_eq!(row_words(&sheet, &samples[0], 1), ["channel 1: T2"]);
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("sheet.png");
            draw(&sheet, &path).unwrap();
            let decoder = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(&path).unwrap()));
            let mut reader = decoder.read_info().unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            let info = reader.next_frame(&mut pixels).unwrap();
            assert_eq!((info.width, info.height), (columns * (TILE + GAP) + 2 * GAP + WORDS, HEAD + 4 * (TILE + GAP)));
            let colour = colour_of(1, &classes);
            for (column, row) in (0..columns).flat_map(|column| (0..4).map(move |row| (column, row))) {
                let start = left(column as usize, columns as usize / 2);
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
    fn only_what_was_drawn_is_named() {
        let classes = BTreeMap::from([(1, "organ".to_owned()), (2, "core".to_owned())]);
        let in_space = axes(0, AugmentationKind::ThreeD, [4, 4, 4]);
        let words = |sample: &Sample| words(sample, in_space, &classes);
        let nothing = sample([1, 4, 4]);
        assert_eq!(words(&nothing), ["nothing drawn: as it is"]);
        let spatial = Spatial { rotation: Some([0.1, 0.0, 0.0]), scale: Some(0.9), ..Spatial::default() };
        let draw = Draw { spatial, gamma: Some(vec![0.7, 1.25]), mirror: [true, false, true] };
        let transformed = Sample { draw, ..nothing.clone() };
        assert_eq!(words(&transformed), ["rotation about z 5.7°", "scale 0.900", "gamma 0.70 1.25", "mirror z x"]);
        let faults = Faults {
            morphology: vec![Change { mask: 1, operation: Operation::Dilate, radius: 3.25 }],
            removal: Some(Removal { choices: vec![0.0, 0.5], share: 0.15 }),
        };
        assert_eq!(words(&Sample { faults, ..nothing }), ["core dilated, 3.2 voxels", "a small part of each lost"]);
    }

    #[test]
    fn axes_are_named_as_the_image_has_them() {
        let spatial = Spatial { rotation: Some([0.1, 0.0, 0.0]), ..Spatial::default() };
        let draw = Draw { spatial, mirror: [true, false, true], ..Draw::default() };
        // Slices across y of an image, in a network that has slices first.
        let of_y = axes(1, AugmentationKind::TwoD, [1, 8, 8]);
        assert_eq!(transforms(&draw, of_y), ["rotation about y 5.7°", "mirror y x"]);
        // A 3D patch that is thin along y, and one that is thin along z.
        let thin_y = axes(0, AugmentationKind::Dummy2d, [16, 4, 16]);
        assert_eq!(transforms(&draw, thin_y), ["rotation about y 5.7°", "mirror z x"]);
        let thin_z = axes(0, AugmentationKind::Dummy2d, [4, 16, 16]);
        assert_eq!(transforms(&draw, thin_z), ["rotation about z 5.7°", "mirror z x"]);
    }
}
