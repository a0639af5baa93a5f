//! Rendered messages about plans that this build, data set or machine cannot run.

use miette::{GraphicalReportHandler, GraphicalTheme};

use super::*;
use crate::experiment::machine::Gpu;
use crate::plan::read::load;
use crate::units::GIB;

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

fn rendered(folder: &tempfile::TempDir, faults: Vec<Diagnostic>) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
    let mut text = String::new();
    handler.render_report(&mut text, &PlanError::Invalid { diagnostics: faults }).unwrap();
    text.replace(&format!("{}/", folder.path().display()), "")
}

fn everything() -> Remaining {
    Remaining { train: BTreeSet::from([ConfigurationName::FullRes]), preprocesses: true, disk_bytes: 11 * GIB }
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
    insta::assert_snapshot!(rendered(&folder, check_data(&loaded, &dataset)));
}

#[test]
fn a_matching_data_set_has_no_faults() {
    let (_folder, loaded) = loaded(&[]);
    assert!(check_data(&loaded, &dataset(&loaded)).is_empty());
    let large = machine(64 * GIB, 60 * GIB, 900 * GIB);
    assert!(check_machine(&loaded, &everything(), &large, &[]).is_empty());
}

#[cfg(not(feature = "cuda"))]
#[test]
fn a_device_whose_backend_is_not_in_this_build() {
    let (folder, loaded) = loaded(&["runtime.device=cuda:1"]);
    insta::assert_snapshot!(rendered(&folder, check_build(&loaded)));
}

#[test]
fn a_machine_without_the_memory_and_the_disk() {
    let (folder, loaded) = loaded(&["runtime.memory_gib=16"]);
    let small = machine(GIB / 2, GIB / 4, GIB / 100);
    insta::assert_snapshot!(rendered(&folder, check_machine(&loaded, &everything(), &small, &[])));
}

#[test]
fn a_machine_whose_memory_is_taken() {
    let (folder, loaded) = loaded(&[]);
    let busy = machine(16 * GIB, GIB / 10, 900 * GIB);
    insta::assert_snapshot!(rendered(&folder, check_machine(&loaded, &everything(), &busy, &[])));
}

#[test]
fn a_gpu_without_the_memory() {
    let (folder, loaded) = loaded(&["runtime.device=cuda:1", "configurations.3d_fullres.batch_size=90"]);
    let gpu = |index, gib| Gpu { index, name: "A GPU".to_owned(), memory: gib * GIB, memory_free: gib * GIB };
    let machine = machine(64 * GIB, 60 * GIB, 900 * GIB);
    let faults = check_machine(&loaded, &everything(), &machine, &[gpu(0, 80), gpu(1, 4)]);
    insta::assert_snapshot!(rendered(&folder, faults));
    // Unknown memory is no fault.
    assert!(check_machine(&loaded, &everything(), &machine, &[]).is_empty());
}

#[test]
fn finished_work_needs_nothing() {
    let (_folder, loaded) = loaded(&["runtime.memory_gib=16"]);
    assert!(check_machine(&loaded, &Remaining::default(), &machine(1, 1, 1), &[]).is_empty());
}
