//! From measurements to a plan, with the reason of each planned value.

use std::collections::BTreeMap;

use serde::{Deserialize as _, Serialize};
use toml::{Table, Value};

use crate::dataset::Dataset;
use crate::fingerprint::{Fingerprint, IntensityStatistics};
use crate::plan::edit::write::{Scope, file_text};
use crate::plan::rules::folds::fold_count;
use crate::plan::rules::measured_numbers::six_digits;
use crate::plan::rules::planner::{self, Measured};
use crate::plan::rules::reasons::reasons;
use crate::plan::schema::{ConfigurationName, Data, Generator, Intensities, Normalization, Plan, Rules, recipe};
use crate::units::counted;
use crate::volume::Spacing;

/// A plan, and the reasons of its values.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// Reasons by key, such as `configurations.3d_fullres.batch_size`.
    pub reasons: BTreeMap<String, String>,
    /// The comment at the top of the file.
    pub header: String,
}

impl Planned {
    /// The plan as a commented TOML file.
    pub fn text(&self, scope: Scope) -> String {
        file_text(&self.plan, &self.header, &self.reasons, scope)
    }
}

/// Plans the experiment `name` for a data set that was measured without the cases `exclude`.
///
/// Source: arXiv:1809.10486, sections 2.1 and 2.2.
pub fn plan_dataset(
    name: &str,
    dataset: &Dataset,
    exclude: &[String],
    fingerprint: &Fingerprint,
    rules: &Rules,
) -> Planned {
    let spacing = Spacing(fingerprint.median_spacing().0.map(six_digits));
    let data = Data {
        dataset: dataset.name.clone(),
        channels: dataset.channels.clone(),
        labels: dataset.labels.clone(),
        regions: Vec::new(),
        exclude: exclude.to_vec(),
        cases: fingerprint.cases.len(),
        median_spacing_mm: spacing,
        median_shape: fingerprint.median_shape(spacing).map(six_digits),
        cropped_fraction: six_digits(fingerprint.cropped_fraction()),
        single_component_labels: fingerprint.single_component_labels(dataset.labels.keys().copied()),
        generator: Generator::None,
    };
    let intensities: Option<Vec<Intensities>> =
        fingerprint.intensities.iter().map(|statistics| statistics.map(intensities)).collect();
    assemble(name, data, intensities.unwrap_or_default(), rules)
}

fn intensities(statistics: IntensityStatistics) -> Intensities {
    let IntensityStatistics { mean, sd, p00_5, p99_5, .. } = statistics;
    Intensities { mean: six_digits(mean), sd: six_digits(sd), p00_5: six_digits(p00_5), p99_5: six_digits(p99_5) }
}

/// The normalisation of a channel: `ct` if its name has the word CT, `none` if it is noNorm (as in nnU-Net v2), else `z_score`.
///
/// Source: arXiv:1809.10486, section 2.2. "ct" is part of other words, and so only counts as a word of its own.
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

