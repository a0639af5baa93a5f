//! The anatomical directions of voxel axes, and exact changes between axis orders.
//!
//! Input: affines and arrays. Output: axis codes, and arrays with permuted and flipped axes. Nothing is interpolated.

use std::fmt;
use std::str::FromStr;

use ndarray::{ArrayView, Axis, Dimension, Ix3, Ix4};
use serde::{Deserialize, Serialize};

use super::geometry::{FileOrigin, Geometry, Shape, Spacing};

/// Letters of the world's axes `x, y, z`: negative and positive direction.
const LETTERS: [[char; 2]; 3] = [['L', 'R'], ['P', 'A'], ['I', 'S']];

/// The anatomical direction nearest to each voxel axis.
///
/// Formatted as in NiBabel, x first: in a `RAS` image, x points to the right, y to the front, z up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AxisCodes([Direction; 3]);

/// A direction along an axis of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Direction {
    /// World axis: 0 is left to right, 1 back to front, 2 bottom to top.
    world: usize,
    /// Whether it points right, to the front or up.
    positive: bool,
}

impl AxisCodes {
    /// The codes of an affine, with rows as in [`Geometry::affine`]. Returns `None` if its axes span no volume.
    ///
    /// Each voxel axis, the least oblique first, is assigned to the nearest world axis that is still free. Distances
    /// are those of the rotation closest to the affine (its polar factor), so shear has no influence.
    ///
    /// Source: NiBabel 5.4, `io_orientation`; `tests/reference/orient.py` compares the two.
    pub fn of_affine(affine: &[[f64; 4]; 3]) -> Option<Self> {
        let mut rotation = nearest_rotation(unit_columns(affine)?)?;
        let clearness = |axis: usize| (0..3).map(|row| rotation[row][axis].abs()).fold(0.0, f64::max);
        let mut order = [0, 1, 2];
        // Rounded beyond floating-point noise, so that equally oblique axes keep their order.
        let rounded = [0, 1, 2].map(|axis| (clearness(axis).powi(2) * 1e12).round() as i64);
        order.sort_by_key(|&axis| std::cmp::Reverse(rounded[axis]));
        let mut codes = [None; 3];
        for axis in order {
            let nearest = |best: usize, row: usize| {
                if rotation[row][axis].abs() > rotation[best][axis].abs() + 1e-12 { row } else { best }
            };
            let world = (0..3).fold(0, nearest);
            let component = rotation[world][axis];
            codes[2 - axis] = Some(Direction { world, positive: component > 0.0 });
            rotation[world] = [0.0; 3];
        }
        let [z, y, x] = codes;
        let codes = Self([z?, y?, x?]);
        codes.is_complete().then_some(codes)
    }

    /// Whether each world axis occurs once.
    fn is_complete(self) -> bool {
        (0..3).all(|world| self.0.iter().any(|direction| direction.world == world))
    }

    /// The change from these codes to others.
    pub fn to(self, other: Self) -> Reorder {
        let source = other.0.map(|wanted| {
            let axis = self.0.iter().position(|own| own.world == wanted.world);
            axis.expect("axis codes contain each world axis once")
        });
        Reorder {
            axes: source,
            flips: std::array::from_fn(|axis| self.0[source[axis]].positive != other.0[axis].positive),
        }
    }
}

impl Geometry {
    /// The directions of the voxel axes, such as `RAS`. Returns `None` if the file states no orientation, or one whose
    /// axes span no volume.
    pub fn axis_codes(&self) -> Option<AxisCodes> {
        if self.is_placed { AxisCodes::of_affine(&self.affine) } else { None }
    }
}

impl fmt::Display for AxisCodes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = self.0.iter().rev().map(|one| LETTERS[one.world][usize::from(one.positive)]);
        out.pad(&letters.collect::<String>())
    }
}

impl FromStr for AxisCodes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let direction = |letter: char| {
            let world = LETTERS.iter().position(|ends| ends.contains(&letter))?;
            Some(Direction { world, positive: LETTERS[world][1] == letter })
        };
        let found: Option<Vec<Direction>> = text.chars().rev().map(direction).collect();
        let codes = found.and_then(|found| found.try_into().ok()).map(Self).filter(|codes| codes.is_complete());
        codes.ok_or_else(|| {
            format!(
                "`{text}` is not an axis order; expected one letter of each of R/L, A/P and S/I, such as `RAS` or `LPS`"
            )
        })
    }
}

impl TryFrom<String> for AxisCodes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<AxisCodes> for String {
    fn from(codes: AxisCodes) -> Self {
        codes.to_string()
    }
}

/// A permutation and flips of axes: an exact change of axis order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reorder {
    /// The source axis (0 = z) of each axis of the result.
    axes: [usize; 3],
    /// Whether each axis of the result is flipped.
    flips: [bool; 3],
}

