//! The name of a plan, its data set, its constants of the rules, and its device.

use crate::device::DeviceName;
use crate::plan::check::checker::Checker;
use crate::plan::check::tolerance::{TooFine, too_fine};
use crate::plan::name::{is_valid, nearest_valid};
use crate::plan::schema::plan::Plan;
use crate::plan::schema::rules::Rules;
use crate::plan::schema::runtime::Runtime;

impl Checker<'_> {
    pub(super) fn name(&mut self, plan: &Plan) {
        let message = format!("`{}` cannot be the name of a folder", plan.name);
        let help = format!("such as `{}`", nearest_valid(&plan.name).unwrap_or_else(|| "hippocampus".to_owned()));
        let expected = "expected letters, digits, `-`, `_`, `.` and `=`";
        self.require_or(is_valid(&plan.name), "name", message, expected, help);
    }

    pub(super) fn data(&mut self, plan: &Plan) {
        let data = &plan.data;
        self.require(
            !data.channels.is_empty(),
            "data.channels",
            "the data set has no channel",
            "expected at least one entry",
        );
        self.require(
            !data.labels.is_empty(),
            "data.labels",
            "the data set has no foreground label",
            "expected at least one entry",
        );
        for (at, name) in data.exclude.iter().enumerate() {
            let is_new = !data.exclude[..at].contains(name);
            let message = format!("`data.exclude` contains `{name}` twice");
            self.require(is_new, &format!("data.exclude.{at}"), message, "expected each case once");
        }
        if !self.are_usable(&["data.labels"]) {
            return;
        }
        for (at, label) in data.single_component_labels.iter().enumerate() {
            let labels: Vec<String> = data.labels.keys().map(u8::to_string).collect();
            let path = format!("data.single_component_labels.{at}");
            let expected = format!("`data.labels` has {}", labels.join(", "));
            self.require(data.labels.contains_key(label), &path, format!("label {label} does not exist"), expected);
        }
    }

    pub(super) fn rules(&mut self, rules: &Rules) {
        let maxima =
            [("rules.max_features_2d", rules.max_features_2d), ("rules.max_features_3d", rules.max_features_3d)];
        for (path, maximum) in maxima {
            let expected = format!("expected at least `rules.base_features`, which is {}", rules.base_features);
            let is_right = maximum >= rules.base_features || !self.are_usable(&["rules.base_features"]);
            self.require(is_right, path, format!("`{path}` is {maximum}"), expected);
        }
    }

    /// Whether the backend is in this build is checked when something runs: a plan for a GPU can be read anywhere.
    pub(super) fn device(&mut self, runtime: &Runtime) {
        let parsed: Result<DeviceName, _> = runtime.device.parse();
        if let Err(error) = parsed {
            let help = "`segplan doctor` lists the devices of this build and this machine".to_owned();
            self.require_or(false, "runtime.device", error.to_string(), "not a device", help);
        }
    }

    pub(super) fn surface_tolerance(&mut self, plan: &Plan) {
        let path = "evaluate.surface_tolerance_mm";
        let finding = too_fine(plan).filter(|_| self.are_usable(&["data.median_spacing_mm"]));
        let Some(TooFine { edge_mm, instead_mm }) = finding else { return };
        let tolerance = plan.evaluate.surface_tolerance_mm;
        let message = format!(
            "the surface tolerance, {tolerance} mm, is below the smallest edge of the median voxel, {edge_mm} mm: the surface Dice \
             counts only surface voxels that are identical"
        );
        let help = format!("such as `--set {path}={instead_mm}`");
        let expected = format!("expected at least {edge_mm}");
        self.warn(tolerance < 0.0, path, message, &expected, help);
    }
}
