//! From measurements to a plan, each planned number with its reason.

use std::collections::BTreeMap;

use serde::Deserialize as _;
use toml::{Table, Value};

use crate::dataset::Dataset;
use crate::fingerprint::Fingerprint;
use crate::plan::layer::{Layer, Source};
use crate::plan::rules::{self, Measured};
use crate::plan::schema::{
    AugmentationKind, Configuration, ConfigurationName, Data, DiceScope, Generator, Intensities, Normalization, Plan,
    Rules,
};
use crate::plan::write::file_text;

/// Folds of the cross-validation (arXiv:1809.10486, section 2.3).
const FOLDS: usize = 5;
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

/// The default constants, with some of them changed by texts such as `rules.cascade_factor=2`.
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
                "`{text}` changes no rule; expected a key of `[rules]`, such as `rules.cascade_factor=2`"
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

/// Plans the experiment `name` for a data set that was measured.
///
/// Source: arXiv:1809.10486, sections 2.1 and 2.2 (spec sections 4 to 6).
pub fn make(name: &str, dataset: &Dataset, fingerprint: &Fingerprint, rules: &Rules) -> Planned {
    let spacing = fingerprint.median_spacing();
    let measured = Measured { cases: fingerprint.cases.len(), spacing, median: fingerprint.median_shape(spacing) };
    let data = Data {
        dataset: dataset.name.clone(),
        channels: dataset.channels.clone(),
        labels: dataset.labels.clone(),
        cases: measured.cases,
        median_spacing: spacing,
        median_shape: measured.median,
        crop_ratio: fingerprint.crop_ratio(),
        single_component: fingerprint.single_component(dataset.labels.keys().copied()),
        generator: Generator::None,
    };
    let normalization: Vec<Normalization> = data.channels.iter().map(|channel| normalization(channel)).collect();
    let known = |statistics: crate::fingerprint::IntensityStatistics| Intensities {
        mean: statistics.mean,
        sd: statistics.sd,
        percentile_00_5: statistics.percentile_00_5,
        percentile_99_5: statistics.percentile_99_5,
    };
    let intensities: Option<Vec<Intensities>> =
        fingerprint.intensities.iter().map(|statistics| statistics.map(known)).collect();
    assemble(name, data, &measured, normalization, intensities.unwrap_or_default(), rules)
}

