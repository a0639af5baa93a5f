//! Files of others, inputs, data sets and runs are never replaced.

use std::fs;
use std::path::Path;

use crate::workplace::{Workplace, copy_images, expect_exit, files_below, finished_run, visible_files};

#[test]
fn predict_replaces_only_files_that_it_wrote() {
    let at = Workplace::new();
    expect_exit(&mut at.run("whole", &[]), 0);
    copy_images(&at.path("data/Phantom/imagesTr"), &at.path("new"), 2);
    let predict = |output: &str, more: &[&str]| {
        let mut command = at.segplan(&["predict", "--run", "runs/whole", "--input", "new", "--output", output]);
        command.args(more);
        command
    };
    expect_exit(&mut predict("segmented", &["--probabilities"]), 0);
    let (first, all) = (visible_files(&at.path("segmented")), files_below(&at.path("segmented")));
    assert_eq!(first.len(), 5, "label maps, probabilities and their record: {:?}", first.keys());
    expect_exit(&mut predict("segmented", &["--probabilities"]), 0);
    assert!(files_below(&at.path("segmented")) == all, "the same prediction differs");

    // A label map that was corrected by hand, and one that segplan did not write.
    let corrected = at.path("segmented/phantom_001.nii.gz");
    fs::write(&corrected, "corrected by hand").unwrap();
    let message = expect_exit(&mut predict("segmented", &[]), 2);
    assert!(
        message.contains("has been changed since segplan wrote it") && !message.contains("segmenting with"),
        "{message}"
    );
    assert_eq!(fs::read(&corrected).unwrap(), b"corrected by hand");
    expect_exit(&mut predict("segmented", &["--overwrite"]), 0);
    assert!(visible_files(&at.path("segmented")) == first, "the corrected file was not replaced");
    fs::create_dir(at.path("others")).unwrap();
    fs::write(at.path("others/phantom_002.nii.gz"), "written by hand").unwrap();
    let message = expect_exit(&mut predict("others", &[]), 2);
    assert!(message.contains("exists already") && !at.path("others/phantom_001.nii.gz").exists(), "{message}");

    let owned = ["new", "data", "runs"].map(|folder| (folder, files_below(&at.path(folder))));
    #[cfg(unix)]
    std::os::unix::fs::symlink(at.path("new"), at.path("link")).unwrap();
    let links = if cfg!(unix) { vec!["link", "link/../new"] } else { Vec::new() };
    let into = [
        "new",
        "data/Phantom/imagesTr",
        "data/Phantom/labelsTr",
        "data/Phantom",
        "data/Phantom/segmented",
        "runs/whole",
    ];
    for output in into.into_iter().chain(links) {
        for more in [&[][..], &["--overwrite"], &["--probabilities"]] {
            let message = expect_exit(&mut predict(output, more), 2);
            assert!(message.contains("nothing is written into"), "{output}: {message}");
            assert!(!message.contains("segmenting with"), "{output}: predicted before the check\n{message}");
        }
    }
    fs::write(at.path("file"), "").unwrap();
    let message = expect_exit(&mut predict("file/segmented", &[]), 1);
    assert!(message.contains("file/segmented") && !message.contains("segmenting with"), "{message}");
    for (folder, before) in owned {
        assert!(files_below(&at.path(folder)) == before, "`{folder}` was changed");
    }
}

