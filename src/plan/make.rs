//! From measurements to a plan, each planned number with its reason.

use std::collections::BTreeMap;

use serde::Deserialize as _;
use toml::{Table, Value};

use crate::dataset::Dataset;
use crate::fingerprint::Fingerprint;
use crate::plan::layer::{Layer, Source};
use crate::plan::reasons::reasons;
use crate::plan::rules::{self, Measured};
use crate::plan::schema::{ConfigurationName, Data, Generator, Intensities, Normalization, Plan, Rules};
use crate::plan::write::file_text;
use crate::units::counted;

/// Folds of the cross-validation (arXiv:1809.10486, section 2.3).
pub(super) const FOLDS: usize = 5;
/// Fewest folds that leave something to train on.
const LEAST_FOLDS: usize = 2;

/// A plan, and why its numbers are what they are.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// Reasons by key, such as `configurations.3d_fullres.batch_size`.
    pub reasons: BTreeMap<String, String>,
    /// What stands at the top of the file.
    pub header: String,
}

impl Planned {
    /// The plan as a commented TOML file.
    pub fn text(&self) -> String {
        file_text(&self.plan, &self.header, &self.reasons)
    }
}

/// The constants of the planning rules, as the defaults have them.
pub fn default_rules() -> Rules {
    let rules = defaults().remove("rules").unwrap_or(Value::Table(Table::new()));
    Rules::deserialize(rules).expect("a test reads the defaults")
}

/// Memory that images may take where no plan says otherwise, bytes: the default of `runtime.memory_gib`.
pub fn default_memory_bytes() -> u64 {
    let gib = defaults().get("runtime").and_then(|runtime| runtime.get("memory_gib")).and_then(Value::as_integer);
    (gib.expect("a test reads the defaults") as u64) << 30
}

/// The default constants, with some of them changed by texts such as `rules.cascade_threshold=2`.
///
/// # Errors
///
/// The first text that changes no constant of the rules, and why.
pub fn changed_rules(texts: &[String]) -> Result<Rules, String> {
    let mut rules = Table::try_from(default_rules()).expect("rules are numbers, texts and lists");
    for text in texts {
        let key = text.split('=').next().unwrap_or(text).trim();
        let layer = Layer::of_pair(Source::Set, text, key);
        let change = layer.and_then(|layer| layer.values.get("rules").and_then(Value::as_table).cloned());
        let Some(change) = change else {
            return Err(format!(
                "`{text}` changes no rule; expected a key of `[rules]`, such as `rules.cascade_threshold=2`"
            ));
        };
        rules.extend(change);
        Rules::deserialize(rules.clone()).map_err(|error| format!("`{text}`: {}", error.message()))?;
    }
    Ok(Rules::deserialize(rules).expect("each change was read"))
}

fn defaults() -> Table {
    toml::from_str(include_str!("defaults.toml")).expect("a test reads the defaults")
}

/// Plans the experiment `name` for a data set that was measured without the cases `exclude`.
///
/// Source: arXiv:1809.10486, sections 2.1 and 2.2 (spec sections 4 to 6).
pub fn make(name: &str, dataset: &Dataset, exclude: &[String], fingerprint: &Fingerprint, rules: &Rules) -> Planned {
    let spacing = fingerprint.median_spacing();
    let measured = Measured { cases: fingerprint.cases.len(), spacing, median: fingerprint.median_shape(spacing) };
    let data = Data {
        dataset: dataset.name.clone(),
        channels: dataset.channels.clone(),
        labels: dataset.labels.clone(),
        exclude: exclude.to_vec(),
        cases: measured.cases,
        median_spacing_mm: spacing,
        median_shape: measured.median,
        cropped_fraction: fingerprint.cropped_fraction(),
        single_component_labels: fingerprint.single_component_labels(dataset.labels.keys().copied()),
        generator: Generator::None,
    };
    let normalization: Vec<Normalization> = data.channels.iter().map(|channel| normalization(channel)).collect();
    let known = |statistics: crate::fingerprint::IntensityStatistics| Intensities {
        mean: statistics.mean,
        sd: statistics.sd,
        p00_5: statistics.p00_5,
        p99_5: statistics.p99_5,
    };
    let intensities: Option<Vec<Intensities>> =
        fingerprint.intensities.iter().map(|statistics| statistics.map(known)).collect();
    assemble(name, data, &measured, normalization, intensities.unwrap_or_default(), rules)
}

/// `"ct"` for channels that are named CT, in whatever case, `"none"` for those that are named noNorm, as nnU-Net v2 has it; the
/// image's own mean and deviation for all others.
///
/// Source: arXiv:1809.10486, section 2.2. A whole word is asked for, since "ct" is part of other words.
pub fn normalization(channel: &str) -> Normalization {
    let mut words = channel.split(|letter: char| !letter.is_alphanumeric());
    if words.any(|word| word.eq_ignore_ascii_case("ct")) {
        Normalization::Ct
    } else if channel.eq_ignore_ascii_case("nonorm") {
        Normalization::None
    } else {
        Normalization::ZScore
    }
}