/// `"ct"` for channels that are named CT, in whatever case; the image's own mean and deviation for all others.
///
/// Source: arXiv:1809.10486, section 2.2. A whole word is asked for, since "ct" is part of other words.
pub fn normalization(channel: &str) -> Normalization {
    let words = channel.split(|letter: char| !letter.is_alphanumeric());
    if words.into_iter().any(|word| word.eq_ignore_ascii_case("ct")) {
        Normalization::Ct
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
    let masked = data.crop_ratio <= 1.0 - rules.mask_norm_reduction;
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
    set("preprocess", "normalization", as_toml(&normalization));
    set("preprocess", "masked", Value::Boolean(masked));
    set("preprocess", "intensities", as_toml(&intensities));
    let mut top = Table::from_iter([("name".to_owned(), Value::String(name.to_owned()))]);
    top.insert("data".to_owned(), as_toml(&data));
    top.insert("rules".to_owned(), as_toml(rules));
    top.insert("configurations".to_owned(), as_toml(&configurations));
    whole.extend(top);
    let plan = Plan::deserialize(whole).expect("defaults and planned values are a whole plan");
    let reasons = reasons(&plan, measured);
    let header = format!(
        "Experiment `{name}`: nnU-Net (arXiv:1809.10486, 2018), planned by `segplan plan` from {} training cases of {}.\n\
         Run it:    segplan run FILE\n\
         Change it: this file is yours; every number below is used as it stands here.",
        plan.data.cases, plan.data.dataset
    );
    Planned { plan, reasons, header }
}

fn as_toml(value: &impl serde::Serialize) -> Value {
    Value::try_from(value).expect("a part of a plan is numbers, texts, lists and tables of them")
}

/// Why each planned number is what it is.
fn reasons(plan: &Plan, measured: &Measured) -> BTreeMap<String, String> {
    let mut reasons = BTreeMap::new();
    let mut say = |key: &str, reason: String| _ = reasons.insert(key.to_owned(), reason);
    let data = &plan.data;
    say("name", "Name of the experiment, and of its folder under `runtime.runs`.".to_owned());
    say("data.dataset", "Folder of the data set, looked for in the folders of `runtime.data`.".to_owned());
    say("data.channels", "Modality of each channel, from `dataset.json`.".to_owned());
    say("data.cases", "Training cases that were measured.".to_owned());
    say("data.median_spacing", "Median of the cases' spacings, mm, [z, y, x].".to_owned());
    say("data.median_shape", "Median of the cases' shapes, cropped and at that spacing, voxels, [z, y, x].".to_owned());
    say("data.crop_ratio", "Share of the average case that is left after cropping to non-zero.".to_owned());
    say("data.single_component", "Labels that are a single component in every training case that has them.".to_owned());
    say("run.configurations", matrix_reason(plan, measured));
    if plan.split.folds < FOLDS {
        let few = format!("{FOLDS} in the paper (2.3), but the data set has {} cases: one case a fold.", data.cases);
        say("split.folds", few);
    }
    let scheme = "\"ct\" for channels named CT, \"z_score\" for all others (paper, 2.2).".to_owned();
    say("preprocess.normalization", scheme);
    let removed = 100.0 * (1.0 - data.crop_ratio);
    let from = 100.0 * plan.rules.mask_norm_reduction;
    let masked = format!(
        "Cropping removes {removed:.1} % of the average case; from {from:.0} % on, statistics are of the non-zero mask alone \
         (paper, 2.2)."
    );
    say("preprocess.masked", masked);
    for (name, configuration) in &plan.configurations {
        for (field, reason) in configuration_reasons(*name, configuration, plan, measured) {
            say(&format!("configurations.{name}.{field}"), reason);
        }
    }
    reasons
}

fn configuration_reasons(
    name: ConfigurationName,
    configuration: &Configuration,
    plan: &Plan,
    measured: &Measured,
) -> Vec<(&'static str, String)> {
    let rules = &plan.rules;
    let two_dimensional = name == ConfigurationName::TwoD;
    let (budget, max_pools, max_features) = if two_dimensional {
        let [height, width] = rules.reference_patch_2d;
        (height * width * rules.reference_batch_2d, rules.max_pools_2d, rules.max_features_2d)
    } else {
        let voxels = rules.reference_patch_3d.voxels() * rules.reference_batch_3d;
        (voxels, rules.max_pools_3d, rules.max_features_3d)
    };
    let patch = configuration.patch_size;
    // The first stage of the cascade is planned as if the data set were as coarse as its grid.
    let dataset = if name == ConfigurationName::LowRes { rules::lowres(measured, rules) } else { *measured };
    let (afford, cap) = (budget / patch.voxels(), rules::batch_cap(patch, &dataset, rules));
    let share = 100.0 * rules.dataset_fraction;
    let factors = configuration.pools.map(|pools| 1_usize << pools);
    let spacing = match name {
        ConfigurationName::TwoD => {
            "Median spacing in the plane, mm, [z, y, x]; 0 keeps each case's own spacing across the slices."
        }
        ConfigurationName::FullRes | ConfigurationName::Cascade => "Median spacing, mm, [z, y, x] (paper, 2.2).",
        ConfigurationName::LowRes => {
            "Median spacing, doubled until the median case is small enough, finer axes first (paper, 2.1)."
        }
    };
    let size = if two_dimensional {
        format!("The median slice, rounded up to what the pools need ({} × {}).", factors[1], factors[2])
    } else {
        let stage = Measured {
            cases: measured.cases,
            spacing: configuration.spacing,
            median: configuration.median_shape.0.map(|edge| edge as f64),
        };
        let [z, y, x] = rules::target_patch(&stage, rules);
        format!(
            "Voxels, [z, y, x]: {z:.1} × {y:.1} × {x:.1}, which has the median case's proportions and at most {} voxels, rounded to \
             multiples of {} × {} × {} (paper, 2.1).",
            rules.reference_patch_3d.voxels(),
            factors[0],
            factors[1],
            factors[2]
        )
    };
    vec![
        ("spacing", spacing.to_owned()),
        ("median_shape", "Median shape at this spacing, voxels, [z, y, x].".to_owned()),
        ("slice_axis", slice_reason(two_dimensional, measured)),
        ("patch_size", size),
        (
            "batch_size",
            format!(
                "The reference batch's voxels are {afford} patches; {share} % of the data set's are {cap}; at least {} (paper, 2.1).",
                rules.min_batch_size
            ),
        ),
        (
            "pools",
            format!(
                "Each axis is halved until it is smaller than {}, at most {max_pools} times.",
                rules.pool_until_below
            ),
        ),
        (
            "features",
            format!(
                "Feature maps of each resolution: {}, doubled at each pooling, at most {max_features}.",
                rules.base_features
            ),
        ),
        ("dice", dice_reason(configuration.dice).to_owned()),
        ("augmentation", augmentation_reason(configuration, rules)),
    ]
}

fn matrix_reason(plan: &Plan, measured: &Measured) -> String {
    if rules::single_slice(measured).is_some() {
        return "2D alone: the median case is a single slice, which has no third dimension to learn from.".to_owned();
    }
    let (ratio, most) = (rules::cascade_ratio(measured, &plan.rules), plan.rules.cascade_factor);
    if plan.configurations.contains_key(&ConfigurationName::Cascade) {
        format!(
            "2D, 3D, and both stages of the cascade: the median case has the voxels of {ratio:.2} reference patches, more than \
             {most} (paper, 2.1)."
        )
    } else {
        format!(
            "2D and 3D; no cascade: the median case has the voxels of {ratio:.2} reference patches, not more than {most} (paper, 2.1)."
        )
    }
}

fn slice_reason(two_dimensional: bool, measured: &Measured) -> String {
    let reason = if !two_dimensional {
        "3D: the axes stay in their order."
    } else if rules::single_slice(measured).is_some() {
        "The axis along which the median case is a single slice: 0 = z, 1 = y, 2 = x. It comes first in `patch_size` and `pools`."
    } else {
        "Slices are perpendicular to the axis of the largest spacing: 0 = z, 1 = y, 2 = x. It comes first in `patch_size` and `pools`."
    };
    reason.to_owned()
}

fn dice_reason(dice: DiceScope) -> &'static str {
    match dice {
        DiceScope::Sample => "A patch sees most of a case: Dice of each sample (paper, 2.3).",
        DiceScope::Batch => "A patch sees a small part of a case: Dice of the whole batch (paper, 2.3).",
    }
}

