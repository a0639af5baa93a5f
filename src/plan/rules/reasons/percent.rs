//! Fractions in percent.

/// A fraction in percent, without the digits of binary rounding.
pub(super) fn percent(fraction: f64) -> f64 {
    (fraction * 1e8).round() / 1e6
}
