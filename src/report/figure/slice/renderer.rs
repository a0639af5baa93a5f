//! The one renderer of slices: a grey image with the outlines of labels, painted into a rectangle of pixels.

use std::collections::BTreeMap;

use ndarray::{Array2, ArrayView2};
use plotters::prelude::RGBColor;

use crate::report::figure::slice::plane::GreyWindow;
use crate::report::figure::style::OUTLINES;

/// A slice. All arrays have the same shape.
#[derive(Clone, Debug)]
pub(super) struct Slice {
    pub(super) grey: Array2<u8>,
    /// Class of each pixel, outlined by a solid line: its index among the classes, from 1; 0 is background.
    pub(super) solid: Array2<u8>,
    /// Likewise, outlined by a dotted line above.
    pub(super) dotted: Option<Array2<u8>>,
    /// Height of a pixel divided by its width.
    pub(super) aspect: f64,
}

/// An image of 8-bit RGB pixels, row by row.
pub(super) struct Pixels<'a> {
    pub(super) rgb: &'a mut [u8],
    pub(super) width: u32,
}

/// A rectangle of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) left: i32,
    pub(super) top: i32,
    pub(super) width: i32,
    pub(super) height: i32,
}

/// How outlines are drawn, in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pen {
    /// Half of the width of a line.
    pub(super) half_width: i32,
    /// Length of the dots of a dotted line, and of the gaps between them.
    pub(super) dot: i32,
}

impl Slice {
    /// Paints the slice over the whole of a frame.
    pub(super) fn paint(&self, pixels: &mut Pixels<'_>, frame: Frame, pen: Pen) {
        for (y, x) in (0..frame.height).flat_map(|y| (0..frame.width).map(move |x| (y, x))) {
            let colour = self.colour(frame, pen, (y, x));
            let at = 3 * ((frame.top + y) as usize * pixels.width as usize + (frame.left + x) as usize);
            if let Some(pixel) = pixels.rgb.get_mut(at..at + 3) {
                pixel.copy_from_slice(&colour);
            }
        }
    }

    /// The colour of a pixel of a frame.
    fn colour(&self, frame: Frame, pen: Pen, (y, x): (i32, i32)) -> [u8; 3] {
        let (rows, columns) = self.grey.dim();
        let voxel =
            |y: i32, x: i32| (y as usize * rows / frame.height as usize, x as usize * columns / frame.width as usize);
        let outlined = |classes: &Array2<u8>| {
            let own = classes[voxel(y, x)];
            let differs = |(down, across): (i32, i32)| {
                let (y, x) = (y + down, x + across);
                let is_inside = (0..frame.height).contains(&y) && (0..frame.width).contains(&x);
                is_inside && classes[voxel(y, x)] != own
            };
            let half = pen.half_width;
            let is_edge = own > 0 && [(-half, 0), (half, 0), (0, -half), (0, half)].into_iter().any(differs);
            is_edge.then_some(own)
        };
        let is_dot = (x + y) / pen.dot % 2 == 0;
        let dotted = self.dotted.as_ref().filter(|_| is_dot).and_then(outlined);
        match dotted.or_else(|| outlined(&self.solid)) {
            Some(class) => {
                let RGBColor(red, green, blue) = class_colour(class);
                [red, green, blue]
            }
            None => [self.grey[voxel(y, x)]; 3],
        }
    }
}

impl Frame {
    /// The largest frame inside this one that shows an array with square pixels in millimetres; in the middle.
    pub(super) fn fit(self, (rows, columns): (usize, usize), aspect: f64) -> Self {
        let shape = rows as f64 * aspect / columns as f64;
        let (width, height) = (f64::from(self.width), f64::from(self.height));
        let (width, height) = if shape * width > height { (height / shape, height) } else { (width, width * shape) };
        let (width, height) = ((width.round() as i32).max(1), (height.round() as i32).max(1));
        Self { left: self.left + (self.width - width) / 2, top: self.top + (self.height - height) / 2, width, height }
    }
}

/// An image slice in grey.
pub(super) fn to_grey(image: ArrayView2<'_, f32>, window: GreyWindow) -> Array2<u8> {
    image.mapv(|value| window.grey(value))
}

/// The index of each pixel's class among the labels, from 1; 0 for background and unknown labels.
pub(super) fn to_classes(labels: ArrayView2<'_, i16>, names: &BTreeMap<u8, String>) -> Array2<u8> {
    let index = |value: i16| names.keys().position(|&label| i16::from(label) == value).map_or(0, |at| at as u8 + 1);
    labels.mapv(index)
}

/// Colour of a class by its index, from 1; repeated if there are more classes than colours.
pub(super) fn class_colour(class: u8) -> RGBColor {
    OUTLINES[usize::from(class.max(1) - 1) % OUTLINES.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A square of class 1 in the middle of black.
    fn square(size: usize) -> Array2<u8> {
        Array2::from_shape_fn((size, size), |(y, x)| u8::from((2..size - 2).contains(&y) && (2..size - 2).contains(&x)))
    }

    fn count(rgb: &[u8], class: u8) -> usize {
        let RGBColor(red, green, blue) = class_colour(class);
        rgb.chunks_exact(3).filter(|pixel| **pixel == [red, green, blue]).count()
    }

    #[test]
    fn solid_outlines_run_around_a_class_and_dotted_ones_half_as_often() {
        let frame = Frame { left: 0, top: 0, width: 80, height: 80 };
        let pen = Pen { half_width: 1, dot: 4 };
        let paint = |solid: Array2<u8>, dotted: Option<Array2<u8>>| {
            let mut rgb = vec![0; 80 * 80 * 3];
            let slice = Slice { grey: Array2::zeros((8, 8)), solid, dotted, aspect: 1.0 };
            slice.paint(&mut Pixels { rgb: &mut rgb, width: 80 }, frame, pen);
            count(&rgb, 1)
        };
        let solid = paint(square(8), None);
        assert_eq!(solid, 4 * 40 - 4, "the border pixels of a square of 40 pixels");
        let dotted = paint(Array2::zeros((8, 8)), Some(square(8)));
        assert!((solid / 3..2 * solid / 3).contains(&dotted), "{dotted} of {solid}");
    }

    #[test]
    fn a_slice_keeps_its_shape_in_millimetres() {
        let outer = Frame { left: 10, top: 0, width: 100, height: 100 };
        assert_eq!(outer.fit((50, 100), 1.0), Frame { left: 10, top: 25, width: 100, height: 50 });
        assert_eq!(outer.fit((50, 100), 4.0), Frame { left: 35, top: 0, width: 50, height: 100 });
    }

    #[test]
    fn labels_become_indices_of_classes() {
        let names = BTreeMap::from([(2, "organ".to_owned()), (7, "core".to_owned())]);
        let labels = ndarray::arr2(&[[0, 2, 7, 3]]);
        assert_eq!(to_classes(labels.view(), &names), ndarray::arr2(&[[0, 1, 2, 0]]));
    }
}
