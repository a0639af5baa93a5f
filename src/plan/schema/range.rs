//! Ranges of numbers in a plan.

use std::fmt;

/// Any finite number.
pub(super) const ANY: Range = Range {
    minimum: f64::NEG_INFINITY,
    above_minimum: false,
    maximum: f64::INFINITY,
    below_maximum: false,
    choices: &[],
};
/// 0 or more.
pub(super) const AT_LEAST_0: Range = at_least(0.0);
/// 1 or more.
pub(super) const AT_LEAST_1: Range = at_least(1.0);
/// More than 0.
pub(super) const POSITIVE: Range = Range { above_minimum: true, ..AT_LEAST_0 };
/// 0 to 1.
pub(super) const FRACTION: Range = between(0.0, 1.0);
/// More than 0, at most 1.
pub(super) const POSITIVE_FRACTION: Range = Range { above_minimum: true, ..FRACTION };
/// More than 0, less than 1.
pub(super) const OPEN_FRACTION: Range = Range { below_maximum: true, ..POSITIVE_FRACTION };

/// `minimum` or more.
pub(super) const fn at_least(minimum: f64) -> Range {
    Range { minimum, ..ANY }
}

/// `minimum` to `maximum`.
pub(super) const fn between(minimum: f64, maximum: f64) -> Range {
    Range { minimum, maximum, ..ANY }
}

/// One of some whole numbers.
pub(super) const fn one_of(choices: &'static [u8]) -> Range {
    Range { choices, ..ANY }
}

/// The range of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The smallest number; negative infinity if there is none.
    pub minimum: f64,
    /// Whether the minimum itself is outside.
    pub above_minimum: bool,
    /// The largest number; infinity if there is none.
    pub maximum: f64,
    /// Whether the maximum itself is outside.
    pub below_maximum: bool,
    /// The only numbers that are inside; empty if the bounds decide.
    pub choices: &'static [u8],
}

impl Range {
    /// Whether a number is finite and inside.
    pub fn contains(&self, value: f64) -> bool {
        let above = if self.above_minimum { value > self.minimum } else { value >= self.minimum };
        let below = if self.below_maximum { value < self.maximum } else { value <= self.maximum };
        let chosen = self.choices.is_empty()
            || self.choices.iter().any(|&choice| (f64::from(choice) - value).abs() < 0.5 * f64::EPSILON);
        value.is_finite() && above && below && chosen
    }

    /// A number inside, a whole one where there is one.
    pub fn example(&self) -> f64 {
        if let Some(&choice) = self.choices.first() {
            return f64::from(choice);
        }
        let candidates = [1.0, self.minimum, self.minimum + 1.0, f64::midpoint(self.minimum, self.maximum)];
        candidates.into_iter().find(|&value| self.contains(value)).unwrap_or(1.0)
    }
}

/// The range in words: `1 or more`, `more than 0, at most 1`; empty if any number will do.
impl fmt::Display for Range {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { minimum, above_minimum, maximum, below_maximum, choices } = self;
        match choices {
            [] => (),
            [all @ .., last] => {
                let all: Vec<String> = all.iter().map(u8::to_string).collect();
                return write!(out, "{} or {last}", all.join(", "));
            }
        }
        match (minimum.is_finite(), maximum.is_finite()) {
            (false, false) => Ok(()),
            (true, false) if *above_minimum => write!(out, "more than {minimum}"),
            (true, false) => write!(out, "{minimum} or more"),
            (false, true) if *below_maximum => write!(out, "less than {maximum}"),
            (false, true) => write!(out, "at most {maximum}"),
            (true, true) if !above_minimum && !below_maximum => write!(out, "{minimum} to {maximum}"),
            (true, true) => {
                let least = if *above_minimum { "more than" } else { "at least" };
                let most = if *below_maximum { "less than" } else { "at most" };
                write!(out, "{least} {minimum}, {most} {maximum}")
            }
        }
    }
}
