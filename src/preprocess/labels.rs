//! The labels of prepared cases: classes, and a mark outside the non-zero mask.

/// The value of a label outside the non-zero mask: -1 for background.
pub(super) fn outside(label: i16) -> i16 {
    -1 - label
}

/// The class of a prepared label. Inside the non-zero mask, a label is its class; outside, it is `-1 - class`.
///
/// Without `preprocess.normalize_in_mask`, foreground outside the mask is not marked.
pub fn class_of(label: i16) -> i16 {
    if label < 0 { outside(label) } else { label }
}
