use tempfile::TempDir;

use super::*;

/// A folder with a description and empty files.
fn folder(description: &str, files: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("dataset.json"), description).expect("written");
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, "").expect("written");
    }
    folder
}

fn ids(cases: &[Case]) -> Vec<&str> {
    cases.iter().map(|case| case.id.0.as_str()).collect()
}

const DECATHLON: &str = r#"{
    "modality": {"0": "T2", "1": "ADC"},
    "labels": {"0": "background", "10": "j", "1": "a", "2": "b", "3": "c", "4": "d", "5": "e", "6": "f", "7": "g", "8": "h", "9": "i"},
    "training": [
        {"image": "./imagesTr/b_2.nii.gz", "label": "./labelsTr/b_2.nii.gz"},
        {"image": "./imagesTr/._b_1.nii.gz", "label": "./labelsTr/._b_1.nii.gz"},
        {"image": "./imagesTr/b_10.nii.gz", "label": "./labelsTr/b_10.nii.gz"}
    ],
    "test": ["./imagesTs/t.nii.gz", {"image": "./imagesTs/s.nii.gz"}]
}"#;

#[test]
fn a_decathlon_folder_lists_its_cases_sorted_and_without_resource_forks() {
    let folder = folder(DECATHLON, &[]);
    let dataset = scan(folder.path()).expect("a Decathlon folder");
    assert_eq!(ids(&dataset.training), ["b_10", "b_2"]);
    assert_eq!(ids(&dataset.test), ["s", "t"]);
    assert_eq!(dataset.channels, ["T2", "ADC"]);
    assert_eq!(dataset.labels.values().map(String::as_str).collect::<String>(), "abcdefghij", "10 comes after 2");
    assert_eq!(dataset.training[0].images, [folder.path().join("imagesTr/b_10.nii.gz")]);
    assert_eq!(dataset.training[0].labels, Some(folder.path().join("labelsTr/b_10.nii.gz")));
    assert_eq!(dataset.test[0].labels, None);
}

#[test]
fn images_that_nnunet_v1_split_by_channel_are_found() {
    let folder = folder(DECATHLON, &["imagesTr/b_2_0000.nii.gz", "imagesTr/b_2_0001.nii.gz"]);
    let dataset = scan(folder.path()).expect("a split Decathlon folder");
    assert_eq!(dataset.training[0].images.len(), 1);
    let names: Vec<_> = dataset.training[1].images.iter().filter_map(|path| path.file_name()).collect();
    assert_eq!(names, ["b_2_0000.nii.gz", "b_2_0001.nii.gz"]);
}

#[test]
fn an_nnunet_folder_is_listed_by_its_files() {
    let description = r#"{"channel_names": {"0": "CT", "1": "PET"}, "labels": {"background": 0, "tumour": 1},
                          "numTraining": 5, "file_ending": ".nii.gz"}"#;
    let files = [
        "imagesTr/p_b_0000.nii.gz",
        "imagesTr/p_b_0001.nii.gz",
        "imagesTr/p_b_0002.nii.gz",
        "imagesTr/a_0001.nii.gz",
        "imagesTr/._a_0000.nii.gz",
        "imagesTr/notes.txt",
        "labelsTr/p_b.nii.gz",
        "labelsTr/orphan.nii.gz",
        "imagesTs/t_0000.nii.gz",
    ];
    let folder = folder(description, &files);
    let dataset = scan(folder.path()).expect("an nnU-Net folder");
    assert_eq!(ids(&dataset.training), ["a", "orphan", "p_b"]);
    assert_eq!(dataset.training.iter().map(|case| case.images.len()).collect::<Vec<_>>(), [2, 2, 3]);
    assert_eq!(dataset.training[0].labels, Some(folder.path().join("labelsTr/a.nii.gz")));
    assert_eq!(ids(&dataset.test), ["t"]);
    assert_eq!(dataset.labels, BTreeMap::from([(1, "tumour".to_owned())]));
    let notes = dataset.notes.join("\n");
    assert!(notes.contains("`numTraining` in `dataset.json` is 5, but 3") && notes.contains("`notes.txt`"), "{notes}");
}

/// A raw folder of nnU-Net v2 with one channel and these files.
fn raw(files: &[&str]) -> (TempDir, Result<Dataset, DatasetError>) {
    let folder = folder(
        r#"{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1}, "file_ending": ".nii.gz"}"#,
        files,
    );
    let dataset = scan(folder.path());
    (folder, dataset)
}

#[test]
fn case_identifiers_that_end_in_four_digits_are_no_channels() {
    let files = [
        "imagesTr/pat_0001.nii.gz",
        "imagesTr/pat_0002.nii.gz",
        "labelsTr/pat_0001.nii.gz",
        "labelsTr/pat_0002.nii.gz",
    ];
    let dataset = raw(&files).1.expect("a data set");
    assert_eq!(ids(&dataset.training), ["pat_0001", "pat_0002"]);
    assert!(dataset.training[0].images[0].ends_with("imagesTr/pat_0001_0000.nii.gz"), "a missing file");
    let dataset =
        raw(&["imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz", "imagesTs/t_2021.nii.gz"]).1.expect("a data set");
    assert_eq!(ids(&dataset.test), ["t_2021"], "kept");
}

