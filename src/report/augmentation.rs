//! Contact sheet of an augmentation: what training patches look like before and after, and what was drawn for each.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::{ArrayView3, Axis};
use plotters::backend::BitMapBackend;
use plotters::drawing::IntoDrawingArea as _;
use plotters::prelude::RGBColor;
use plotters::style::{BLACK, WHITE};

use crate::report::ReportError;
use crate::report::montage::{Tile, colour_of, order, window};
use crate::report::style::{use_bundled_font, write_png, write_words};
use crate::train::augment::{Draw, Faults, Operation};
use crate::train::sample::Patch;
use crate::volume::Spacing;

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
    /// Names of the classes, by the numbers that the patches have.
    pub classes: &'a BTreeMap<u8, String>,
    /// What stands above.
    pub title: String,
}

/// What was drawn for a patch, a line for each transform; says so where nothing was.
pub fn words(sample: &Sample, classes: &BTreeMap<u8, String>) -> Vec<String> {
    let mut lines = transforms(&sample.draw);
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

fn transforms(draw: &Draw) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(elastic) = draw.spatial.elastic {
        lines.push(format!("elastic α {:.0}, σ {:.1} voxels", elastic.alpha, elastic.sigma));
    }
    if let Some(angles) = draw.spatial.rotation {
        let shown = |(axis, angle): (&str, f64)| format!("{axis} {:.1}°", angle.to_degrees());
        let turned: Vec<String> =
            ["z", "y", "x"].into_iter().zip(angles).filter(|&(_, a)| a != 0.0).map(shown).collect();
        lines.push(format!("rotation {}", turned.join(" ")));
    }
    if let Some(scale) = draw.spatial.scale {
        lines.push(format!("scale {scale:.3}"));
    }
    if let Some(exponents) = &draw.gamma {
        let shown: Vec<String> = exponents.iter().map(|exponent| format!("{exponent:.2}")).collect();
        lines.push(format!("gamma {}", shown.join(" ")));
    }
    if draw.mirror.contains(&true) {
        let axes: Vec<&str> =
            ["z", "y", "x"].into_iter().zip(draw.mirror).filter_map(|(axis, on)| on.then_some(axis)).collect();
        lines.push(format!("mirror {}", axes.join(" ")));
    }
    lines
}

/// Draws a sheet as a PNG file: each sample's slices as they are, then as they are augmented, then what was drawn.
///
/// Of a 3D patch there is a slice of each axis, the one with the most foreground before augmentation, and the same one,
/// mirrored where the patch was, after it. Of the image, the first channel is drawn. In the cascade's second stage, dotted
/// outlines are the labels of the first one, on the right with their random faults.
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
    let (width, height) = (sides(&planes) + WORDS, HEAD + sheet.samples.len() as u32 * (TILE + GAP));
    let mut pixels = vec![0; (width * height * 3) as usize];
    write_legend(sheet, &planes, &mut pixels, (width, height))
        .map_err(|reason| ReportError::Drawing { name: path.display().to_string(), reason })?;
    for (row, sample) in sheet.samples.iter().enumerate() {
        let top = HEAD + row as u32 * (TILE + GAP);
        let grey = window(sample.original.image.index_axis(Axis(0), 0));
        for (column, &axis) in planes.iter().enumerate() {
            let at = fullest_slice(sample.original.labels.view(), axis);
            let length = sample.original.labels.len_of(Axis(axis));
            let mirrored = if sample.draw.mirror[axis] { length - 1 - at } else { at };
            let [_, down, across] = order(axis);
            for (patch, at, column) in
                [(&sample.original, at, column), (&sample.augmented, mirrored, planes.len() + column)]
            {
                let tile = Tile {
                    image: patch.image.index_axis(Axis(0), 0).index_axis_move(Axis(axis), at),
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
    for (row, sample) in sheet.samples.iter().enumerate() {
        let top = (HEAD + row as u32 * (TILE + GAP)) as i32 + LINE;
        for (line, text) in words(sample, sheet.classes).iter().enumerate() {
            write(text, (sides(planes) as i32 + 8, top + LINE * line as i32), WHITE)?;
        }
    }
    area.present().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, Array4};

    use super::*;
    use crate::train::augment::{Change, Removal, Spatial};

    fn sample(shape: [usize; 3]) -> Sample {
        let [depth, height, width] = shape;
        let inside = |z: usize, y: usize, x: usize| z == 0 && y >= height / 2 && x >= width / 2;
        let labels = Array3::from_shape_fn(shape, |(z, y, x)| i16::from(inside(z, y, x)));
        let image = Array4::from_shape_fn((1, depth, height, width), |(_, z, y, x)| (z + y + x) as f32);
        let patch = Patch { image, labels, first_stage: None };
        Sample { original: patch.clone(), augmented: patch, draw: Draw::default(), faults: Faults::default() }
    }

    #[test]
    fn a_sheet_has_a_row_for_each_sample_and_outlines_in_all_its_planes() {
        let classes = BTreeMap::from([(1, "organ".to_owned())]);
        for (shape, columns) in [([6, 12, 10], 6_u32), ([1, 12, 10], 2)] {
            let samples = [sample(shape), sample(shape)];
            let spacing = Spacing([2.0, 1.0, 1.0]);
            let sheet = Sheet { samples: &samples, spacing, classes: &classes, title: "case".to_owned() };
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("sheet.png");
            draw(&sheet, &path).unwrap();
            let decoder = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(&path).unwrap()));
            let mut reader = decoder.read_info().unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            let info = reader.next_frame(&mut pixels).unwrap();
            assert_eq!((info.width, info.height), (columns * (TILE + GAP) + 2 * GAP + WORDS, HEAD + 2 * (TILE + GAP)));
            let colour = colour_of(1, &classes);
            for column in 0..columns {
                let start = left(column as usize, columns as usize / 2);
                let row = HEAD..HEAD + TILE;
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
        let words = |sample: &Sample| words(sample, &classes);
        let nothing = sample([1, 4, 4]);
        assert_eq!(words(&nothing), ["nothing drawn: as it is"]);
        let spatial = Spatial { rotation: Some([0.1, 0.0, 0.0]), scale: Some(0.9), ..Spatial::default() };
        let draw = Draw { spatial, gamma: Some(vec![0.7, 1.25]), mirror: [true, false, true] };
        let transformed = Sample { draw, ..nothing.clone() };
        assert_eq!(words(&transformed), ["rotation z 5.7°", "scale 0.900", "gamma 0.70 1.25", "mirror z x"]);
        let faults = Faults {
            morphology: vec![Change { mask: 1, operation: Operation::Dilate, radius: 3.25 }],
            removal: Some(Removal { choices: vec![0.0, 0.5], share: 0.15 }),
        };
        assert_eq!(words(&Sample { faults, ..nothing }), ["core dilated, 3.2 voxels", "a small part of each lost"]);
    }
}