fn augmentation_reason(configuration: &Configuration, rules: &Rules) -> String {
    match configuration.augmentation {
        AugmentationKind::TwoD => "In the plane of the slice.".to_owned(),
        AugmentationKind::ThreeD => {
            format!("In space: the longest edge is at most {} times the shortest (paper, 2.3).", rules.slice_wise_ratio)
        }
        AugmentationKind::SliceWise => {
            format!(
                "Slice by slice: the longest edge is more than {} times the shortest (paper, 2.3).",
                rules.slice_wise_ratio
            )
        }
    }
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
        ] {
            assert_eq!(normalization(channel), expected, "{channel}");
        }
    }

    /// The plan of the paper's hippocampus row.
    fn hippocampus() -> Planned {
        let example: Plan = toml::from_str(include_str!("example.toml")).unwrap();
        let measured = Measured { cases: 260, spacing: example.data.median_spacing, median: example.data.median_shape };
        assemble("hippocampus", example.data, &measured, vec![Normalization::ZScore], Vec::new(), &default_rules())
    }

    /// A plan for so many cases of such a shape, loaded from its own text.
    fn loaded(cases: usize, median: [f64; 3]) -> Plan {
        let example: Plan = toml::from_str(include_str!("example.toml")).unwrap();
        let data = Data { cases, median_shape: median, ..example.data };
        let measured = Measured { cases, spacing: data.median_spacing, median };
        let planned = assemble("few", data, &measured, vec![Normalization::ZScore], Vec::new(), &default_rules());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("few.toml");
        std::fs::write(&path, planned.text()).unwrap();
        crate::plan::load::load(&path, &[]).unwrap().plan
    }

    #[test]
    fn rules_are_changed_one_by_one() {
        let texts = |texts: &[&str]| changed_rules(&texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>());
        let changed = texts(&["rules.cascade_factor = 2.5", "rules.reference_patch_3d=[16, 32, 32]"]).unwrap();
        assert_eq!((changed.cascade_factor, changed.reference_patch_3d.0), (2.5, [16, 32, 32]));
        assert_eq!(Rules { base_features: 8, ..default_rules() }, texts(&["rules.base_features=8"]).unwrap());
        assert!(texts(&["rules.cascade_facter=2"]).unwrap_err().contains("cascade_facter"));
        assert!(texts(&["train.batches=2"]).unwrap_err().contains("expected a key of `[rules]`"));
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
