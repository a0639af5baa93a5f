//! Faults of content: numbers out of range, and parts of a plan that do not fit each other.

use regex::Regex;

use crate::plan::fault::Fault;
use crate::plan::load::Layers;
use crate::plan::schema::{AugmentationKind, Configuration, ConfigurationName, Normalization, Plan};

mod numbers;

/// Version of the schema that this program reads.
const SCHEMA: u32 = 1;
/// Fewer poolings than this, so that edges stay numbers that anybody would write.
const MOST_POOLS: usize = 16;

/// Every fault of content of a plan.
pub(super) fn faults(plan: &Plan, layers: &Layers) -> Vec<Fault> {
    let mut check = Check { layers, faults: Vec::new() };
    check.top(plan);
    check.data(plan);
    check.rules(&plan.rules);
    check.matrix(plan);
    check.preprocess(plan);
    for (name, configuration) in &plan.configurations {
        check.configuration(*name, configuration);
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
    faults: Vec<Fault>,
}

impl Check<'_> {
    /// Notes a fault unless `right`.
    fn that(&mut self, right: bool, path: &str, message: impl Into<String>, expected: impl Into<String>) {
        if !right {
            self.faults.push(self.layers.fault_at_value(path, message, expected));
        }
    }

    /// Notes a fault, with what to write instead, unless `right`.
    fn helped(&mut self, right: bool, path: &str, message: String, expected: &str, help: String) {
        if !right {
            self.faults.push(self.layers.fault_at_value(path, message, expected).help(help));
        }
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
        self.that(ordered, path, format!("`{path}` runs from {low} to {high}"), "expected the smaller number first");
    }

    fn one_of(&mut self, path: &str, value: u8, orders: &[u8]) {
        let known = orders.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
        self.that(orders.contains(&value), path, format!("`{path}` is {value}"), format!("expected one of {known}"));
    }

    fn distinct<T: PartialEq>(&mut self, path: &str, values: &[T]) {
        self.that(!values.is_empty(), path, format!("`{path}` is empty"), "expected at least one entry");
        let twice = values.iter().enumerate().any(|(at, value)| values[..at].contains(value));
        self.that(!twice, path, format!("`{path}` names an entry twice"), "expected each once");
    }

    fn top(&mut self, plan: &Plan) {
        let message = format!("this is a plan of schema {}", plan.schema);
        self.that(plan.schema == SCHEMA, "schema", message, format!("this program reads schema {SCHEMA}"));
        let plain = |letter: char| letter.is_alphanumeric() || "-_.".contains(letter);
        let right = plan.name.chars().all(plain) && plan.name.starts_with(char::is_alphanumeric);
        let message = format!("`{}` cannot be the name of a folder", plan.name);
        self.that(right, "name", message, "expected letters, digits, `-`, `_` and `.`");
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
        for label in &data.single_component {
            let known = data.labels.contains_key(label);
            let message = format!("`data.single_component` names label {label}");
            self.that(known, "data.single_component", message, "not among `data.labels`");
        }
    }

    fn matrix(&mut self, plan: &Plan) {
        self.distinct("run.configurations", &plan.run.configurations);
        self.distinct("run.folds", &plan.run.folds);
        self.distinct("run.seeds", &plan.run.seeds);
        let message = format!("`split.folds` is {}", plan.split.folds);
        self.that(plan.split.folds >= 2, "split.folds", message, "expected 2 or more");
        if let Err(error) = Regex::new(&plan.split.group) {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
            let message = format!("`split.group` is no regular expression: {reason}");
            self.that(false, "split.group", message, "expected one, such as `^(patient[0-9]+)_`");
        }
        let message = format!("{} training cases cannot be split into {} folds", plan.data.cases, plan.split.folds);
        let expected = "expected at most one fold for each of `data.cases`";
        self.that(plan.split.folds <= plan.data.cases.max(2), "split.folds", message, expected);
        self.that(plan.data.cases != 1, "data.cases", "a single case cannot be split", "expected 2 or more");
        for (at, name) in plan.run.configurations.iter().enumerate() {
            let known: Vec<&str> = plan.configurations.keys().map(|name| name.as_str()).collect();
            let path = format!("run.configurations.{at}");
            let message = format!("configuration `{name}` is not in the plan");
            let expected = format!("the plan has {}", known.join(", "));
            self.that(plan.configurations.contains_key(name), &path, message, expected);
        }
        // Without folds, none of them can be asked for: that is the fault above.
        let Some(last) = plan.split.folds.checked_sub(1) else { return };
        for (at, &fold) in plan.run.folds.iter().enumerate() {
            let path = format!("run.folds.{at}");
            let expected = format!("expected 0 to {last}: `split.folds` is {}", plan.split.folds);
            self.that(fold <= last, &path, format!("there is no fold {fold}"), expected);
        }
    }

    fn preprocess(&mut self, plan: &Plan) {
        let (rules, channels) = (&plan.preprocess, plan.data.channels.len());
        self.one_of("preprocess.image_order", rules.image_order, &[0, 1, 3]);
        self.one_of("preprocess.label_order", rules.label_order, &[0, 1]);
        self.not_negative("preprocess.separate_z_ratio", rules.separate_z_ratio);
        let expected = format!("expected {channels}, one for each of `data.channels`");
        let message = format!("{} channels are normalised", rules.normalization.len());
        self.that(rules.normalization.len() == channels, "preprocess.normalization", message, &expected);
        let needed = rules.normalization.contains(&Normalization::Ct);
        let message = format!("intensities of {} channels are given", rules.intensities.len());
        self.that(!needed || rules.intensities.len() == channels, "preprocess.intensities", message, expected);
        for (at, known) in rules.intensities.iter().enumerate() {
            let path = format!("preprocess.intensities.{at}");
            self.range(&path, [known.percentile_00_5, known.percentile_99_5]);
            self.not_negative(&path, known.sd);
        }
    }

    fn configuration(&mut self, name: ConfigurationName, configuration: &Configuration) {
        let key = |field: &str| format!("configurations.{name}.{field}");
        let two_dimensional = name == ConfigurationName::TwoD;
        let path = key("slice_axis");
        let message = format!("axis {} of a volume", configuration.slice_axis);
        self.that(configuration.slice_axis < 3, &path, message, "expected 0 (z), 1 (y) or 2 (x)");
        for (axis, &edge) in configuration.spacing.0.iter().enumerate() {
            let own = two_dimensional && axis == configuration.slice_axis && edge == 0.0;
            let message = format!("a spacing of {edge} mm");
            self.that(own || (edge > 0.0 && edge.is_finite()), &key("spacing"), message, "expected more than 0");
        }
        self.at_least_one(&key("batch_size"), configuration.batch_size);
        self.patch(name, configuration);

        let resolutions = configuration.pools.into_iter().max().unwrap_or(0) + 1;
        let given = configuration.features.len();
        let message = format!("feature maps for {given} resolutions");
        let expected = format!("expected {resolutions}: one more than the most `pools` of an axis");
        self.that(given == resolutions && !configuration.features.contains(&0), &key("features"), message, expected);
        let slice = configuration.patch_size.0[0] == 1;
        let fits = match configuration.augmentation {
            AugmentationKind::TwoD => slice,
            AugmentationKind::ThreeD | AugmentationKind::SliceWise => !slice,
        };
        let expected = if slice { "expected \"2d\": the patch is a slice" } else { "the patch is not a slice" };
        self.that(fits, &key("augmentation"), "the augmentation does not fit the patch", expected);
    }

    fn cascade(&mut self, plan: &Plan) {
        let (first, second) = (ConfigurationName::LowRes, ConfigurationName::Cascade);
        let missing = plan.configurations.contains_key(&second) && !plan.configurations.contains_key(&first);
        let message = format!("`{second}` is planned without its first stage");
        self.that(
            !missing,
            &format!("configurations.{second}"),
            message,
            format!("expected `configurations.{first}` too"),
        );
    }

    fn patch(&mut self, name: ConfigurationName, configuration: &Configuration) {
        let mut bottleneck = 1;
        for axis in 0..3 {
            let path = format!("configurations.{name}.patch_size.{axis}");
            let (edge, pools) = (configuration.patch_size.0[axis], configuration.pools[axis]);
            let letter = ["z", "y", "x"][axis];
            let Some(factor) = 1_usize.checked_shl(pools as u32).filter(|_| pools < MOST_POOLS) else {
                let path = format!("configurations.{name}.pools.{axis}");
                self.that(false, &path, format!("{pools} poolings along {letter}"), "expected fewer");
                continue;
            };
            let message = format!("a patch of {edge} voxels along {letter} cannot be pooled {pools} times");
            let (below, above) = (edge / factor * factor, edge.div_ceil(factor).max(1) * factor);
            let help =
                if below == 0 { format!("such as {above}") } else { format!("the nearest are {below} and {above}") };
            let expected = format!("expected a multiple of {factor}");
            self.helped(edge > 0 && edge % factor == 0, &path, message, &expected, help);
            bottleneck *= edge / factor;
        }
        let path = format!("configurations.{name}.patch_size");
        let message = "the patch is pooled down to a single voxel";
        self.that(bottleneck != 1, &path, message, "instance normalisation needs at least two: pool less");
        let slice = configuration.patch_size.0[0] == 1;
        let expected = if slice { "expected more than one slice" } else { "expected one slice: `[1, y, x]`" };
        let message = format!("configuration `{name}` with a patch of {}", configuration.patch_size);
        self.that(slice == (name == ConfigurationName::TwoD), &path, message, expected);
    }
}
