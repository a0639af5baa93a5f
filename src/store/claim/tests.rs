//! Which files may be written, and which are kept.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;

fn paths(names: &[&str]) -> Vec<PathBuf> {
    names.iter().map(PathBuf::from).collect()
}

/// Writes files through a claim.
fn write(folder: &Path, files: &[(&str, &str)], overwrite: bool) -> Result<(), ClaimError> {
    let names: Vec<PathBuf> = files.iter().map(|(name, _)| PathBuf::from(name)).collect();
    let mut outputs = Claim::new(folder, &names, &[]).overwriting(overwrite).check()?;
    let staging = outputs.staging()?.to_owned();
    for (name, text) in files {
        fs::create_dir_all(staging.join(name).parent().unwrap()).unwrap();
        fs::write(staging.join(name), text).unwrap();
        outputs.keep(Path::new(name))?;
    }
    Ok(())
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

fn hidden(folder: &Path) -> Vec<String> {
    let all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut hidden: Vec<String> = all.filter(|name| name.starts_with('.')).collect();
    hidden.sort();
    hidden
}

#[test]
fn own_files_are_replaced_and_others_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write(at, &[("a", "one"), ("inner/b", "one")], false).unwrap();
    write(at, &[("a", "two"), ("inner/b", "one")], false).unwrap();
    assert_eq!(
        (read(at, "a"), hidden(at)),
        ("two".to_owned(), paths(&[".segplan-outputs.jsonl"]).iter().map(|name| name.display().to_string()).collect())
    );

    fs::write(at.join("a"), "edited").unwrap();
    fs::write(at.join("c"), "a user's").unwrap();
    for (name, why) in [("a", "has been changed since segplan wrote it"), ("c", "exists already")] {
        let refused = write(at, &[(name, "three")], false).unwrap_err().to_string();
        assert!(refused.contains(why) && refused.contains("`--overwrite`"), "{refused}");
    }
    assert_eq!((read(at, "a"), read(at, "c")), ("edited".to_owned(), "a user's".to_owned()));
    write(at, &[("a", "three"), ("c", "three")], true).unwrap();
    write(at, &[("a", "four"), ("c", "four")], false).unwrap();
    assert_eq!((read(at, "a"), read(at, "c")), ("four".to_owned(), "four".to_owned()));
}

#[test]
fn a_file_that_others_create_in_the_meantime_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let files = paths(&["a"]);
    let mut outputs = Claim::new(folder.path(), &files, &[]).check().unwrap();
    fs::write(outputs.staging().unwrap().join("a"), "ours").unwrap();
    fs::write(folder.path().join("a"), "a user's").unwrap();
    assert!(outputs.keep(&files[0]).unwrap_err().to_string().contains("not written by segplan"));
    assert!(outputs.keep_all().is_err());
    assert_eq!(read(folder.path(), "a"), "a user's");
}

#[test]
fn files_of_a_killed_process_are_recorded_or_removed() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write(at, &[("a", "one")], false).unwrap();
    // The record's last line was being written, and files were being made.
    let record = read(at, ".segplan-outputs.jsonl");
    fs::write(at.join(".segplan-outputs.jsonl"), format!("{record}{{\"file\":\"b\",\"sha")).unwrap();
    fs::create_dir(at.join(".segplan-0.partial")).unwrap();
    fs::write(at.join(".segplan-0.partial/.lock"), "").unwrap();
    write(at, &[("a", "two")], false).unwrap();
    write(at, &[("a", "three")], false).unwrap();
    assert_eq!(hidden(at), [".segplan-outputs.jsonl"]);
    // Between the record and the file's name: the old file is still known.
    let mut outputs = Claim::new(at, &paths(&["a"]), &[]).check().unwrap();
    fs::write(outputs.staging().unwrap().join("a"), "four").unwrap();
    std::mem::forget(outputs);
    write(at, &[("a", "five")], false).unwrap();
    assert_eq!(read(at, "a"), "five");
}

#[test]
fn processes_that_write_into_one_folder_keep_each_others_records() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let claimed = ["a", "b"].map(|name| Claim::new(at, &paths(&[name]), &[]).check().unwrap());
    for (mut outputs, name) in claimed.into_iter().zip(["a", "b"]) {
        fs::write(outputs.staging().unwrap().join(name), name).unwrap();
        outputs.keep(Path::new(name)).unwrap();
    }
    write(at, &[("a", "again"), ("b", "again")], false).unwrap();
}

