//! `[postprocess]`: post-processing of predicted label maps.

use crate::plan::schema::declare::{choices, table};
use crate::plan::schema::key::PAPER_2_5;

table! {
    /// Post-processing of predicted label maps. Source: arXiv:1809.10486, 2.5.
    pub struct Postprocess decides Predict {
        /// Rule of post-processing.
        rule: PostprocessRule { default: "\"single_component\"", source: PAPER_2_5 },
    }
}

choices! {
    /// Rule of post-processing.
    pub enum PostprocessRule {
        /// leave predictions as they are.
        None = "none",
        /// keep the largest component of each class that is a single component in every training case.
        SingleComponent = "single_component",
        /// keep largest components, of all foreground or of single classes, if that raises the Dice of the validation cases
        /// (nnU-Net from 2019 on).
        CrossValidation = "cross_validation",
    }
}
