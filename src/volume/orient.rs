//! Which way the voxel axes of an image point, and the exact way from one order of axes to another.
//!
//! Input: affines and arrays. Output: axis codes, and arrays with permuted and flipped axes. Nothing is interpolated.

use std::fmt;
use std::str::FromStr;

use ndarray::{ArrayView, Axis, Dimension, Ix3, Ix4};
use serde::{Deserialize, Serialize};

use super::geometry::{FileOrigin, Geometry, Shape, Spacing};

/// Letters of the world's axes `x, y, z`: the negative end, and the positive one.
const LETTERS: [[char; 2]; 3] = [['L', 'R'], ['P', 'A'], ['I', 'S']];

/// The anatomical direction that each voxel axis points to most nearly.
///
/// Written as NiBabel writes it, x first: `RAS` is an image whose x axis points to the right, y to the front, z
/// upwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AxisCodes([Direction; 3]);

/// A direction along an axis of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Direction {
    /// Axis of the world: 0 is left to right, 1 back to front, 2 down to up.
    world: usize,
    /// Whether it points to the right, to the front or upwards.
    positive: bool,
}

impl AxisCodes {
    /// The codes of an affine, rows as in [`Geometry::affine`]. `None` if it maps the grid to less than a volume.
    ///
    /// Each voxel axis, the clearest first, takes the nearest axis of the world that is still free. Nearness is judged
    /// on the rotation that is closest to the affine (its polar factor), so that shear does not decide.
    ///
    /// Source: NiBabel 5.4, `io_orientation`; `tests/reference/orient.py` compares the two.
    pub fn of_affine(affine: &[[f64; 4]; 3]) -> Option<Self> {
        let mut rotation = nearest_rotation(unit_columns(affine)?)?;
        let clearness = |axis: usize| (0..3).map(|row| rotation[row][axis].abs()).fold(0.0, f64::max);
        let mut order = [0, 1, 2];
        // Compared coarser than floating-point noise: axes that are equally clear keep their order.
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
        codes.is_whole().then_some(codes)
    }

    /// Whether each axis of the world is named once.
    fn is_whole(self) -> bool {
        (0..3).all(|world| self.0.iter().any(|direction| direction.world == world))
    }

