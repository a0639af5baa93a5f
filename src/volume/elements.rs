//! The elements of arrays.

use ndarray::{Array, Dimension};

/// The elements of an array in row-major order; not copied if the array has that order already.
pub(crate) fn into_elements<T: Clone, D: Dimension>(array: Array<T, D>) -> Vec<T> {
    let array = if array.is_standard_layout() { array } else { array.as_standard_layout().into_owned() };
    let (count, (mut elements, first)) = (array.len(), array.into_raw_vec_and_offset());
    // A part of a larger array keeps all of its memory.
    elements.drain(..first.unwrap_or(0));
    elements.truncate(count);
    elements
}
