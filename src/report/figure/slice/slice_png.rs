//! One case as a PNG image: slices with the outlines of reference and prediction.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::{ArrayView3, Axis};
use plotters::backend::BitMapBackend;
use plotters::drawing::IntoDrawingArea as _;
use plotters::style::{BLACK, WHITE};

use crate::report::error::ReportError;
use crate::report::figure::png::write_png;
use crate::report::figure::slice::header::Header;
use crate::report::figure::slice::plane::{GreyWindow, Plane, evenly};
use crate::report::figure::slice::renderer::{Frame, Pen, Pixels, Slice, to_classes, to_grey};
use crate::report::figure::style::use_bundled_font;
use crate::report::figure::text::draw_pixel_text;
use crate::volume::Spacing;

/// Number of slices, side by side.
const SLICES: usize = 4;
/// Width and height of a slice, pixels.
const TILE: u32 = 300;
/// Height of the header, pixels.
const HEAD: u32 = 64;
const HEADER: Header = Header { left: 10, title_y: 18, classes_y: 46, text_size: 20 };
const PEN: Pen = Pen { half_width: 1, dot: 4 };

/// A case with its prediction. Arrays are `[z, y, x]` on one grid.
#[derive(Clone, Debug)]
pub(crate) struct PredictedCase<'a> {
    /// The first channel of the image.
    pub image: ArrayView3<'a, f32>,
    pub spacing: Spacing,
    pub reference: ArrayView3<'a, i16>,
    pub prediction: ArrayView3<'a, i16>,
    /// Class names by label.
    pub labels: &'a BTreeMap<u8, String>,
    pub title: String,
}

/// Writes evenly spaced slices through the foreground as a PNG file, their pixels square in millimetres.
///
/// Slices are perpendicular to the axis of the largest spacing. The reference is outlined by solid lines and the prediction by dotted
/// ones, in one colour per class.
///
/// # Errors
///
/// If the file cannot be written.
///
/// # Panics
///
/// If the arrays differ in shape.
pub(crate) fn write_slices(case: &PredictedCase<'_>, path: &Path) -> Result<(), ReportError> {
    assert_eq!(case.image.dim(), case.reference.dim(), "shapes of image and reference");
    assert_eq!(case.image.dim(), case.prediction.dim(), "shapes of image and prediction");
    let size = (TILE * SLICES as u32, TILE + HEAD);
    let mut rgb = vec![0; (size.0 * size.1 * 3) as usize];
    draw_header(case, &mut rgb, size)
        .map_err(|reason| ReportError::Drawing { name: path.display().to_string(), reason })?;
    let plane = Plane::of_finest_spacings(case.spacing);
    let slices = evenly(&plane.foreground_slices(&[case.reference]), SLICES);
    let window = GreyWindow::of_image(case.image);
    for (at, index) in (0..).zip(slices) {
        let slice = slice_of(case, plane, index, window);
        let tile = Frame { left: at * TILE as i32, top: HEAD as i32, width: TILE as i32, height: TILE as i32 };
        let frame = tile.fit(slice.grey.dim(), slice.aspect);
        slice.paint(&mut Pixels { rgb: &mut rgb, width: size.0 }, frame, PEN);
    }
    write_png(path, &rgb, size).map(|_| ())
}

fn slice_of(case: &PredictedCase<'_>, plane: Plane, index: usize, window: GreyWindow) -> Slice {
    let axis = Axis(plane.axis);
    Slice {
        grey: to_grey(case.image.index_axis(axis, index), window),
        solid: to_classes(case.reference.index_axis(axis, index), case.labels),
        dotted: Some(to_classes(case.prediction.index_axis(axis, index), case.labels)),
        aspect: plane.aspect(case.spacing),
    }
}

fn draw_header(case: &PredictedCase<'_>, rgb: &mut [u8], size: (u32, u32)) -> Result<(), String> {
    use_bundled_font();
    let area = BitMapBackend::with_buffer(rgb, size).into_drawing_area();
    area.fill(&BLACK).map_err(|error| error.to_string())?;
    let left = HEADER.draw(&area, &case.title, case.labels)? + HEADER.text_size;
    let key = "solid line: reference, dotted line: prediction";
    draw_pixel_text(&area, key, (left, HEADER.classes_y), (HEADER.text_size, WHITE))?;
    area.present().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;
    use crate::report::figure::slice::renderer::class_colour;

    fn ball(centre: [f64; 3]) -> Array3<i16> {
        Array3::from_shape_fn((12, 40, 40), |(z, y, x)| {
            let square = |at: usize, centre: f64, scale: f64| ((at as f64 - centre) * scale).powi(2);
            let distance = square(z, centre[0], 3.0) + square(y, centre[1], 1.0) + square(x, centre[2], 1.0);
            if distance < 36.0 { 2 } else { i16::from(distance < 144.0) }
        })
    }

    /// The RGB pixels of a PNG file.
    fn read_png(path: &Path) -> Vec<u8> {
        let decoder = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(path).unwrap()));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        pixels
    }

    #[test]
    fn both_outlines_are_drawn_in_the_colours_of_their_classes() {
        let (reference, prediction) = (ball([6.0, 20.0, 20.0]), ball([6.0, 22.0, 18.0]));
        let image = reference.mapv(|label| f32::from(label) * 100.0);
        let labels = BTreeMap::from([(1, "organ".to_owned()), (2, "core".to_owned())]);
        let case = PredictedCase {
            image: image.view(),
            spacing: Spacing([3.0, 1.0, 1.0]),
            reference: reference.view(),
            prediction: prediction.view(),
            labels: &labels,
            title: "case 7: Dice 0.91".to_owned(),
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("case.png");
        write_slices(&case, &path).unwrap();
        let rgb = read_png(&path);
        let tiles = &rgb[(3 * HEAD * TILE * SLICES as u32) as usize..];
        for class in [1, 2] {
            let plotters::prelude::RGBColor(red, green, blue) = class_colour(class);
            let drawn = tiles.chunks_exact(3).filter(|pixel| **pixel == [red, green, blue]).count();
            assert!(drawn > 500, "class {class}: {drawn} pixels");
        }
    }

    #[test]
    fn an_empty_reference_and_a_constant_image_are_drawn() {
        let empty = Array3::<i16>::zeros((1, 5, 7));
        let image = Array3::<f32>::zeros((1, 5, 7));
        let labels = BTreeMap::from([(1, "organ".to_owned())]);
        let case = PredictedCase {
            image: image.view(),
            spacing: Spacing([1.0, 1.0, 2.0]),
            reference: empty.view(),
            prediction: empty.view(),
            labels: &labels,
            title: String::new(),
        };
        let folder = tempfile::tempdir().unwrap();
        write_slices(&case, &folder.path().join("empty.png")).unwrap();
    }
}
