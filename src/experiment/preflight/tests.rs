//! Plans that this build, data set or machine cannot run, as a person reads of them.

use miette::{GraphicalReportHandler, GraphicalTheme};

use super::*;
use crate::plan::read::load;

const GIBI: u64 = 1 << 30;

fn loaded(set: &[&str]) -> (tempfile::TempDir, LoadedPlan) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.toml");
    std::fs::write(&path, crate::plan::testing::example_text()).unwrap();
    let set: Vec<String> = set.iter().map(ToString::to_string).collect();
    let loaded = load(&path, &set).unwrap();
    (folder, loaded)
}

fn dataset(loaded: &LoadedPlan) -> Dataset {
    let data = &loaded.plan.data;
    let case =
        |id: &str| crate::dataset::Case { id: crate::dataset::CaseId(id.to_owned()), images: Vec::new(), labels: None };
    Dataset {
        name: data.dataset.clone(),
        folder: std::path::PathBuf::from("data").join(&data.dataset),
        channels: data.channels.clone(),
        labels: data.labels.clone(),
        training: ["a", "b", "c", "d", "e", "f"].map(case).to_vec(),
        test: Vec::new(),
        notes: Vec::new(),
    }
}

fn said(folder: &tempfile::TempDir, faults: Vec<Diagnostic>) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
    let mut said = String::new();
    handler.render_report(&mut said, &PlanError::invalid(faults)).unwrap();
    said.replace(&format!("{}/", folder.path().display()), "")
}

fn everything(folds: u64) -> Pending {
    let name = ConfigurationName::FullRes;
    Pending { train: BTreeMap::from([(name, folds)]), prepare: vec![name] }
}

fn machine(memory: u64, free: u64, disk: u64) -> Machine {
    Machine { memory: Some(memory), memory_free: Some(free), disk_free: Some(disk) }
}

#[test]
fn a_data_set_of_other_channels_labels_and_cases() {
    let (folder, loaded) = loaded(&["data.labels.3=Body"]);
    let mut dataset = dataset(&loaded);
    dataset.channels = vec!["T1".to_owned(), "T2".to_owned()];
    dataset.labels.remove(&3);
    dataset.labels.insert(4, "Tail".to_owned());
    dataset.training.truncate(3);
    insta::assert_snapshot!(said(&folder, against_data(&loaded, &dataset)));
}

#[test]
fn a_data_set_that_fits_is_not_talked_about() {
    let (_folder, loaded) = loaded(&[]);
    assert!(against_data(&loaded, &dataset(&loaded)).is_empty());
    let large = machine(64 * GIBI, 60 * GIBI, 900 * GIBI);
    assert!(against_machine(&loaded, &everything(5), &large, &[]).is_empty());
}

#[cfg(not(feature = "cuda"))]
#[test]
fn a_device_that_is_not_in_this_build() {
    let (folder, loaded) = loaded(&["runtime.device=cuda:1"]);
    insta::assert_snapshot!(said(&folder, against_build(&loaded)));
}

#[test]
fn a_machine_without_the_memory_and_the_disk() {
    let (folder, loaded) = loaded(&["runtime.memory_gib=16"]);
    let small = machine(GIBI / 2, GIBI / 4, GIBI / 100);
    insta::assert_snapshot!(said(&folder, against_machine(&loaded, &everything(5), &small, &[])));
}

#[test]
fn a_machine_whose_memory_is_taken() {
    let (folder, loaded) = loaded(&[]);
    let busy = machine(16 * GIBI, GIBI / 10, 900 * GIBI);
    insta::assert_snapshot!(said(&folder, against_machine(&loaded, &everything(5), &busy, &[])));
}

#[test]
fn a_card_without_the_memory() {
    let (folder, loaded) = loaded(&["runtime.device=cuda:1", "configurations.3d_fullres.batch_size=90"]);
    let card = |number, gibi| Card { number, name: "A card".to_owned(), memory: gibi * GIBI, memory_free: gibi * GIBI };
    let machine = machine(64 * GIBI, 60 * GIBI, 900 * GIBI);
    let faults = against_machine(&loaded, &everything(1), &machine, &[card(0, 80), card(1, 4)]);
    insta::assert_snapshot!(said(&folder, faults));
    // Nothing is known of it: nothing is said.
    assert!(against_machine(&loaded, &everything(1), &machine, &[]).is_empty());
}

#[test]
fn what_is_done_needs_nothing() {
    let (_folder, loaded) = loaded(&["runtime.memory_gib=16"]);
    assert!(against_machine(&loaded, &Pending::default(), &machine(1, 1, 1), &[]).is_empty());
}
