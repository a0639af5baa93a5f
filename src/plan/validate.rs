//! Faults of content: numbers out of range, and parts of a plan that do not fit each other.

use std::fmt::Display;

use regex::Regex;

use crate::plan::fault::Fault;
use crate::plan::form::Form;
use crate::plan::load::Layers;
use crate::plan::name;
use crate::plan::schema::{ConfigurationName, Normalization, Plan};
use crate::units::counted;

mod axes;
mod budget;
mod configuration;
mod numbers;

/// Version of the schema that this program reads.
const SCHEMA: u32 = 2;
/// Fewer poolings than this, so that edges stay numbers that anybody would write.
const MOST_POOLS: usize = 16;

/// Every fault of content of a plan, and what of it is worth a look.
pub(super) fn faults(plan: &Plan, layers: &Layers, form: &Form) -> Vec<Fault> {
    let mut check = Check { layers, form, faults: Vec::new() };
    check.top(plan);
    check.data(plan);
    check.rules(&plan.rules);
    check.matrix(plan);
    check.preprocess(plan);
    for (name, configuration) in &plan.configurations {
        check.configuration(*name, configuration);
        check.axes(*name, configuration, &plan.data);
        check.budget(*name, configuration, plan);
    }
    check.cascade(plan);
    check.training(plan);
    check.augmentation(plan);
    check.prediction(plan);
    check.runtime(&plan.runtime);
    check.faults
}

struct Check<'a> {
    layers: &'a Layers,
    form: &'a Form,
    faults: Vec<Fault>,
}

