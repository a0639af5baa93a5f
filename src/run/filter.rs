//! The post-processing of a label map, as it is recorded.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Which connected components of a label map are kept; all others become background. `postprocess` applies it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Keep only the largest component of all foreground classes together.
    pub foreground: bool,
    /// Keep only the largest component of each of these labels.
    pub classes: BTreeSet<u8>,
}
