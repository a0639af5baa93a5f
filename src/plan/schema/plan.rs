//! A whole plan.

use std::collections::BTreeMap;

use crate::dataset::gate::Expected;
use crate::plan::schema::augment::Augment;
use crate::plan::schema::configuration::{Configuration, ConfigurationName};
use crate::plan::schema::data::Data;
use crate::plan::schema::declare::table;
use crate::plan::schema::evaluate::Evaluate;
use crate::plan::schema::key::DecidedBy::{Person, Planner};
use crate::plan::schema::key::PAPER_2_3;
use crate::plan::schema::loss::Loss;
use crate::plan::schema::network::Network;
use crate::plan::schema::postprocess::Postprocess;
use crate::plan::schema::predict::Predict;
use crate::plan::schema::preprocess::Preprocess;
use crate::plan::schema::range::AT_LEAST_1;
use crate::plan::schema::rules::Rules;
use crate::plan::schema::run_selection::RunSelection;
use crate::plan::schema::runtime::Runtime;
use crate::plan::schema::split::Split;
use crate::plan::schema::stage::Stage;
use crate::plan::schema::train::Train;

/// Version of the plan format.
pub const SCHEMA: u32 = 2;

table! {
    /// A whole plan: every value that a run uses.
    pub struct Plan decides Nothing {
        /// Version of the plan format.
        schema: u32 { default: "2", range: AT_LEAST_1, decided_by: Person },
        /// Name of the experiment, and of its folder in `runtime.runs`.
        name: String { decided_by: Person },
        /// The data set, as it was measured.
        data: Data {},
        /// Configurations, folds and seeds to run, in all combinations.
        run: RunSelection {},
        /// How the cases are split into folds.
        split: Split {},
        /// From image files to preprocessed cases.
        preprocess: Preprocess {},
        /// The networks that can be trained, by name.
        configurations: BTreeMap<ConfigurationName, Configuration> { decided_by: Planner },
        /// Settings of all networks.
        network: Network {},
        /// The loss function.
        loss: Loss { default: "\"dice_ce\"", stage: Stage::Train, source: PAPER_2_3 },
        /// Training.
        train: Train {},
        /// Random transforms of training patches.
        augment: Augment {},
        /// Sliding-window prediction.
        predict: Predict {},
        /// Post-processing of predicted label maps.
        postprocess: Postprocess {},
        /// Scores of predictions.
        evaluate: Evaluate {},
        /// Constants of the planning rules. A run does not read them; they are in the plan so that it can be planned again.
        rules: Rules {},
        /// Where and on what a run is computed. Nothing in here changes a result.
        runtime: Runtime {},
    }
}

impl Plan {
    /// The requirements that every case of the data set has to meet.
    pub fn expected(&self) -> Expected<'_> {
        Expected {
            channels: self.data.channels.len(),
            labels: &self.data.labels,
            memory_bytes: self.runtime.memory_bytes(),
        }
    }

    /// Number of classes, background included.
    pub fn classes(&self) -> usize {
        self.data.labels.len() + 1
    }

    /// Number of output channels of a network: classes with background, or one per region.
    pub fn outputs(&self) -> usize {
        if self.data.regions.is_empty() { self.classes() } else { self.data.regions.len() }
    }

    /// Input channels of a network: those of the image, plus one per foreground class in the second stage of the cascade.
    ///
    /// Source: arXiv:1809.10486, section 2.1 (one-hot first-stage labels as additional input channels).
    pub fn input_channels(&self, name: ConfigurationName) -> usize {
        let first_stage = if name.is_cascade() { self.data.labels.len() } else { 0 };
        self.data.channels.len() + first_stage
    }
}
