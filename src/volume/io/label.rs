//! From the stored values of a label map to labels.

/// Maximum distance of a stored label from an integer, for files whose labels are scaled by a rounded slope.
const INTEGER_TOLERANCE: f64 = 1e-4;

/// The label of a voxel's value: the nearest integer. Returns `None` if no integer is near, or the value is not finite.
pub fn to_label(value: f64) -> Option<i64> {
    let label = nearest(value);
    // Written so that NaN, too, is no label.
    ((value - label).abs() <= INTEGER_TOLERANCE).then_some(label as i64)
}

/// The nearest integer, within the range of `i64`; faster than `f64::round`, which is a library call on many
/// processors.
fn nearest(value: f64) -> f64 {
    (value + 0.5_f64.copysign(value)) as i64 as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_the_nearest_integer_if_one_is_near() {
        let found =
            [0.0, 1.0, 1.000_000_2, 2.999_95, 300.0, -56.0, 1.004, 0.5, 1e300, f64::NAN, f64::INFINITY].map(to_label);
        let expected = [Some(0), Some(1), Some(1), Some(3), Some(300), Some(-56), None, None, None, None, None];
        assert_eq!(found, expected);
    }
}