impl Reorder {
    /// All 48: 6 permutations with 8 combinations of flips each.
    #[cfg(test)]
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let permutations = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        let flips = |set: u8| [0, 1, 2].map(|bit| set >> bit & 1 == 1);
        permutations.into_iter().flat_map(move |axes| (0..8).map(move |set| Self { axes, flips: flips(set) }))
    }

    /// Whether it changes nothing.
    pub fn is_identity(self) -> bool {
        self.axes == [0, 1, 2] && self.flips == [false; 3]
    }

    /// The inverse change.
    #[must_use]
    pub fn inverse(self) -> Self {
        let mut back = Self { axes: [0; 3], flips: [false; 3] };
        for (axis, source) in self.axes.into_iter().enumerate() {
            back.axes[source] = axis;
            back.flips[source] = self.flips[axis];
        }
        back
    }

    /// A shape in the new axis order.
    pub fn shape(self, shape: Shape) -> Shape {
        Shape(self.axes.map(|axis| shape.0[axis]))
    }

    /// A spacing in the new axis order.
    pub fn spacing(self, spacing: Spacing) -> Spacing {
        Spacing(self.axes.map(|axis| spacing.0[axis]))
    }

    /// A view of a volume, `[z, y, x]`, in the new axis order.
    pub fn volume<T>(self, volume: ArrayView<'_, T, Ix3>) -> ArrayView<'_, T, Ix3> {
        self.flipped(volume.permuted_axes(self.axes), 0)
    }

    /// A view of an image, `[c, z, y, x]`, in the new axis order.
    pub fn image<T>(self, image: ArrayView<'_, T, Ix4>) -> ArrayView<'_, T, Ix4> {
        let [z, y, x] = self.axes.map(|axis| axis + 1);
        self.flipped(image.permuted_axes([0, z, y, x]), 1)
    }

    fn flipped<T, D: Dimension>(self, mut view: ArrayView<'_, T, D>, first: usize) -> ArrayView<'_, T, D> {
        for axis in (0..3).filter(|&axis| self.flips[axis]) {
            view.invert_axis(Axis(first + axis));
        }
        view
    }

    /// The grid in the new axis order: the same voxels at the same positions in the world.
    pub fn geometry(self, geometry: &Geometry) -> Geometry {
        let mut affine = geometry.affine;
        for (row, old) in affine.iter_mut().zip(&geometry.affine) {
            // Columns of the affine are x, y, z; axes are counted from z.
            for axis in 0..3 {
                let source = self.axes[axis];
                let step = old[2 - source];
                row[2 - axis] = if self.flips[axis] { -step } else { step };
                if self.flips[axis] {
                    row[3] += step * (geometry.shape.0[source] as f64 - 1.0);
                }
            }
        }
        Geometry {
            shape: self.shape(geometry.shape),
            spacing: self.spacing(geometry.spacing),
            affine,
            is_placed: geometry.is_placed,
            origin: FileOrigin::default(),
        }
    }
}

/// The unit vectors of an affine's columns. Returns `None` if a column has no length.
fn unit_columns(affine: &[[f64; 4]; 3]) -> Option<[[f64; 3]; 3]> {
    let length = |column: usize| affine.iter().map(|row| row[column].powi(2)).sum::<f64>().sqrt();
    let lengths = [0, 1, 2].map(length);
    let usable = lengths.iter().all(|length| *length > 0.0 && length.is_finite());
    usable.then(|| affine.map(|row| std::array::from_fn(|column| row[column] / lengths[column])))
}

/// The orthogonal matrix closest to a matrix of unit columns. Returns `None` if the columns span no volume.
///
/// Higham's iteration: the mean of a matrix and its inverse transpose, until convergence.
fn nearest_rotation(mut matrix: [[f64; 3]; 3]) -> Option<[[f64; 3]; 3]> {
    /// Minimum volume that the columns span.
    const MIN_VOLUME: f64 = 1e-9;
    if determinant(&matrix).abs() < MIN_VOLUME {
        return None;
    }
    for _ in 0..100 {
        let inverse = inverse_transpose(&matrix);
        let next: [[f64; 3]; 3] =
            std::array::from_fn(|row| std::array::from_fn(|at| f64::midpoint(matrix[row][at], inverse[row][at])));
        let change = next.as_flattened().iter().zip(matrix.as_flattened()).map(|(a, b)| (a - b).abs());
        let change = change.fold(0.0, f64::max);
        matrix = next;
        if change < 1e-14 {
            break;
        }
    }
    Some(matrix)
}

fn determinant(m: &[[f64; 3]; 3]) -> f64 {
    (0..3).map(|column| m[0][column] * cofactor(m, 0, column)).sum()
}

fn inverse_transpose(m: &[[f64; 3]; 3]) -> [[f64; 3]; 3] {
    let determinant = determinant(m);
    std::array::from_fn(|row| std::array::from_fn(|column| cofactor(m, row, column) / determinant))
}

fn cofactor(m: &[[f64; 3]; 3], row: usize, column: usize) -> f64 {
    let ([a, b], [c, d]) = ([(row + 1) % 3, (row + 2) % 3], [(column + 1) % 3, (column + 2) % 3]);
    m[a][c] * m[b][d] - m[a][d] * m[b][c]
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, Array4};
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Case {
        affine: [[f64; 4]; 3],
        codes: Option<String>,
    }

    #[test]
    fn axis_codes_match_nibabel() {
        let cases: Vec<Case> = serde_json::from_str(include_str!("../../tests/reference/values/orient.json")).unwrap();
        assert!(cases.len() > 300);
        for Case { affine, codes } in cases {
            let found = AxisCodes::of_affine(&affine).map(|codes| codes.to_string());
            assert_eq!(found, codes, "{affine:?}");
        }
    }

    #[test]
    fn codes_round_trip_through_text() {
        for reorder in Reorder::all() {
            let mut affine = [[0.0; 4]; 3];
            for axis in 0..3 {
                affine[reorder.axes[axis]][axis] = if reorder.flips[axis] { -2.0 } else { 2.0 };
            }
            let codes = AxisCodes::of_affine(&affine).unwrap();
            assert_eq!(codes.to_string().parse(), Ok(codes));
        }
        for wrong in ["", "RA", "RRS", "RASS", "ras", "XYZ"] {
            assert!(wrong.parse::<AxisCodes>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_grid_without_orientation_or_volume_has_no_codes() {
        let mut flat = Geometry::axis_aligned(Shape([2, 3, 4]), Spacing([1.0; 3]), [0.0; 3]);
        assert_eq!(flat.axis_codes().unwrap().to_string(), "RAS");
        flat.is_placed = false;
        assert_eq!(flat.axis_codes(), None, "the file states no orientation");
        assert_eq!(AxisCodes::of_affine(&[[1.0, 1.0, 0.0, 0.0], [0.0; 4], [0.0, 0.0, 1.0, 0.0]]), None);
        assert_eq!(AxisCodes::of_affine(&[[0.0; 4]; 3]), None);
    }

    /// A slightly rotated grid with three different edge lengths.
    fn oblique() -> Geometry {
        let mut geometry = Geometry::axis_aligned(Shape([2, 3, 4]), Spacing([3.0, 2.0, 0.5]), [7.0, -5.0, 1.5]);
        let (sin, cos) = 0.3_f64.sin_cos();
        geometry.affine[0] = [0.5 * cos, -2.0 * sin, 0.0, 7.0];
        geometry.affine[1] = [0.5 * sin, 2.0 * cos, 0.0, -5.0];
        geometry
    }

    proptest! {
        #[test]
        fn voxels_keep_position_and_value_and_the_inverse_restores_them(from in 0_usize..48, to in 0_usize..48) {
            let all: Vec<Reorder> = Reorder::all().collect();
            let geometry = all[from].geometry(&oblique());
            let wanted = all[to].geometry(&oblique()).axis_codes().unwrap();
            let reorder = geometry.axis_codes().unwrap().to(wanted);
            let reordered = reorder.geometry(&geometry);
            prop_assert_eq!(reordered.axis_codes(), Some(wanted));
            prop_assert_eq!(reorder.is_identity(), from == to);

            // A voxel's value is its position in the world.
            let position = |grid: &Geometry, (z, y, x): (usize, usize, usize)| {
                let voxel = [x as f64, y as f64, z as f64, 1.0];
                grid.affine.map(|row| row.iter().zip(voxel).map(|(a, b)| a * b).sum::<f64>())
            };
            let image = Array4::from_shape_fn(
                (1, geometry.shape.0[0], geometry.shape.0[1], geometry.shape.0[2]),
                |(_, z, y, x)| position(&geometry, (z, y, x)),
            );
            let moved = reorder.image(image.view());
            prop_assert_eq!(Shape(moved.index_axis(Axis(0), 0).dim().into()), reordered.shape);
            for ((_, z, y, x), value) in moved.indexed_iter() {
                let expected = position(&reordered, (z, y, x));
                prop_assert!((0..3).all(|row| (value[row] - expected[row]).abs() < 1e-9), "{:?}", (z, y, x));
            }
            let volume = Array3::from_shape_fn(geometry.shape.0, |(z, y, x)| z * 100 + y * 10 + x);
            let moved = reorder.volume(volume.view()).to_owned();
            prop_assert_eq!(reorder.inverse().volume(moved.view()), volume.view());
            let back = reorder.inverse().geometry(&reordered);
            prop_assert!(back.corner_displacement_mm(&geometry) < 1e-9);
            prop_assert_eq!(back.spacing, geometry.spacing);
        }
    }
}
