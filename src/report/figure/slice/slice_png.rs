//! A picture of a predicted segmentation: slices with the outlines of reference and prediction.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::{ArrayView2, ArrayView3, Axis};
use plotters::backend::BitMapBackend;
use plotters::drawing::IntoDrawingArea as _;
use plotters::prelude::RGBColor;
use plotters::style::{BLACK, WHITE};

use crate::report::error::ReportError;
use crate::report::figure::canvas::{GREEN, PURPLE, SKY, VERMILION, YELLOW, use_bundled_font, write_png, write_words};
use crate::volume::Spacing;

/// Slices in a picture, side by side.
const SLICES: usize = 4;
/// Width and height that a slice is drawn into, pixels.
const TILE: u32 = 300;
/// Height of title and legend, pixels.
const HEAD: u32 = 64;
/// Half the width of an outline, pixels.
const LINE: i32 = 1;
/// Size of text, pixels.
const TEXT: i32 = 20;
/// Share of the darkest and of the brightest voxels that are cut off.
const WINDOW: f64 = 0.01;
/// Most voxels that are looked at for it.
const WINDOW_VOXELS: usize = 1_000_000;
/// Colours of the classes, in the order of their labels; repeated where there are more.
const COLOURS: [RGBColor; 5] = [YELLOW, SKY, VERMILION, GREEN, PURPLE];

/// What a picture shows. Arrays are `[z, y, x]` on one grid.
#[derive(Clone, Debug)]
pub struct Picture<'a> {
    /// The first channel of the image.
    pub image: ArrayView3<'a, f32>,
    /// Edges of a voxel, mm.
    pub spacing: Spacing,
    /// The reference.
    pub reference: ArrayView3<'a, i16>,
    /// The prediction.
    pub prediction: ArrayView3<'a, i16>,
    /// Names of the labels.
    pub labels: &'a BTreeMap<u8, String>,
    /// What stands above.
    pub title: String,
}

/// Draws evenly spaced slices through the foreground as a PNG file, their pixels square in millimetres; gives its bytes.
///
/// Slices are perpendicular to the axis of the largest spacing. The reference is outlined by solid lines, the prediction by
/// dotted ones, each class in a colour of its own.
///
/// # Errors
///
/// When the file cannot be written.
///
/// # Panics
///
/// When the arrays differ in shape.
pub fn draw(picture: &Picture<'_>, path: &Path) -> Result<Vec<u8>, ReportError> {
    assert_eq!(picture.image.dim(), picture.reference.dim(), "shapes of image and reference");
    assert_eq!(picture.image.dim(), picture.prediction.dim(), "shapes of image and prediction");
    let (width, height) = (TILE * SLICES as u32, TILE + HEAD);
    let mut pixels = vec![0; (width * height * 3) as usize];
    paint(picture, &mut pixels, (width, height))
        .map_err(|reason| ReportError::Drawing { name: path.display().to_string(), reason })?;
    write_png(path, &pixels, width, height)
}

fn paint(picture: &Picture<'_>, pixels: &mut [u8], size: (u32, u32)) -> Result<(), String> {
    words(picture, pixels, size)?;
    let axis = slice_axis(picture.spacing);
    let window = window(picture.image);
    let [_, down, across] = order(axis);
    let edges = (picture.spacing.0[down], picture.spacing.0[across]);
    for (tile, slice) in slices(picture.reference, axis).into_iter().enumerate() {
        let shown = Tile {
            image: picture.image.index_axis(Axis(axis), slice),
            window,
            edges,
            solid: picture.reference.index_axis(Axis(axis), slice),
            dotted: Some(picture.prediction.index_axis(Axis(axis), slice)),
            labels: picture.labels,
        };
        shown.paint(pixels, size.0, (tile as u32 * TILE, HEAD), TILE);
    }
    Ok(())
}

/// A slice, with outlines of its labels.
pub(in crate::report) struct Tile<'a> {
    pub(in crate::report) image: ArrayView2<'a, f32>,
    /// Intensities that become black and white.
    pub(in crate::report) window: (f32, f32),
    /// Edges of a voxel down and across, mm.
    pub(in crate::report) edges: (f64, f64),
    /// Labels that are outlined by a solid line.
    pub(in crate::report) solid: ArrayView2<'a, i16>,
    /// Labels that are outlined by a dotted line above it.
    pub(in crate::report) dotted: Option<ArrayView2<'a, i16>>,
    pub(in crate::report) labels: &'a BTreeMap<u8, String>,
}