#[test]
fn a_set_of_files_replaces_an_earlier_one_and_keeps_changed_files() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let write_all = |files: &[(&str, &str)]| {
        let mut outputs = Claim::new(at, &[], &[]).check().unwrap();
        let staging = outputs.staging().unwrap().to_owned();
        for (name, text) in files {
            fs::create_dir_all(staging.join(name).parent().unwrap()).unwrap();
            fs::write(staging.join(name), text).unwrap();
        }
        outputs.keep_all()
    };
    write_all(&[("page", "one"), ("figures/a", "one"), ("figures/b", "one")]).unwrap();
    let record = read(at, ".segplan-outputs.jsonl");
    fs::write(at.join("figures/b"), "edited").unwrap();
    fs::write(at.join("figures/mine"), "a user's").unwrap();
    write_all(&[("page", "two")]).unwrap();
    assert!(!at.join("figures/a").exists(), "an old figure is kept");
    assert_eq!((read(at, "figures/b"), read(at, "figures/mine")), ("edited".to_owned(), "a user's".to_owned()));
    // The same set gives the same record, whatever the folder contained before; and no file is written if one would
    // replace a user's file.
    fs::remove_file(at.join("figures/b")).unwrap();
    write_all(&[("page", "one"), ("figures/a", "one"), ("figures/b", "one")]).unwrap();
    assert_eq!(read(at, ".segplan-outputs.jsonl"), record);
    assert!(write_all(&[("page", "three"), ("figures/mine", "three")]).is_err());
    assert_eq!(read(at, "page"), "one");
}

#[test]
#[cfg(unix)]
fn inputs_are_never_written_into_not_even_through_links() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let images = at.join("images");
    fs::create_dir(&images).unwrap();
    fs::write(images.join("case.nii.gz"), "an image").unwrap();
    symlink(&images, at.join("link")).unwrap();
    fs::create_dir(at.join("other")).unwrap();
    symlink(images.join("case.nii.gz"), at.join("other/case.nii.gz")).unwrap();
    let inputs = [images.clone(), images.join("case.nii.gz")];
    let files = paths(&["case.nii.gz"]);
    for output in
        [images.clone(), at.join("link"), at.join("link/../images"), at.join("missing/../images"), at.join("other")]
    {
        let refused = Claim::new(&output, &files, &inputs).overwriting(true).check().unwrap_err();
        assert!(matches!(refused, ClaimError::Input(_)), "{}: {refused}", output.display());
    }
    let probabilities = paths(&["images/new.nii.gz"]);
    assert!(matches!(Claim::new(at, &probabilities, &inputs).check(), Err(ClaimError::Input(_))));
    Claim::new(&images.join("segmented"), &files, &inputs).check().unwrap();
    Claim::new(at, &files, &inputs).check().unwrap();
    assert!(matches!(claim_file(&images.join("case.nii.gz"), &inputs[1..], true), Err(ClaimError::Input(_))));
    assert_eq!(read(&images, "case.nii.gz"), "an image");
}

#[test]
fn nothing_is_written_into_a_data_set_but_beside_one() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for part in ["Task01/imagesTr", "Raw/labelsTr", "Listed/scans", "preprocessed/Dataset001"] {
        fs::create_dir_all(at.join(part)).unwrap();
    }
    let listed =
        r#"{"labels": {"0": "background"}, "training": [{"image": "./scans/a.nii.gz", "label": "./scans/b.nii.gz"}]}"#;
    fs::write(at.join("Listed/dataset.json"), listed).unwrap();
    fs::write(at.join("Listed/scans/a.nii.gz"), "").unwrap();
    // nnU-Net copies the description to where it keeps what it has prepared.
    fs::write(at.join("preprocessed/Dataset001/dataset.json"), listed).unwrap();
    let files = paths(&["plan.toml"]);
    for (output, dataset) in [
        ("Task01", "Task01"),
        ("Task01/imagesTr", "Task01"),
        ("Task01/new/deep", "Task01"),
        ("Raw/labelsTr/new", "Raw"),
        ("Listed/scans", "Listed"),
        ("alone/imagesTs", "alone"),
    ] {
        let refused = Claim::new(&at.join(output), &files, &[]).overwriting(true).check();
        let Err(ClaimError::Dataset { dataset: found, .. }) = refused else { panic!("{output}: {refused:?}") };
        assert_eq!(found, fs::canonicalize(at).unwrap().join(dataset), "{output}");
    }
    for output in ["", "beside", "preprocessed/Dataset001"] {
        Claim::new(&at.join(output), &files, &[]).check().unwrap();
    }
    assert!(!at.join("alone").exists() && !at.join("Task01/new").exists(), "a refusal makes no folder");
}

