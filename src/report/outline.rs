//! The outline of a mask as an SVG path along the edges of its pixels.

use std::fmt::Write as _;

use ndarray::Array2;

/// An SVG path around a mask, in pixels; runs of edges are joined, and an empty mask has an empty path.
pub(super) fn outline(mask: &Array2<bool>) -> String {
    let (height, width) = mask.dim();
    let at = |row: Option<usize>, column: Option<usize>| match (row, column) {
        (Some(row), Some(column)) => mask.get((row, column)).copied().unwrap_or(false),
        _ => false,
    };
    let mut path = String::new();
    for line in 0..=height {
        let edge = |place: usize| at(line.checked_sub(1), Some(place)) != at(Some(line), Some(place));
        runs(width, edge, |start, length| {
            let _ = write!(path, "M{start} {line}h{length}");
        });
    }
    for line in 0..=width {
        let edge = |place: usize| at(Some(place), line.checked_sub(1)) != at(Some(place), Some(line));
        runs(height, edge, |start, length| {
            let _ = write!(path, "M{line} {start}v{length}");
        });
    }
    path
}

/// Calls `found` with start and length of each run of places for which `edge` holds.
fn runs(count: usize, edge: impl Fn(usize) -> bool, mut found: impl FnMut(usize, usize)) {
    let mut start = None;
    for place in 0..=count {
        match (place < count && edge(place), start) {
            (true, None) => start = Some(place),
            (false, Some(first)) => {
                found(first, place - first);
                start = None;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_runs_along_the_edges_of_the_mask() {
        let mut mask = Array2::from_elem((3, 4), false);
        assert_eq!(outline(&mask), "");
        mask[[1, 1]] = true;
        mask[[1, 2]] = true;
        assert_eq!(outline(&mask), "M1 1h2M1 2h2M1 1v1M3 1v1");
        let all = Array2::from_elem((2, 2), true);
        assert_eq!(outline(&all), "M0 0h2M0 2h2M0 0v2M2 0v2");
    }
}