    /// How an image with these codes is brought into the axis order of others.
    pub fn to(self, other: Self) -> Reorder {
        let source = other.0.map(|wanted| {
            let axis = self.0.iter().position(|own| own.world == wanted.world);
            axis.expect("axis codes name each axis of the world once")
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
        let codes = found.and_then(|found| found.try_into().ok()).map(Self).filter(|codes| codes.is_whole());
        codes.ok_or_else(|| format!("`{text}` are not axis codes; expected such as `RAS` or `LPS`"))
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

/// A permutation of axes and flips of some of them: an exact change of axis order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reorder {
    /// The source axis (0 = z) of each axis of the result.
    axes: [usize; 3],
    /// Which axes of the result run the other way.
    flips: [bool; 3],
}

impl Reorder {
    /// Every one: 6 permutations with 8 sets of flips each.
    #[cfg(test)]
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let permutations = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        let flips = |set: u8| [0, 1, 2].map(|bit| set >> bit & 1 == 1);
        permutations.into_iter().flat_map(move |axes| (0..8).map(move |set| Self { axes, flips: flips(set) }))
    }

    /// Whether nothing changes.
    pub fn is_identity(self) -> bool {
        self.axes == [0, 1, 2] && self.flips == [false; 3]
    }

    /// The way back.
    #[must_use]
    pub fn inverse(self) -> Self {
        let mut back = Self { axes: [0; 3], flips: [false; 3] };
        for (axis, source) in self.axes.into_iter().enumerate() {
            back.axes[source] = axis;
            back.flips[source] = self.flips[axis];
        }
        back
    }

    /// A shape with its axes in the new order.
    pub fn shape(self, shape: Shape) -> Shape {
        Shape(self.axes.map(|axis| shape.0[axis]))
    }

    /// A spacing with its axes in the new order.
    pub fn spacing(self, spacing: Spacing) -> Spacing {
        Spacing(self.axes.map(|axis| spacing.0[axis]))
    }

    /// A volume, `[z, y, x]`, seen with its axes in the new order.
    pub fn volume<T>(self, volume: ArrayView<'_, T, Ix3>) -> ArrayView<'_, T, Ix3> {
        self.flipped(volume.permuted_axes(self.axes), 0)
    }

    /// An image, `[c, z, y, x]`, seen with the axes of its volumes in the new order.
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

    /// The grid with its axes in the new order: the same voxels at the same positions in the world.
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

/// The directions of an affine's columns; `None` where one of them has no length.
fn unit_columns(affine: &[[f64; 4]; 3]) -> Option<[[f64; 3]; 3]> {
    let length = |column: usize| affine.iter().map(|row| row[column].powi(2)).sum::<f64>().sqrt();
    let lengths = [0, 1, 2].map(length);
    let usable = lengths.iter().all(|length| *length > 0.0 && length.is_finite());
    usable.then(|| affine.map(|row| std::array::from_fn(|column| row[column] / lengths[column])))
}

/// The orthogonal matrix that is closest to a matrix of unit columns; `None` where they span no volume.
///
/// Higham's iteration: the mean of a matrix and its inverse transpose, until nothing changes.
fn nearest_rotation(mut matrix: [[f64; 3]; 3]) -> Option<[[f64; 3]; 3]> {
    /// Columns that span less than this of the unit cube lie in a plane.
    const FLAT: f64 = 1e-9;
    if determinant(&matrix).abs() < FLAT {
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
    fn axis_codes_are_those_of_nibabel() {
        let cases: Vec<Case> = serde_json::from_str(include_str!("../../tests/reference/values/orient.json")).unwrap();
        assert!(cases.len() > 300);
        for Case { affine, codes } in cases {
            let found = AxisCodes::of_affine(&affine).map(|codes| codes.to_string());
            assert_eq!(found, codes, "{affine:?}");
        }
    }

    #[test]
    fn codes_are_read_as_they_are_written() {
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
    fn a_grid_without_placement_or_volume_has_no_codes() {
        let mut flat = Geometry::axis_aligned(Shape([2, 3, 4]), Spacing([1.0; 3]), [0.0; 3]);
        assert_eq!(flat.axis_codes().unwrap().to_string(), "RAS");
        flat.is_placed = false;
        assert_eq!(flat.axis_codes(), None, "neither sform nor qform is set");
        assert_eq!(AxisCodes::of_affine(&[[1.0, 1.0, 0.0, 0.0], [0.0; 4], [0.0, 0.0, 1.0, 0.0]]), None);
        assert_eq!(AxisCodes::of_affine(&[[0.0; 4]; 3]), None);
    }

    /// A grid that is rotated a little, and none of whose edges is that of another.
    fn oblique() -> Geometry {
        let mut geometry = Geometry::axis_aligned(Shape([2, 3, 4]), Spacing([3.0, 2.0, 0.5]), [7.0, -5.0, 1.5]);
        let (sin, cos) = 0.3_f64.sin_cos();
        geometry.affine[0] = [0.5 * cos, -2.0 * sin, 0.0, 7.0];
        geometry.affine[1] = [0.5 * sin, 2.0 * cos, 0.0, -5.0];
        geometry
    }

    proptest! {
        #[test]
        fn every_voxel_keeps_its_place_and_its_value_and_comes_back(from in 0_usize..48, to in 0_usize..48) {
            let all: Vec<Reorder> = Reorder::all().collect();
            let geometry = all[from].geometry(&oblique());
            let wanted = all[to].geometry(&oblique()).axis_codes().unwrap();
            let reorder = geometry.axis_codes().unwrap().to(wanted);
            let reordered = reorder.geometry(&geometry);
            prop_assert_eq!(reordered.axis_codes(), Some(wanted));
            prop_assert_eq!(reorder.is_identity(), from == to);

            // A voxel's value is its place in the world.
            let place = |grid: &Geometry, (z, y, x): (usize, usize, usize)| {
                let voxel = [x as f64, y as f64, z as f64, 1.0];
                grid.affine.map(|row| row.iter().zip(voxel).map(|(a, b)| a * b).sum::<f64>())
            };
            let image = Array4::from_shape_fn(
                (1, geometry.shape.0[0], geometry.shape.0[1], geometry.shape.0[2]),
                |(_, z, y, x)| place(&geometry, (z, y, x)),
            );
            let moved = reorder.image(image.view());
            prop_assert_eq!(Shape(moved.index_axis(Axis(0), 0).dim().into()), reordered.shape);
            for ((_, z, y, x), value) in moved.indexed_iter() {
                let expected = place(&reordered, (z, y, x));
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