#[test]
fn equal_output_names_and_unwritable_folders_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let twice = paths(&["a.nii.gz", "b.nii.gz", "a.nii.gz"]);
    let refused = Claim::new(at, &twice, &[]).check().unwrap_err().to_string();
    assert_eq!(refused, "two inputs would be written as `a.nii.gz`; rename one of them");
    fs::write(at.join("file"), "").unwrap();
    fs::create_dir(at.join("folder")).unwrap();
    for output in ["file", "file/inner"] {
        let refused = Claim::new(&at.join(output), &paths(&["a"]), &[]).check();
        assert!(matches!(refused, Err(ClaimError::Store(_))), "{output}: {refused:?}");
    }
    assert!(matches!(claim_file(&at.join("folder"), &[], true), Err(ClaimError::Folder(_))));
    assert_eq!(hidden(at), Vec::<String>::new(), "a probe stays");
}

#[test]
fn many_existing_files_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let all = paths(&["a", "b", "c", "d", "e"]);
    for name in &all {
        fs::write(folder.path().join(name), "").unwrap();
    }
    let refused = Claim::new(folder.path(), &all, &[]).check().unwrap_err().to_string();
    insta::assert_snapshot!(refused.replace(&format!("{}", folder.path().display()), "DIR"), @"`DIR/a` exists already, `DIR/b` exists already, `DIR/c` exists already (and 2 more files); choose another path, or replace them with `--overwrite`");
}

#[test]
fn the_inputs_of_a_file_are_known_while_it_is_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Claim::new(folder.path(), &paths(&["a"]), &[]).check().unwrap();
    let mut outputs = open();
    fs::write(outputs.staging().unwrap().join("a"), "labels").unwrap();
    assert!(!outputs.has_inputs(Path::new("a"), "one"));
    outputs.keep_with_inputs(Path::new("a"), "one").unwrap();
    drop(outputs);
    assert!(open().has_inputs(Path::new("a"), "one"), "another process knows it");
    assert!(!open().has_inputs(Path::new("a"), "two"));
    let outputs = open();
    fs::write(folder.path().join("a"), "edited").unwrap();
    assert!(!outputs.has_inputs(Path::new("a"), "one"), "edited");
    fs::remove_file(folder.path().join("a")).unwrap();
    assert!(!outputs.has_inputs(Path::new("a"), "one"), "removed");
}

#[test]
fn nothing_is_written_into_a_run_nor_through_a_link_into_a_data_set() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["run/plan.toml", "run/plan.input.toml", "run/manifest.json", "runs/prepared/files.json"] {
        fs::create_dir_all(at(name).parent().unwrap()).unwrap();
        fs::write(at(name), "").unwrap();
    }
    for inner in ["run", "run/3d_fullres/fold_0", "runs/prepared/0123"] {
        let refused = Claim::new(&at(inner), &paths(&["a"]), &[]).overwriting(true).check();
        assert!(matches!(refused, Err(ClaimError::Run { .. })), "{inner}: {refused:?}");
    }
    fs::create_dir_all(at("data/labelsTr")).unwrap();
    fs::create_dir_all(at("out")).unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(at("data/labelsTr"), at("out/inner")).unwrap();
        let refused = Claim::new(&at("out"), &paths(&["inner/a"]), &[]).overwriting(true).check();
        assert!(matches!(refused, Err(ClaimError::Dataset { .. })), "{refused:?}");
        std::os::unix::fs::symlink(at("run/plan.toml"), at("out/.segplan-outputs.jsonl")).unwrap();
        assert!(Claim::new(&at("out"), &paths(&["b"]), &[]).check().unwrap_err().to_string().contains("it is a link"));
        fs::remove_file(at("out/.segplan-outputs.jsonl")).unwrap();
    }
    fs::write(at("out/file"), "").unwrap();
    assert!(Claim::new(&at("out"), &paths(&["file/a"]), &[]).check().is_err(), "a file is no folder");
    fs::write(at("out/.segplan-outputs.jsonl"), "mine\n").unwrap();
    assert!(Claim::new(&at("out"), &paths(&["b"]), &[]).check().unwrap_err().to_string().contains("not a record"));
}
