//! Normalisation against the channels of the data set.

use crate::plan::check::checker::Checker;
use crate::plan::schema::plan::Plan;
use crate::plan::schema::preprocess::Normalization;
use crate::units::counted;

impl Checker<'_> {
    pub(super) fn preprocess(&mut self, plan: &Plan) {
        let (preprocess, channels) = (&plan.preprocess, plan.data.channels.len());
        let schemes = "preprocess.normalization_scheme";
        for (at, known) in preprocess.intensities.iter().enumerate() {
            let (low, high) = (known.p00_5, known.p99_5);
            let message = format!("the 0.5th percentile is {low}, and the 99.5th percentile is {high}");
            let path = format!("preprocess.intensities.{at}.p00_5");
            self.require(low <= high, &path, message, "expected the smaller one here");
        }
        if !self.are_usable(&["data.channels", schemes]) {
            return;
        }
        let names = plan.data.channels.join(", ");
        let message = format!("`{schemes}` has {}", counted(preprocess.normalization_scheme.len(), "entry"));
        let expected = format!("expected {channels}, one per entry of `data.channels`: {names}");
        self.require(preprocess.normalization_scheme.len() == channels, schemes, message, &expected);
        let needs = preprocess.normalization_scheme.contains(&Normalization::Ct);
        let given = preprocess.intensities.len();
        let message = format!("intensities of {} are given, and \"ct\" needs them", counted(given, "channel"));
        let help = "`segplan plan DATASET` measures them; or use \"z_score\"".to_owned();
        self.require_or(!needs || given == channels, "preprocess.intensities", message, &expected, help);
    }
}
