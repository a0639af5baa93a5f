//! Which cases one fold trains on and which it holds out.

use serde::{Deserialize, Serialize};

use crate::dataset::CaseId;
use crate::store;

/// The cases of one fold, as `splits_final.json` lists them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Cases to train on.
    pub train: Vec<CaseId>,
    /// Held-out cases.
    pub val: Vec<CaseId>,
}

impl Split {
    /// Digest of both lists, shortened to 16 digits. Their order counts: it decides on what a training draws.
    pub fn digest(&self) -> String {
        store::short_digest(self)
    }
}