#[test]
fn upper_case_endings_are_read_and_two_files_of_one_channel_are_refused() {
    let dataset = raw(&["imagesTr/a_0000.NII.GZ", "labelsTr/a.Nii.gz"]).1.expect("a data set");
    assert!(dataset.training[0].images[0].ends_with("a_0000.NII.GZ"));
    assert!(dataset.training[0].labels.as_ref().is_some_and(|path| path.ends_with("a.Nii.gz")));
    let twice = raw(&["imagesTr/a_0000.nii.gz", "imagesTr/a_0000.NII.GZ", "labelsTr/a.nii.gz"]).1;
    assert!(matches!(twice, Err(DatasetError::TwoFiles { .. })));
}

#[test]
fn every_unused_file_is_noted() {
    let dataset = raw(&[
        "imagesTr/a_0000.nii.gz",
        "labelsTr/a.nii.gz",
        "imagesTr/b_0000.nii",
        "labelsTr/c.mgh",
        "imagesTr/a.nii.gz",
    ]);
    let notes = dataset.1.expect("a data set").notes.join("\n");
    for name in ["b_0000.nii", "c.mgh", "`a.nii.gz`"] {
        assert!(notes.contains(name), "{name} in {notes}");
    }
    let other = raw(&["imagesTr/a_0000.nii", "labelsTr/a.nii"]).1.expect_err("no file has this ending").to_string();
    assert!(other.contains(r#""file_ending": ".nii""#), "{other}");
    let listed = folder(DECATHLON, &["imagesTr/b_2.nii.gz", "imagesTr/b_10.nii.gz", "imagesTr/new.nii.gz"]);
    let notes = scan(listed.path()).expect("a data set").notes;
    assert!(notes[0].contains("`new.nii.gz`"), "{notes:?}");
}

fn error(description: &str) -> DatasetError {
    scan(folder(description, &[]).path()).expect_err("not a data set")
}

#[test]
fn unusable_descriptions_are_distinguished() {
    let labels = |labels: &str| error(&format!(r#"{{"channel_names": {{"0": "CT"}}, "labels": {labels}}}"#));
    assert!(matches!(labels(r#"{"a": [1, 2]}"#), DatasetError::Unsupported { what: "a region of several labels", .. }));
    assert!(matches!(labels(r#"{"a": 1, "ignore": 2}"#), DatasetError::Unsupported { .. }));
    assert!(matches!(labels(r#"{"a": 1, "b": 3}"#), DatasetError::LabelValues { .. }));
    assert!(labels(r#"{"a": 1, "b": 3}"#).to_string().contains("2 foreground labels; 2 is missing"));
    assert!(matches!(labels(r#"{"a": 1, "b": 1}"#), DatasetError::SameLabel { number: 1, .. }));
    assert!(matches!(labels(r#"{"liver": 0, "b": 1}"#), DatasetError::Background { .. }));
    assert!(matches!(labels(r#"{"Clear Label": 0, "b": "1"}"#), DatasetError::Empty { .. }), "valid so far");
    assert!(matches!(labels(r#"{"a": 1.5}"#), DatasetError::Label { .. }));
    assert!(matches!(labels(r#"{"0": "background", "one": "a"}"#), DatasetError::Label { .. }));
    assert!(matches!(labels(r#"{"background": 0}"#), DatasetError::LabelValues { .. }));
    assert!(matches!(labels(r#"{"a": 1}"#), DatasetError::Empty { .. }));
    assert!(matches!(error(r#"{"labels": {"1": "a"}}"#), DatasetError::Layout { .. }));
    assert!(matches!(error(r#"{"modality": {"0": "CT"}, "labels": {"1": "a"}}"#), DatasetError::Layout { .. }));
    assert!(matches!(error(r#"{"channel_names": {"1": "CT"}, "labels": {"a": 1}}"#), DatasetError::Channels { .. }));
    assert!(matches!(error("{"), DatasetError::Syntax { .. }));
    let ending = r#"{"channel_names": {"0": "CT"}, "labels": {"a": 1}, "file_ending": ".png"}"#;
    assert!(matches!(error(ending), DatasetError::FileEnding { .. }));
    let without_dot = error(&ending.replace(".png", "nii.gz")).to_string();
    assert!(without_dot.contains("the leading dot is missing"), "{without_dot}");
    let listed = r#"{"channel_names": {"0": "CT"}, "labels": {"a": 1}, "dataset": {"c": {"images": ["c.nii.gz"], "label": "l.nii.gz"}}}"#;
    assert!(matches!(error(listed), DatasetError::DatasetKey { .. }));
    let twice = r#"{"modality": {"0": "CT"}, "labels": {"1": "a"}, "training": [
        {"image": "imagesTr/a.nii", "label": "a.nii"}, {"image": "more/a.nii.gz", "label": "b.nii"}]}"#;
    assert!(matches!(error(twice), DatasetError::Twice { .. }));
    assert!(matches!(scan(Path::new("/nonexistent")), Err(DatasetError::Missing { .. })));
}

#[test]
fn errors_name_the_file_and_the_remedy() {
    let message = error(r#"{"channel_names": {"0": "CT"}, "labels": {"whole": [1, 2]}}"#).to_string();
    assert!(
        message.contains("dataset.json") && message.contains("`whole`") && message.contains("single label value"),
        "{message}"
    );
}