impl Tile<'_> {
    /// Paints the slice into a square of pixels of a picture of this width; its first pixel is at `(left, top)`.
    pub(in crate::report) fn paint(&self, pixels: &mut [u8], width: u32, (left, top): (u32, u32), side: u32) {
        let grid = Grid::new(self.image.dim(), self.edges, side);
        let (low, high) = self.window;
        let outlines = [Some((&self.solid, false)), self.dotted.as_ref().map(|labels| (labels, true))];
        for (down, across) in (0..side).flat_map(|down| (0..side).map(move |across| (down, across))) {
            let Some(voxel) = grid.voxel(down, across) else { continue };
            let grey = (255.0 * (self.image[voxel] - low) / (high - low)).clamp(0.0, 255.0) as u8;
            let gap = (down + across) / 4 % 2 == 1;
            let mut colour = [grey; 3];
            for (labels, _) in outlines.into_iter().flatten().filter(|&(_, dotted)| !(dotted && gap)) {
                let at = |down, across| grid.voxel(down, across).map(|voxel| labels[voxel]);
                if let Some(class) = outline(at, down, across) {
                    colour = colour_of(class, self.labels);
                }
            }
            let pixel = ((top + down) * width + left + across) as usize;
            pixels[3 * pixel..3 * pixel + 3].copy_from_slice(&colour);
        }
    }
}

/// Title and legend.
fn words(picture: &Picture<'_>, pixels: &mut [u8], size: (u32, u32)) -> Result<(), String> {
    use_bundled_font();
    let area = BitMapBackend::with_buffer(pixels, size).into_drawing_area();
    area.fill(&BLACK).map_err(|error| error.to_string())?;
    let write = |words: &str, at: (i32, i32), colour: RGBColor| write_words(&area, words, at, (TEXT, colour));
    write(&picture.title, (10, 18), WHITE)?;
    let mut left = 10;
    for (&label, name) in picture.labels {
        let [red, green, blue] = colour_of(label.into(), picture.labels);
        left += write(name, (left, 46), RGBColor(red, green, blue))? + TEXT;
    }
    write("solid line: reference, dotted line: prediction", (left + TEXT, 46), WHITE)?;
    area.present().map_err(|error| error.to_string())
}

/// Colour of a label, by its place among the labels.
pub(in crate::report) fn colour_of(label: i16, labels: &BTreeMap<u8, String>) -> [u8; 3] {
    let place = labels.keys().position(|&known| i16::from(known) == label).unwrap_or(0);
    let RGBColor(red, green, blue) = COLOURS[place % COLOURS.len()];
    [red, green, blue]
}

/// The label whose outline runs through a pixel: that of its voxel, where a pixel nearby has another one.
fn outline(label: impl Fn(u32, u32) -> Option<i16>, down: u32, across: u32) -> Option<i16> {
    let own = label(down, across).filter(|&label| label > 0)?;
    let near = (-LINE..=LINE).flat_map(|y| (-LINE..=LINE).map(move |x| (y, x)));
    let differs = |(y, x): (i32, i32)| match (down.checked_add_signed(y), across.checked_add_signed(x)) {
        (Some(down), Some(across)) => label(down, across).is_some_and(|label| label != own),
        _ => false,
    };
    near.into_iter().any(differs).then_some(own)
}

/// Where the voxels of a slice lie in its tile: as large as it fits, in the middle, square in millimetres.
struct Grid {
    shape: (usize, usize),
    start: (f64, f64),
    /// Voxels a pixel.
    step: (f64, f64),
    /// Pixels of the tile's edge.
    side: u32,
}

impl Grid {
    fn new(shape: (usize, usize), (down_mm, across_mm): (f64, f64), side: u32) -> Self {
        let (height, width) = (shape.0 as f64 * down_mm, shape.1 as f64 * across_mm);
        let mm_a_pixel = height.max(width) / f64::from(side);
        let start = |extent: f64| (f64::from(side) - extent / mm_a_pixel) / 2.0;
        Self { shape, start: (start(height), start(width)), step: (mm_a_pixel / down_mm, mm_a_pixel / across_mm), side }
    }

    fn voxel(&self, down: u32, across: u32) -> Option<(usize, usize)> {
        let place = |pixel: u32, start: f64, step: f64, edge: usize| {
            let voxel = (f64::from(pixel) + 0.5 - start) * step;
            (voxel >= 0.0 && voxel < edge as f64).then_some(voxel as usize)
        };
        if down >= self.side || across >= self.side {
            return None;
        }
        let row = place(down, self.start.0, self.step.0, self.shape.0)?;
        Some((row, place(across, self.start.1, self.step.1, self.shape.1)?))
    }
}

