//! Prediction, and the regions that it writes.

use crate::plan::check::checker::Checker;
use crate::plan::schema::plan::Plan;

impl Checker<'_> {
    pub(super) fn predict(&mut self, plan: &Plan) {
        let axes = &plan.predict.mirror_axes;
        for (at, axis) in axes.iter().enumerate() {
            let path = format!("predict.mirror_axes.{at}");
            let message = format!("`predict.mirror_axes` contains {axis} twice");
            self.require(!axes[..at].contains(axis), &path, message, "expected each axis once");
        }
    }

    pub(super) fn regions(&mut self, plan: &Plan) {
        let data = &plan.data;
        if !self.are_usable(&["data.labels", "data.regions"]) {
            return;
        }
        let labels: Vec<String> = data.labels.keys().map(u8::to_string).collect();
        let expected = format!("`data.labels` has {}", labels.join(", "));
        for (at, region) in data.regions.iter().enumerate() {
            let table = format!("data.regions.{at}");
            let is_new = data.regions[..at].iter().all(|other| other.name != region.name);
            let message = format!("two regions are called `{}`", region.name);
            self.require(is_new, &format!("{table}.name"), message, "expected each name once");
            self.distinct(&format!("{table}.labels"), &region.labels);
            let of_labels = region.labels.iter().enumerate().map(|(at, label)| (format!("labels.{at}"), label));
            for (key, label) in of_labels.chain([("value".to_owned(), &region.value)]) {
                let message = format!("label {label} does not exist");
                self.require(data.labels.contains_key(label), &format!("{table}.{key}"), message, expected.clone());
            }
        }
    }
}