/// A whole plan from measurements and the recipe. Intensities are left out unless a channel is normalised by them.
pub fn assemble(name: &str, data: Data, intensities: Vec<Intensities>, rules: &Rules) -> Planned {
    let measured = Measured::of(&data);
    let configurations = planner::configurations(&measured, rules);
    let schemes: Vec<Normalization> = data.channels.iter().map(|channel| normalization(channel)).collect();
    let intensities = if schemes.contains(&Normalization::Ct) { intensities } else { Vec::new() };
    // Mean over cases, as in the paper (2.2); nnU-Net commit 6150f1b0 uses the median.
    let masked = data.cropped_fraction <= 1.0 - rules.mask_norm_min_crop;
    let folds = fold_count(data.cases);
    let names: Vec<ConfigurationName> = configurations.keys().copied().collect();

    let mut whole = recipe::values();
    whole.insert("name".to_owned(), Value::String(name.to_owned()));
    whole.insert("data".to_owned(), as_toml(&data));
    whole.insert("rules".to_owned(), as_toml(rules));
    whole.insert("configurations".to_owned(), as_toml(&configurations));
    let mut set = |table: &str, key: &str, value: Value| {
        let entry = whole.entry(table.to_owned()).or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(inner) = entry {
            inner.insert(key.to_owned(), value);
        }
    };
    set("run", "configurations", as_toml(&names));
    set("run", "folds", as_toml(&(0..folds).collect::<Vec<_>>()));
    set("split", "folds", as_toml(&folds));
    set("preprocess", "normalization_scheme", as_toml(&schemes));
    set("preprocess", "normalize_in_mask", Value::Boolean(masked));
    set("preprocess", "intensities", as_toml(&intensities));
    let plan = Plan::deserialize(whole).expect("the recipe and the planned values are a whole plan");
    let reasons = reasons(&plan, &measured);
    let header = format!(
        "Experiment `{name}`: {} of {}, planned by the rules of nnU-Net (arXiv:1809.10486, 2018).\n\
         Run it:    segplan run FILE\n\
         Change it: this file is yours. Values that are not here are those of the recipe {}: segplan show FILE --resolved",
        counted(plan.data.cases, "training case"),
        plan.data.dataset,
        recipe::NAME
    );
    Planned { plan, reasons, header }
}

fn as_toml(value: &impl Serialize) -> Value {
    Value::try_from(value).expect("a part of a plan is numbers, strings, lists and tables of them")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::example;

    #[test]
    fn ct_counts_only_as_a_whole_word() {
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
        assemble("hippocampus", example().data, Vec::new(), &recipe::rules())
    }

    /// A plan for some cases of this median shape, loaded from its own text.
    fn loaded(cases: usize, median: [f64; 3]) -> Plan {
        let data = Data { cases, median_shape: median, ..example().data };
        let planned = assemble("few", data, Vec::new(), &recipe::rules());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("few.toml");
        std::fs::write(&path, planned.text(Scope::Decisions)).unwrap();
        crate::plan::read::load::load(&path, &[]).unwrap().plan
    }

    #[test]
    fn a_large_median_case_runs_both_stages_of_the_cascade() {
        let plan = loaded(20, [115.0, 320.0, 232.0]);
        assert_eq!(plan.run.configurations, ConfigurationName::ALL);
    }

    #[test]
    fn three_cases_give_three_folds() {
        let plan = loaded(3, [36.0, 50.0, 35.0]);
        assert_eq!((plan.split.folds, plan.run.folds), (3, vec![0, 1, 2]));
    }

    #[test]
    fn single_slices_are_planned_only_in_2d_along_any_axis() {
        for (axis, median) in [[1.0, 40.0, 50.0], [40.0, 1.0, 50.0], [40.0, 50.0, 1.0]].into_iter().enumerate() {
            let plan = loaded(20, median);
            assert_eq!(plan.run.configurations, [ConfigurationName::TwoD]);
            let two_d = &plan.configurations[&ConfigurationName::TwoD];
            assert_eq!((plan.configurations.len(), two_d.slice_axis), (1, axis));
            assert_eq!(two_d.patch_size.0, [1, 40, 56]);
        }
    }

    #[test]
    fn a_planned_file_is_read_as_the_plan_and_gives_reasons() {
        let planned = hippocampus();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hippocampus.toml");
        std::fs::write(&path, planned.text(Scope::Decisions)).unwrap();
        let loaded = crate::plan::read::load::load(&path, &[]).unwrap();
        assert_eq!(loaded.plan, planned.plan);
        assert_eq!(planned.text(Scope::Decisions), hippocampus().text(Scope::Decisions));
        insta::assert_snapshot!(planned.text(Scope::Decisions));
    }

    #[test]
    fn intensities_are_kept_only_for_ct() {
        let known = Intensities { mean: 1.0, sd: 1.0, p00_5: 0.0, p99_5: 2.0 };
        let planned = |channel: &str| {
            let data = Data { channels: vec![channel.to_owned()], ..example().data };
            assemble("x", data, vec![known.clone()], &recipe::rules()).plan.preprocess.intensities
        };
        assert_eq!((planned("CT"), planned("MRI")), (vec![known], vec![]));
    }
}
