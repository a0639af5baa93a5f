//! Measured numbers as a plan holds them.

/// A number rounded to six significant digits.
///
/// Measurements are rounded once, before the rules use them, so that a plan can be planned again from its own numbers.
pub fn six_digits(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "a rounded number is the number that its digits are read as")]
    fn six_digits_are_kept() {
        assert_eq!(six_digits(23.485_380_116_959_064), 23.4854);
        assert_eq!(six_digits(273_536.343_75), 273_536.0);
        assert_eq!(six_digits(0.000_123_456_789), 0.000_123_457);
        assert_eq!([0.0, 36.0, 1.0 / 3.0].map(six_digits), [0.0, 36.0, 0.333_333]);
    }
}
