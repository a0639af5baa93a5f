//! A package predicts as its run.

use std::fs;

use serde_json::Value;

use super::{WORKPLACE, assert_as_in_validation, fail, refusal, segplan_in, succeed, validation_images};

/// Packages a run of the workplace, and returns what the command printed.
fn package(run: &str, output: &str, arguments: &[&str]) -> String {
    let _ = fs::remove_file(WORKPLACE.join(output));
    succeed(segplan_in(&WORKPLACE, &["package", &format!("runs/{run}"), "-o", output]).args(arguments))
}

fn predict(model: &str, input: &str, output: &str) -> std::process::Command {
    segplan_in(&WORKPLACE, &["predict", "--model", model, "--input", input, "--output", output])
}

fn record(path: &str) -> Value {
    serde_json::from_slice(&fs::read(WORKPLACE.join(path)).unwrap()).unwrap()
}

#[test]
fn a_package_segments_a_validation_image_as_in_validation_and_as_its_run() {
    let images = "to_package";
    let cases = validation_images("all", 0, images);
    for configuration in ["2d", "3d_cascade"] {
        let (model, output) = (format!("{configuration}.segplan"), format!("packaged/{configuration}"));
        let arguments = ["--configuration", configuration, "--fold", "0"];
        let said = package("all", &model, &arguments);
        assert!(said.contains("warning: the package states no licence"), "{said}");
        succeed(&mut predict(&model, images, &output));
        assert_as_in_validation("all", configuration, 0, &output, &cases);
        // The same networks of the run have segmented them.
        let said = succeed(predict("runs/all", images, &output).args(arguments));
        assert!(said.contains("kept 2 of 2 images: these networks have segmented them before"), "{said}");
    }
}

#[test]
fn a_package_of_the_best_candidate_has_its_scores_and_no_case() {
    let said = package("all", "best.segplan", &["--licence", "CC-BY-4.0"]);
    assert!(said.contains("packaged ") && said.contains(" networks, ") && !said.contains("warning"), "{said}");
    let again = segplan_in(&WORKPLACE, &["package", "runs/all", "-o", "best.segplan"]).output().unwrap();
    assert_eq!(again.status.code(), Some(2), "an existing file is kept");
    let archive = segplan::store::archive::Archive::open(&WORKPLACE.join("best.segplan")).unwrap();
    let text = |name: &str| String::from_utf8(archive.read(name, 1 << 20).unwrap()).unwrap();
    let scores = text("scores.csv");
    assert!(scores.starts_with("configuration,seed,label,class,cases,dice_mean,"), "{scores}");
    assert!(scores.lines().nth(1).unwrap().contains(",12345,1,"), "{scores}");
    let manifest: Value = serde_json::from_str(&text("manifest.json")).unwrap();
    let selection: Value = serde_json::from_str(&text("selection.json")).unwrap();
    assert_eq!(selection["candidates"][0]["configurations"], manifest["configurations"]);
    let bytes = fs::read(WORKPLACE.join("best.segplan")).unwrap();
    for private in ["phantom_00", WORKPLACE.to_str().unwrap()] {
        assert!(!bytes.windows(private.len()).any(|window| window == private.as_bytes()), "{private}");
    }
}

#[test]
fn missing_networks_and_damaged_packages_are_refused_by_name() {
    package("all", "one.segplan", &["--configuration", "2d", "--fold", "1"]);
    let refuse = |arguments: &[&str], code| {
        refusal(predict("one.segplan", "data/Phantom/imagesTr", "refused").args(arguments), code)
    };
    let said = refuse(&["--fold", "0"], 2);
    assert!(said.contains("no trained network of fold 0; it has those of fold 1"), "{said}");
    let said = refuse(&["--configuration", "3d_fullres"], 2);
    assert!(said.contains("has no trained network of configuration `3d_fullres`"), "{said}");
    let said = refusal(&mut predict("data", "data/Phantom/imagesTr", "refused"), 2);
    assert!(said.contains("`data` is no model") && said.contains("such as `model.segplan`"), "{said}");
    let mut bytes = fs::read(WORKPLACE.join("one.segplan")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(WORKPLACE.join("damaged.segplan"), bytes).unwrap();
    let said = refusal(&mut predict("damaged.segplan", "data/Phantom/imagesTr", "refused"), 3);
    assert!(said.contains("is damaged, or was not written by segplan"), "{said}");
    let both = ["--run", "runs/all", "--input", "data", "--output", "refused"];
    fail(segplan_in(&WORKPLACE, &["predict", "--model", "one.segplan"]).args(both), 2);
}

#[test]
fn the_record_names_networks_settings_and_images() {
    package("all", "recorded.segplan", &["--configuration", "2d"]);
    let image = "data/Phantom/imagesTr/phantom_001.nii.gz";
    succeed(predict("recorded.segplan", image, "recorded/a.nii.gz").args(["--fold", "1", "--step", "0.75"]));
    let record = record("recorded/a.nii.gz.json");
    let prediction = &record["predictions"][0];
    assert_eq!(prediction["model_file"], "recorded.segplan");
    assert_eq!(prediction["settings"][0], "predict.tile_step_fraction=0.75");
    assert_eq!(prediction["networks"].as_array().unwrap().len(), 1);
    let weights = WORKPLACE.join("runs/all/2d/seed_12345/fold_1/weights.safetensors");
    assert_eq!(prediction["networks"][0]["sha256"], segplan::store::digest_of_file(&weights).unwrap());
    let case = &prediction["cases"]["phantom_001"];
    assert_eq!(case["labels"], "a.nii.gz");
    let sha256 = segplan::store::digest_of_file(&WORKPLACE.join(image)).unwrap();
    assert_eq!((&case["images"][0][0], &case["images"][0][1]), (&"phantom_001.nii.gz".into(), &sha256.into()));
    assert!(!record.to_string().contains(WORKPLACE.to_str().unwrap()), "{record}");
}
