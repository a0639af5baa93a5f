//! Folds and settings of a prediction that differ from the run's.

use std::fs;

use serde_json::Value;

use super::{WORKPLACE, assert_as_in_validation, predict, refusal, succeed, validation_images};

#[test]
fn a_chosen_fold_segments_its_validation_images_as_in_validation() {
    let images = "for_a_fold";
    let cases = validation_images("all", 1, images);
    for configuration in ["3d_fullres", "3d_cascade"] {
        let output = format!("chosen_fold/{configuration}");
        let said = succeed(predict("all", images, &output).args(["--configuration", configuration, "--fold", "1"]));
        assert!(said.contains("(1 network)"), "{said}");
        assert_as_in_validation("all", configuration, 1, &output, &cases);
    }
    let said = refusal(predict("all", images, "refused").args(["--configuration", "2d", "--fold", "7"]), 2);
    assert!(said.contains("no trained network of fold 7; it has those of folds 0, 1"), "{said}");
}

#[test]
fn images_that_were_segmented_with_other_settings_are_segmented_again() {
    let images = "for_settings";
    validation_images("all", 0, images);
    let run = |arguments: &[&str]| {
        succeed(predict("all", images, "other_settings").args(["--configuration", "2d"]).args(arguments))
    };
    let kept = |said: &str| said.contains("kept 2 of 2 images");
    assert!(!kept(&run(&[])));
    assert!(kept(&run(&[])));
    for other in [&["--step", "0.25"][..], &["--set", "predict.gaussian_sigma_fraction=0.25"], &["--fold", "0"], &[]] {
        assert!(!kept(&run(other)), "{other:?}");
        assert!(kept(&run(other)), "{other:?}");
    }
    assert!(kept(&run(&["--no-mirroring"])), "the run does not mirror");
    assert!(kept(&run(&["--step", "0.25", "--set", "predict.tile_step_fraction=0.5"])), "the last value counts");
    let record = fs::read(WORKPLACE.join("other_settings/segplan-prediction.json")).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    assert_eq!(record["predictions"].as_array().unwrap().len(), 1, "{record}");
    assert_eq!(record["predictions"][0]["settings"], serde_json::json!([]));
}

#[test]
fn keys_that_do_not_decide_the_prediction_are_refused() {
    let refuse =
        |setting: &str| refusal(predict("all", "data/Phantom/imagesTr", "refused").args(["--set", setting]), 2);
    let said = refuse("train.learning_rate=1");
    assert!(
        said.contains("`--set train.learning_rate` is refused: the networks were trained with its value"),
        "{said}"
    );
    assert!(refuse("runtime.device=cuda:0").contains("`--device`"));
    assert!(refuse("predict.tile_step=1").contains("did you mean"));
    let said = refuse("predict.tile_step_fraction=2");
    assert!(said.contains("--set") && said.contains("tile_step_fraction"), "{said}");
}