#[test]
fn verbs_never_replace_foreign_files_or_write_into_a_data_set() {
    let at = finished_run();
    // Each with the file that it writes below `OUT`.
    let verbs: [(&[&str], &str); 8] = [
        (&["plan", "data/Phantom", "-o", "OUT/new.toml"], "new.toml"),
        (&["plan", "--published", "task04", "-o", "OUT/new.toml"], "new.toml"),
        (&["import", "nnunet", "-o", "OUT/new.toml"], "new.toml"),
        (&["export", "--nnunet", "phantom.toml", "-o", "OUT"], "dataset.json"),
        (
            &[
                "evaluate",
                "--reference",
                "data/Phantom/labelsTr",
                "--prediction",
                "data/Phantom/labelsTr",
                "-o",
                "OUT/scores.parquet",
            ],
            "scores.parquet",
        ),
        (&["augment", "phantom.toml", "-n", "1", "-o", "OUT"], "augment_phantom_001_3d_fullres.png"),
        (&["report", "runs/whole", "-o", "OUT"], "methods.md"),
        (&["package", "runs/whole", "-o", "OUT/new.segplan"], "new.segplan"),
    ];
    let data = files_below(&at.path("data"));
    for (number, (arguments, file)) in verbs.into_iter().enumerate() {
        let folder = format!("out{number}");
        let segplan = |folder: &str, more: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(|argument| argument.replace("OUT", folder)).collect();
            let mut command = at.segplan(&[]);
            command.args(arguments).args(more);
            command
        };
        fs::create_dir(at.path(&folder)).unwrap();
        let path = at.path(&folder).join(file);
        fs::write(&path, "written by hand").unwrap();
        let message = expect_exit(&mut segplan(&folder, &[]), 2);
        assert!(message.contains("exists already"), "{arguments:?}: {message}");
        assert_eq!(fs::read(&path).unwrap(), b"written by hand", "{arguments:?}");
        assert_eq!(files_below(&at.path(&folder)).len(), 1, "{arguments:?}");
        expect_exit(&mut segplan(&folder, &["--overwrite"]), 0);
        assert!(fs::read(&path).unwrap() != b"written by hand", "{arguments:?}");
        for inside in ["data/Phantom", "data/Phantom/imagesTr", "data/Phantom/new/deep"] {
            for more in [&[][..], &["--overwrite"]] {
                let message = expect_exit(&mut segplan(inside, more), 2);
                assert!(message.contains("nothing is written into"), "{arguments:?}: {message}");
            }
        }
        fs::write(at.path("file"), "").unwrap();
        let message = expect_exit(&mut segplan("file/inner", &["--overwrite"]), 1);
        assert!(message.contains("file/inner"), "{arguments:?}: {message}");
    }
    expect_exit(&mut at.segplan(&["phantom", "data/Phantom"]), 2);
    expect_exit(&mut at.segplan(&["phantom", "data/Phantom/inner", "--overwrite"]), 2);
    assert!(files_below(&at.path("data")) == data, "the data set was changed");
    expect_exit(&mut at.segplan(&["phantom", "data/Phantom", "--cases", "6", "--overwrite"]), 0);
    assert!(files_below(&at.path("data")) == data, "the regenerated phantom differs");
}

#[test]
fn a_report_replaces_its_files_unless_they_were_edited() {
    let at = finished_run();
    let report = |more: &[&str]| {
        let mut command = at.segplan(&["report", "runs/whole"]);
        command.args(more);
        command
    };
    expect_exit(&mut report(&[]), 0);
    let first = files_below(&at.path("reports/whole"));
    assert!(first.len() > 10);
    expect_exit(&mut report(&["--without-images"]), 0);
    let without = files_below(&at.path("reports/whole"));
    assert!(without.len() < first.len(), "figures of cases were kept");
    expect_exit(&mut report(&[]), 0);
    assert!(files_below(&at.path("reports/whole")) == first, "the same run gives a different report");

    for name in ["methods.md", "tables/dice.md"] {
        let path = at.path("reports/whole").join(name);
        fs::write(&path, "written by hand").unwrap();
        let before = files_below(&at.path("reports/whole"));
        let message = expect_exit(&mut report(&[]), 2);
        assert!(message.contains(name), "{message}");
        assert!(files_below(&at.path("reports/whole")) == before, "{name}: a refused report changed files");
        expect_exit(&mut report(&["--overwrite"]), 0);
        assert!(files_below(&at.path("reports/whole")) == first);
    }
    // A table in a folder without a record of outputs.
    fs::create_dir_all(at.path("other/tables")).unwrap();
    fs::write(at.path("other/tables/dice.md"), "written by hand").unwrap();
    expect_exit(&mut at.segplan(&["report", "runs/whole", "-o", "other"]), 2);
    assert_eq!(files_below(&at.path("other")).len(), 1, "a refused report left files");
    let run = files_below(&at.path("runs"));
    let message = expect_exit(&mut at.segplan(&["report", "runs/whole", "-o", "runs/whole", "--overwrite"]), 2);
    assert!(message.contains("nothing is written into") && files_below(&at.path("runs")) == run, "{message}");
}

#[test]
fn a_run_never_generates_the_phantom_over_existing_files() {
    let at = Workplace::new();
    fs::create_dir_all(at.path("data/Phantom/imagesTr")).unwrap();
    let image = at.path("data/Phantom/imagesTr/phantom_001.nii.gz");
    fs::write(&image, "written by hand").unwrap();
    expect_exit(&mut at.run("whole", &[]), 2);
    assert_eq!(fs::read(&image).unwrap(), b"written by hand");
    assert!(!at.path("runs/whole").exists());
}

#[test]
fn lines_added_to_a_plan_use_its_line_ending() {
    let at = Workplace::new();
    let plan = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/phantom.toml")).unwrap();
    fs::write(at.path("plan.toml"), plan.replace('\n', "\r\n")).unwrap();
    expect_exit(
        &mut at.segplan(&[
            "set",
            "plan.toml",
            "train.batches_per_epoch=7",
            "evaluate.surface_tolerance_mm=2.0",
            "predict.test_time_mirroring=false",
        ]),
        0,
    );
    let text = fs::read_to_string(at.path("plan.toml")).unwrap();
    assert!(text.lines().count() > plan.lines().count());
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
}