/// A whole plan of what was measured, and the defaults.
pub fn assemble(
    name: &str,
    data: Data,
    measured: &Measured,
    normalization: Vec<Normalization>,
    intensities: Vec<Intensities>,
    rules: &Rules,
) -> Planned {
    let configurations = rules::configurations(measured, rules);
    let masked = data.cropped_fraction <= 1.0 - rules.mask_norm_min_crop;
    let mut whole = defaults();
    let mut set = |table: &str, key: &str, value: Value| {
        let entry = whole.entry(table.to_owned()).or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(inner) = entry {
            inner.insert(key.to_owned(), value);
        }
    };
    let planned = ConfigurationName::ALL.iter().filter(|name| configurations.contains_key(name));
    set("run", "configurations", Value::Array(planned.map(|name| Value::String(name.to_string())).collect()));
    let folds = data.cases.clamp(LEAST_FOLDS, FOLDS);
    set("split", "folds", as_toml(&folds));
    set("run", "folds", as_toml(&(0..folds).collect::<Vec<_>>()));
    set("preprocess", "normalization_scheme", as_toml(&normalization));
    set("preprocess", "normalize_in_mask", Value::Boolean(masked));
    set("preprocess", "intensities", as_toml(&intensities));
    let mut top = Table::from_iter([("name".to_owned(), Value::String(name.to_owned()))]);
    top.insert("data".to_owned(), as_toml(&data));
    top.insert("rules".to_owned(), as_toml(rules));
    top.insert("configurations".to_owned(), as_toml(&configurations));
    whole.extend(top);
    let plan = Plan::deserialize(whole).expect("defaults and planned values are a whole plan");
    let reasons = reasons(&plan, measured);
    let header = format!(
        "Experiment `{name}`: nnU-Net (arXiv:1809.10486, 2018), planned by `segplan plan` from {} of {}.\n\
         Run it:    segplan run FILE\n\
         Change it: this file is yours; every number below is used as it stands here.",
        counted(plan.data.cases, "training case"),
        plan.data.dataset
    );
    Planned { plan, reasons, header }
}

fn as_toml(value: &impl serde::Serialize) -> Value {
    Value::try_from(value).expect("a part of a plan is numbers, texts, lists and tables of them")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ct_is_a_word_and_not_a_part_of_one() {
        for (channel, expected) in [
            ("CT", Normalization::Ct),
            ("ct", Normalization::Ct),
            ("CT venous", Normalization::Ct),
            ("MRI", Normalization::ZScore),
            ("fractional anisotropy", Normalization::ZScore),
            ("noNorm", Normalization::None),
            ("nonorm", Normalization::None),
        ] {
            assert_eq!(normalization(channel), expected, "{channel}");
        }
    }

    /// The plan of the paper's hippocampus row.
    fn hippocampus() -> Planned {
        let example: Plan = toml::from_str(include_str!("example.toml")).unwrap();
        let measured =
            Measured { cases: 260, spacing: example.data.median_spacing_mm, median: example.data.median_shape };
        assemble("hippocampus", example.data, &measured, vec![Normalization::ZScore], Vec::new(), &default_rules())
    }

    /// A plan for so many cases of such a shape, loaded from its own text.
    fn loaded(cases: usize, median: [f64; 3]) -> Plan {
        let example: Plan = toml::from_str(include_str!("example.toml")).unwrap();
        let data = Data { cases, median_shape: median, ..example.data };
        let measured = Measured { cases, spacing: data.median_spacing_mm, median };
        let planned = assemble("few", data, &measured, vec![Normalization::ZScore], Vec::new(), &default_rules());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("few.toml");
        std::fs::write(&path, planned.text()).unwrap();
        crate::plan::load::load(&path, &[]).unwrap().plan
    }

    #[test]
    fn rules_are_changed_one_by_one() {
        let texts = |texts: &[&str]| changed_rules(&texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>());
        let changed = texts(&["rules.cascade_threshold = 2.5", "rules.reference_patch_size_3d=[16, 32, 32]"]).unwrap();
        assert_eq!((changed.cascade_threshold, changed.reference_patch_size_3d.0), (2.5, [16, 32, 32]));
        assert_eq!(Rules { base_features: 8, ..default_rules() }, texts(&["rules.base_features=8"]).unwrap());
        assert!(texts(&["rules.cascade_facter=2"]).unwrap_err().contains("cascade_facter"));
        assert!(texts(&["train.batches_per_epoch=2"]).unwrap_err().contains("expected a key of `[rules]`"));
    }

    #[test]
    fn a_large_median_case_is_run_with_both_stages_of_the_cascade() {
        let plan = loaded(20, [115.0, 320.0, 232.0]);
        assert_eq!(plan.run.configurations, ConfigurationName::ALL);
    }

    #[test]
    fn three_cases_are_three_folds() {
        let plan = loaded(3, [36.0, 50.0, 35.0]);
        assert_eq!((plan.split.folds, plan.run.folds), (3, vec![0, 1, 2]));
    }

    #[test]
    fn single_slices_are_planned_in_2d_alone_whatever_their_axis() {
        for (axis, median) in [[1.0, 40.0, 50.0], [40.0, 1.0, 50.0], [40.0, 50.0, 1.0]].into_iter().enumerate() {
            let plan = loaded(20, median);
            assert_eq!(plan.run.configurations, [ConfigurationName::TwoD]);
            let two_d = &plan.configurations[&ConfigurationName::TwoD];
            assert_eq!((plan.configurations.len(), two_d.slice_axis), (1, axis));
            assert_eq!(two_d.patch_size.0, [1, 40, 56]);
        }
    }

    #[test]
    fn a_planned_file_is_read_as_the_plan_and_says_why() {
        let planned = hippocampus();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hippocampus.toml");
        std::fs::write(&path, planned.text()).unwrap();
        let loaded = crate::plan::load::load(&path, &[]).unwrap();
        assert_eq!(loaded.plan, planned.plan);
        assert_eq!(planned.text(), hippocampus().text());
        insta::assert_snapshot!(planned.text());
    }
}
