//! The outline of a mask as closed polygons along the edges of its pixels.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ndarray::Array2;

/// A corner between pixels: row and column of the pixel below it and to its right.
pub(super) type Corner = (usize, usize);

/// An SVG path around a mask, in pixels; an empty mask has an empty path.
pub(super) fn outline_path(mask: &Array2<bool>) -> String {
    let mut path = String::new();
    for corners in outline_polygons(mask) {
        let _ = write!(path, "M{} {}", corners[0].1, corners[0].0);
        for pair in corners.windows(2) {
            let [(row, _), (next_row, next_column)] = [pair[0], pair[1]];
            let _ = if row == next_row { write!(path, "H{next_column}") } else { write!(path, "V{next_row}") };
        }
        path.push('z');
    }
    path
}

/// Closed polygons around a mask, each as its corners, with the inside to the right. Parts that touch only at a corner may share one.
pub(super) fn outline_polygons(mask: &Array2<bool>) -> Vec<Vec<Corner>> {
    let mut edges = boundary_edges(mask);
    let mut polygons = Vec::new();
    while let Some((&start, _)) = edges.first_key_value() {
        let (mut corners, mut at) = (vec![start], start);
        while let Some(next) = remove_edge(&mut edges, at) {
            // A point on a straight line is not a corner.
            if let [.., before, last] = corners[..]
                && ((before.0 == last.0 && last.0 == next.0) || (before.1 == last.1 && last.1 == next.1))
            {
                corners.pop();
            }
            corners.push(next);
            at = next;
        }
        // The polygon has returned to its start, which is listed once.
        corners.pop();
        polygons.push(corners);
    }
    polygons
}

/// The edges between inside and outside: their ends by the corner they start from.
fn boundary_edges(mask: &Array2<bool>) -> BTreeMap<Corner, Vec<Corner>> {
    let at = |row: Option<usize>, column: Option<usize>| match (row, column) {
        (Some(row), Some(column)) => mask.get((row, column)).copied().unwrap_or(false),
        _ => false,
    };
    let mut edges = BTreeMap::<Corner, Vec<Corner>>::new();
    for ((row, column), _) in mask.indexed_iter().filter(|(_, inside)| **inside) {
        let sides = [
            (at(row.checked_sub(1), Some(column)), (row, column), (row, column + 1)),
            (at(Some(row), Some(column + 1)), (row, column + 1), (row + 1, column + 1)),
            (at(Some(row + 1), Some(column)), (row + 1, column + 1), (row + 1, column)),
            (at(Some(row), column.checked_sub(1)), (row + 1, column), (row, column)),
        ];
        for (_, start, end) in sides.into_iter().filter(|(inside, ..)| !inside) {
            edges.entry(start).or_default().push(end);
        }
    }
    edges
}

/// Removes an edge that starts from a corner, and returns its end.
fn remove_edge(edges: &mut BTreeMap<Corner, Vec<Corner>>, start: Corner) -> Option<Corner> {
    let ends = edges.get_mut(&start)?;
    let end = ends.pop();
    if ends.is_empty() {
        edges.remove(&start);
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_follows_the_edges_of_the_mask() {
        let mut mask = Array2::from_elem((3, 4), false);
        assert_eq!(outline_path(&mask), "");
        mask[[1, 1]] = true;
        mask[[1, 2]] = true;
        assert_eq!(outline_path(&mask), "M1 1H3V2H1z");
        let all = Array2::from_elem((2, 2), true);
        assert_eq!(outline_path(&all), "M0 0H2V2H0z");
        let ring = Array2::from_shape_fn((3, 3), |at| at != (1, 1));
        assert_eq!(outline_path(&ring), "M0 0H3V3H0zM1 1V2H2V1z");
    }
}