/// The axis of the largest spacing, the first one on ties.
pub(in crate::report) fn slice_axis(Spacing(spacing): Spacing) -> usize {
    (1..3).fold(0, |widest, axis| if spacing[axis] > spacing[widest] { axis } else { widest })
}

/// The axis of the slices, then those that run down and across the picture.
pub(in crate::report) fn order(axis: usize) -> [usize; 3] {
    match axis {
        0 => [0, 1, 2],
        1 => [1, 0, 2],
        _ => [2, 0, 1],
    }
}

/// Evenly spaced slices through what the reference has of foreground; through the whole where it has none.
fn slices(reference: ArrayView3<'_, i16>, axis: usize) -> Vec<usize> {
    let mut with: Vec<usize> = reference
        .axis_iter(Axis(axis))
        .enumerate()
        .filter(|(_, slice)| slice.iter().any(|&label| label > 0))
        .map(|(at, _)| at)
        .collect();
    if with.is_empty() {
        with = (0..reference.len_of(Axis(axis))).collect();
    }
    (0..SLICES).map(|slice| with[(2 * slice + 1) * with.len() / (2 * SLICES)]).collect()
}

/// The intensities that become black and white: quantiles of the voxels, of every n-th one in a large image.
pub(in crate::report) fn window(image: ArrayView3<'_, f32>) -> (f32, f32) {
    let step = image.len().div_ceil(WINDOW_VOXELS).max(1);
    let mut values: Vec<f32> = image.iter().copied().step_by(step).filter(|value| value.is_finite()).collect();
    values.sort_unstable_by(f32::total_cmp);
    let Some(last) = values.len().checked_sub(1) else { return (0.0, 1.0) };
    let cut = (last as f64 * WINDOW) as usize;
    let (low, high) = (values[cut], values[last - cut]);
    if high > low { (low, high) } else { (low, low + 1.0) }
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;

    fn ball(centre: [f64; 3]) -> Array3<i16> {
        Array3::from_shape_fn((12, 40, 40), |(z, y, x)| {
            let away = |place: usize, centre: f64, scale: f64| ((place as f64 - centre) * scale).powi(2);
            let distance = away(z, centre[0], 3.0) + away(y, centre[1], 1.0) + away(x, centre[2], 1.0);
            if distance < 36.0 { 2 } else { i16::from(distance < 144.0) }
        })
    }

    #[test]
    fn both_outlines_are_drawn_in_the_colours_of_their_labels() {
        let (reference, prediction) = (ball([6.0, 20.0, 20.0]), ball([6.0, 22.0, 18.0]));
        let image = reference.mapv(|label| f32::from(label) * 100.0);
        let labels = BTreeMap::from([(1, "organ".to_owned()), (2, "core".to_owned())]);
        let picture = Picture {
            image: image.view(),
            spacing: Spacing([3.0, 1.0, 1.0]),
            reference: reference.view(),
            prediction: prediction.view(),
            labels: &labels,
            title: "case 7: Dice 0.91".to_owned(),
        };
        let size = (TILE * SLICES as u32, TILE + HEAD);
        let mut pixels = vec![0; (size.0 * size.1 * 3) as usize];
        paint(&picture, &mut pixels, size).unwrap();
        for label in [1, 2] {
            let colour = colour_of(label, &labels);
            let drawn =
                pixels[(3 * HEAD * size.0) as usize..].chunks_exact(3).filter(|pixel| **pixel == colour).count();
            assert!(drawn > 500, "label {label}: {drawn} pixels");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("case.png");
        draw(&picture, &path).unwrap();
        assert!(std::fs::read(&path).unwrap().starts_with(b"\x89PNG"));
    }

    #[test]
    fn empty_references_and_constant_images_are_drawn() {
        let nothing = Array3::<i16>::zeros((1, 5, 7));
        let image = Array3::<f32>::zeros((1, 5, 7));
        let labels = BTreeMap::from([(1, "organ".to_owned())]);
        let picture = Picture {
            image: image.view(),
            spacing: Spacing([1.0, 1.0, 2.0]),
            reference: nothing.view(),
            prediction: nothing.view(),
            labels: &labels,
            title: String::new(),
        };
        draw(&picture, &tempfile::tempdir().unwrap().path().join("empty.png")).unwrap();
    }
}
