//! Data and rules change, and values that were set by hand stay.

use similar::TextDiff;

use super::*;
use crate::dataset::CaseId;
use crate::fingerprint::{Anomalies, CaseFingerprint};
use crate::plan::edit::set::set;
use crate::volume::{Shape, Spacing};

/// Cases of the shape and spacing of the paper's hippocampus.
fn measured(cases: usize) -> (Dataset, Fingerprint) {
    let case = |number: usize| CaseFingerprint {
        id: CaseId(format!("case_{number}")),
        shape: Shape([36, 50, 35]),
        cropped_shape: Shape([36, 50, 35]),
        spacing: Spacing([1.0; 3]),
        axis_codes: None,
        ranges: Vec::new(),
        voxels: BTreeMap::new(),
        components: BTreeMap::from([(1, 2), (2, 2)]),
        anomalies: Anomalies::default(),
    };
    let dataset = Dataset {
        name: "Task04_Hippocampus".to_owned(),
        folder: "data/Task04_Hippocampus".into(),
        channels: vec!["MRI".to_owned()],
        labels: BTreeMap::from([(1, "Anterior".to_owned()), (2, "Posterior".to_owned())]),
        training: Vec::new(),
        test: Vec::new(),
        notes: Vec::new(),
    };
    (dataset, Fingerprint { cases: (0..cases).map(case).collect(), intensities: Vec::new() })
}

fn planned(cases: usize) -> String {
    let (dataset, fingerprint) = measured(cases);
    plan_dataset("hippocampus", &dataset, &[], &fingerprint, &recipe::rules()).text(Scope::Decisions)
}

fn updated(text: &str, cases: usize) -> Update {
    let (dataset, fingerprint) = measured(cases);
    let path = Path::new("hippocampus.toml");
    let loaded = load_from(path, &|_| Ok(text.to_owned())).unwrap();
    update(path, &loaded, &dataset, &fingerprint).unwrap()
}

fn edited(text: &str, pairs: &[&str]) -> String {
    let pairs: Vec<String> = pairs.iter().map(ToString::to_string).collect();
    set(Path::new("hippocampus.toml"), text, &pairs).unwrap().0
}

fn diff(before: &str, after: &str) -> String {
    TextDiff::from_lines(before, after).unified_diff().context_radius(0).to_string()
}

#[test]
fn an_up_to_date_plan_is_unchanged() {
    let update = updated(&planned(200), 200);
    assert_eq!(update.text, planned(200));
    assert_eq!(update.kept, Vec::<String>::new());
    assert!(update.error.is_none());
}

#[test]
fn other_measurements_give_the_plan_of_these_measurements() {
    assert_eq!(updated(&planned(260), 200).text, planned(200));
    let few = planned(3);
    let back = updated(&updated(&few, 200).text, 3);
    assert!(back.kept.is_empty() && back.text == few, "{}", back.text);
}

#[test]
fn a_changed_rule_changes_one_value_and_its_comment() {
    let text = edited(&planned(200), &["rules.max_dataset_fraction=0.04"]);
    let update = updated(&text, 200);
    insta::assert_snapshot!(diff(&text, &update.text));
}

#[test]
fn values_set_by_hand_stay_and_are_reported() {
    let text = edited(&planned(260), &["configurations.3d_fullres.batch_size=4", "train.batches_per_epoch=7"]);
    let text = text.replace("# Feature maps per resolution", "# My own words");
    let update = updated(&text, 200);
    assert!(
        update.text.contains("\nbatch_size = 4\n") && update.text.contains("\nbatches_per_epoch = 7\n"),
        "{}",
        update.text
    );
    assert!(update.text.contains("# My own words"), "{}", update.text);
    assert_eq!(update.kept, ["kept `configurations.3d_fullres.batch_size` = 4 (set by hand; the rules give 7)"]);
}

#[test]
fn a_newly_planned_configuration_is_added() {
    let whole = planned(200);
    let (head, rest) = whole.split_once("\n[configurations.3d_fullres]").unwrap();
    let tail = rest.split_once("\n[train]").unwrap().1;
    let text = format!("{head}\n[train]{tail}").replace("[\"2d\", \"3d_fullres\"]", "[\"2d\"]");
    let update = updated(&text, 200);
    assert_eq!(
        update.kept,
        ["kept `run.configurations` = [\"2d\"] (set by hand; the rules give [\"2d\", \"3d_fullres\"])"]
    );
    let network = whole.split_once("\n[configurations.3d_fullres]").unwrap().1.split_once("\n[train]").unwrap().0;
    assert!(update.text.contains(network), "{}", update.text);
    let comment = "# Configurations to train. Changed by hand; the rules: [\"2d\", \"3d_fullres\"].\n";
    assert!(update.text.contains(&format!("{comment}configurations = [\"2d\"]\n")), "{}", update.text);
}

#[test]
fn a_value_set_by_hand_that_no_longer_fits_is_an_error() {
    let text = edited(
        &planned(200),
        &["configurations.3d_fullres.features_per_stage=[8, 16, 32, 64]", "rules.max_pool_depth_3d=2"],
    );
    let error = updated(&text, 200).error.unwrap().to_string();
    assert_eq!(error, "`features_per_stage` has 4 values for 3 resolutions");
}

#[test]
fn values_of_an_extended_plan_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("base.toml"), planned(260)).unwrap();
    let path = folder.path().join("small.toml");
    let text = "extends = \"base.toml\"\nname = \"small\"\n";
    std::fs::write(&path, text).unwrap();
    let loaded = load_from(&path, &|file| read_file(file)).unwrap();
    let (dataset, fingerprint) = measured(200);
    let update = update(&path, &loaded, &dataset, &fingerprint).unwrap();
    assert_eq!(update.text, text);
    assert!(
        update.kept.contains(&"`data.cases` is 260 in the plan that this file extends; the rules give 200".to_owned())
    );
}

#[test]
fn crlf_line_endings_are_kept() {
    let windows = |text: &str| text.replace('\n', "\r\n");
    for cases in [260, 3] {
        assert_eq!(updated(&windows(&planned(cases)), 200).text, windows(&updated(&planned(cases), 200).text));
    }
    let text = edited(&planned(200), &["rules.max_dataset_fraction=0.04"]);
    assert_eq!(updated(&windows(&text), 200).text, windows(&updated(&text, 200).text));
    assert_eq!(updated(&windows(&planned(200)), 200).text, windows(&planned(200)));
}