impl Check<'_> {
    /// Notes a fault unless `right`.
    fn that(&mut self, right: bool, path: &str, message: impl Into<String>, expected: impl Into<String>) {
        if !right {
            let fault = self.fault(path, message, expected);
            self.note(path, fault);
        }
    }

    /// Notes a fault, with what to write instead, unless `right`.
    fn helped(&mut self, right: bool, path: &str, message: String, expected: &str, help: String) {
        if !right {
            let fault = self.fault(path, message, expected).help(help);
            self.note(path, fault);
        }
    }

    /// Notes what may be meant, with what to write if it is not, unless `right`.
    fn warned(&mut self, right: bool, path: &str, message: String, expected: &str, help: String) {
        if !right {
            let fault = self.fault(path, message, expected).help(help).warning();
            self.note(path, fault);
        }
    }

    fn fault(&self, path: &str, message: impl Into<String>, expected: impl Into<String>) -> Fault {
        self.layers.fault_at_value(&self.form.as_written(path), message, expected)
    }

    fn note(&mut self, path: &str, fault: Fault) {
        if self.form.is_own(path) {
            self.faults.push(fault);
        }
    }

    /// Whether all of these keys can be read, so that they can be compared with each other.
    fn known(&self, paths: &[&str]) -> bool {
        paths.iter().all(|path| self.form.is_own(path))
    }

    fn positive(&mut self, path: &str, value: f64) {
        self.that(value > 0.0 && value.is_finite(), path, format!("`{path}` is {value}"), "expected a number above 0");
    }

    fn not_negative(&mut self, path: &str, value: f64) {
        self.that(value >= 0.0 && value.is_finite(), path, format!("`{path}` is {value}"), "expected 0 or more");
    }

    fn share(&mut self, path: &str, value: f64) {
        self.that((0.0..=1.0).contains(&value), path, format!("`{path}` is {value}"), "expected 0 to 1");
    }

    fn at_least_one(&mut self, path: &str, value: usize) {
        self.that(value > 0, path, format!("`{path}` is 0"), "expected 1 or more");
    }

    fn range(&mut self, path: &str, [low, high]: [f64; 2]) {
        let ordered = low <= high && low.is_finite() && high.is_finite();
        self.helped(
            ordered,
            path,
            format!("`{path}` runs from {low} to {high}"),
            "expected the smaller number first",
            format!("such as `[{high:?}, {low:?}]`"),
        );
    }

    fn one_of(&mut self, path: &str, value: u8, orders: &[u8]) {
        let known = orders.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
        self.that(orders.contains(&value), path, format!("`{path}` is {value}"), format!("expected one of {known}"));
    }

    fn distinct<T: PartialEq + Display>(&mut self, path: &str, values: &[T]) {
        self.that(!values.is_empty(), path, format!("`{path}` is empty"), "expected at least one entry");
        for (at, value) in values.iter().enumerate() {
            let new = !values[..at].contains(value);
            let message = format!("`{path}` has {value} twice");
            self.that(new, &format!("{path}.{at}"), message, "expected each entry once");
        }
    }

    fn top(&mut self, plan: &Plan) {
        let message = format!("this is a plan of schema {}", plan.schema);
        self.that(plan.schema == SCHEMA, "schema", message, format!("this program reads schema {SCHEMA}"));
        let message = format!("`{}` cannot be the name of a folder", plan.name);
        let help = format!("such as `{}`", name::valid(&plan.name).unwrap_or_else(|| "hippocampus".to_owned()));
        let expected = "expected letters, digits, `-`, `_`, `.` and `=`";
        self.helped(name::is_valid(&plan.name), "name", message, expected, help);
    }

    fn data(&mut self, plan: &Plan) {
        let data = &plan.data;
        self.at_least_one("data.cases", data.cases);
        self.that(!data.channels.is_empty(), "data.channels", "the data set has no channel", "expected one or more");
        self.that(
            !data.labels.is_empty(),
            "data.labels",
            "the data set has no foreground label",
            "expected one or more",
        );
        for (at, case) in data.exclude.iter().enumerate() {
            let new = !data.exclude[..at].contains(case);
            let message = format!("`data.exclude` has `{case}` twice");
            self.that(new, &format!("data.exclude.{at}"), message, "expected each case once");
        }
        for (at, label) in data.single_component_labels.iter().enumerate() {
            let known = data.labels.contains_key(label) || !self.known(&["data.labels"]);
            let path = format!("data.single_component_labels.{at}");
            let labels: Vec<String> = data.labels.keys().map(u8::to_string).collect();
            let expected = format!("`data.labels` has {}", labels.join(", "));
            self.that(known, &path, format!("there is no label {label}"), expected);
        }
        for axis in 0..3 {
            self.positive(&format!("data.median_spacing_mm.{axis}"), data.median_spacing_mm.0[axis]);
            self.positive(&format!("data.median_shape.{axis}"), data.median_shape[axis]);
        }
        self.share("data.cropped_fraction", data.cropped_fraction);
    }

    fn matrix(&mut self, plan: &Plan) {
        self.distinct("run.configurations", &plan.run.configurations);
        self.distinct("run.folds", &plan.run.folds);
        self.distinct("run.seeds", &plan.run.seeds);
        let folds = plan.split.folds;
        self.that(folds >= 2, "split.folds", format!("`split.folds` is {folds}"), "expected 2 or more");
        if let Err(error) = Regex::new(&plan.split.patient_pattern) {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
            let message = format!("`split.patient_pattern` is no regular expression: {reason}");
            self.that(false, "split.patient_pattern", message, "expected one, such as `^(patient[0-9]+)_`");
        }
        let cases = plan.data.cases;
        let enough = cases < 2 || folds <= cases || !self.known(&["data.cases"]);
        let expected = format!("expected at most {cases}: `data.cases` is {cases}");
        self.that(
            enough,
            "split.folds",
            format!("{} cannot be split into {}", counted(cases, "training case"), counted(folds, "fold")),
            expected,
        );
        let message = "`data.cases` is 1, and a single case cannot be split";
        self.that(cases != 1, "data.cases", message, "expected 2 or more");
        let known: Vec<&str> = plan.configurations.keys().map(|name| name.as_str()).collect();
        for (at, name) in plan.run.configurations.iter().enumerate() {
            let right = plan.configurations.contains_key(name) || !self.known(&["configurations"]);
            let path = format!("run.configurations.{at}");
            let message = format!("configuration `{name}` is not in the plan");
            self.that(right, &path, message, format!("the plan has {}", known.join(", ")));
        }
        // Without folds, none of them can be asked for: that is the fault above.
        let Some(last) = folds.checked_sub(1).filter(|_| self.known(&["split.folds"])) else { return };
        for (at, &fold) in plan.run.folds.iter().enumerate() {
            let path = format!("run.folds.{at}");
            let expected = format!("expected 0 to {last}: `split.folds` is {folds}");
            self.that(fold <= last, &path, format!("there is no fold {fold}"), expected);
        }
    }

    fn preprocess(&mut self, plan: &Plan) {
        let (rules, channels) = (&plan.preprocess, plan.data.channels.len());
        self.one_of("preprocess.image_order", rules.image_order, &[0, 1, 3]);
        self.one_of("preprocess.label_order", rules.label_order, &[0, 1]);
        self.not_negative("preprocess.anisotropy_threshold", rules.anisotropy_threshold);
        let compared = self.known(&["data.channels", "preprocess.normalization_scheme"]);
        let names = plan.data.channels.join(", ");
        let expected = format!("expected {channels}, one for each of `data.channels`: {names}");
        let message =
            format!("`preprocess.normalization_scheme` has {}", counted(rules.normalization_scheme.len(), "entry"));
        let right = !compared || rules.normalization_scheme.len() == channels;
        self.that(right, "preprocess.normalization_scheme", message, &expected);
        let needed = compared && rules.normalization_scheme.contains(&Normalization::Ct);
        let right = !needed || rules.intensities.len() == channels;
        let message =
            format!("intensities of {} are given, and \"ct\" needs them", counted(rules.intensities.len(), "channel"));
        let help = "`segplan plan DATASET` measures them; or normalise by \"z_score\"".to_owned();
        self.helped(right, "preprocess.intensities", message, &expected, help);
        for (at, known) in rules.intensities.iter().enumerate() {
            let path = format!("preprocess.intensities.{at}");
            let (low, high) = (known.p00_5, known.p99_5);
            let message = format!("intensities from {low} to {high}");
            self.that(low <= high, &format!("{path}.p00_5"), message, "expected the smaller one here");
            self.not_negative(&format!("{path}.sd"), known.sd);
        }
    }

    fn cascade(&mut self, plan: &Plan) {
        let (first, second) = (ConfigurationName::LowRes, ConfigurationName::Cascade);
        let missing = plan.configurations.contains_key(&second) && !plan.configurations.contains_key(&first);
        let message = format!("`{second}` is planned without its first stage");
        let path = format!("configurations.{second}");
        self.that(!missing, &path, message, format!("expected `configurations.{first}` too"));
    }
}

/// Path of a key of a configuration.
fn key(name: ConfigurationName, field: &str) -> String {
    format!("configurations.{name}.{field}")
}
