//! How far a piece of work is.

/// How far a piece of work is, judged by the files of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Its result exists, for this plan and this data.
    Done,
    /// A part of the result exists.
    Partial {
        /// Parts that are done.
        done: usize,
        /// All parts.
        of: usize,
        /// Plural noun for the parts, such as `cases`.
        unit: &'static str,
    },
    /// Its result exists, but for another plan or other data.
    Stale {
        /// The differences.
        because: Vec<String>,
    },
    /// There is no result yet; another variant of the same sweep produces it.
    Shared {
        /// Name of that variant.
        with: String,
    },
    /// There is no result.
    Missing,
}

impl State {
    /// The name of the state, for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Partial { .. } => "partial",
            Self::Stale { .. } => "stale",
            Self::Shared { .. } => "shared",
            Self::Missing => "missing",
        }
    }

    /// The number of parts that are not done, of `all` parts.
    pub fn remaining(&self, all: usize) -> usize {
        match self {
            Self::Partial { done, of, .. } => of.saturating_sub(*done),
            Self::Done | Self::Shared { .. } => 0,
            Self::Stale { .. } | Self::Missing => all,
        }
    }

    /// Whether work remains.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Done | Self::Shared { .. } => false,
            Self::Partial { .. } | Self::Stale { .. } | Self::Missing => true,
        }
    }

    /// Why the result is stale.
    pub fn reasons(&self) -> &[String] {
        match self {
            Self::Stale { because } => because,
            Self::Done | Self::Partial { .. } | Self::Shared { .. } | Self::Missing => &[],
        }
    }
}
