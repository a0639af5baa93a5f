//! The channels of a file of probabilities.

use std::fmt;

/// Meaning of the channels of a file of probabilities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbabilityChannels {
    /// Background, and the classes of these labels.
    Classes(Vec<u8>),
    /// Regions, by the labels that are written for them.
    Regions(Vec<u8>),
}

impl ProbabilityChannels {
    /// Number of channels.
    pub fn count(&self) -> usize {
        match self {
            Self::Classes(labels) => labels.len() + 1,
            Self::Regions(labels) => labels.len(),
        }
    }
}

/// `labels 0 1 2`, or `regions 1 2`.
impl fmt::Display for ProbabilityChannels {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, labels) = match self {
            Self::Classes(labels) => ("labels 0", labels),
            Self::Regions(labels) => ("regions", labels),
        };
        out.write_str(kind)?;
        labels.iter().try_for_each(|label| write!(out, " {label}"))
    }
}
