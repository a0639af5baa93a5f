//! Settings of a prediction that differ from the plan's.

use std::path::Path;

use crate::plan::read::load_text;
use crate::plan::schema::lookup::{find, stage_of};
use crate::plan::schema::{Plan, Stage};
use crate::segment::error::SegmentError;

/// The table whose keys can be set.
const TABLE: &str = "predict.";

/// Loads the text of a resolved plan with changed keys of `[predict]`, as `KEY=VALUE`.
///
/// # Errors
///
/// If the plan is invalid, or a key decides something else than the prediction.
pub(super) fn load_plan(path: &Path, text: &str, settings: &[String]) -> Result<Plan, SegmentError> {
    for setting in settings {
        let key = setting.split_once('=').map_or(setting.as_str(), |(key, _)| key).trim();
        if let Some(reason) = refusal(key) {
            return Err(SegmentError::Setting { key: key.to_owned(), reason });
        }
    }
    load_text(path, text, settings).map(|loaded| loaded.plan).map_err(|error| SegmentError::Plan(Box::new(error)))
}

/// Why a key cannot be set; `None` if it can, or if it does not exist, which the plan's checks report.
fn refusal(key: &str) -> Option<&'static str> {
    let is_setting = key.starts_with(TABLE) && stage_of(key) == Stage::Predict;
    if is_setting || find(key).is_none() {
        return None;
    }
    Some(match stage_of(key) {
        Stage::Preprocess | Stage::Train => {
            "the networks were trained with its value; train with another one by `segplan run`"
        }
        Stage::Predict => "it is part of the model, like the weights",
        Stage::Evaluate => "it decides the scores, which `segplan evaluate` computes",
        Stage::Nothing if key.starts_with("runtime.") => {
            "the machine is chosen by `--device`, `--memory-gib` and the paths of the command"
        }
        Stage::Nothing => "it changes no prediction",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::{example, example_text};

    fn load(settings: &[&str]) -> Result<Plan, String> {
        let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        load_plan(Path::new("plan.toml"), &example_text(), &settings).map_err(|error| error.to_string())
    }

    #[test]
    fn keys_of_the_prediction_are_set_and_the_last_value_counts() {
        let plan = load(&["predict.tile_step_fraction=1", "predict.tile_step_fraction=0.25"]).unwrap();
        assert!((plan.predict.tile_step_fraction - 0.25).abs() < 1e-12);
        assert_eq!(load(&[]).unwrap(), example());
        let plan = load(&["predict.test_time_mirroring=false"]).unwrap();
        assert!(!plan.predict.test_time_mirroring);
    }

    #[test]
    fn keys_that_decide_anything_else_are_refused_with_the_reason() {
        let refused = |setting: &str| load(&[setting]).unwrap_err();
        insta::assert_snapshot!(refused("train.learning_rate=0.1"), @"`--set train.learning_rate` is refused: the networks were trained with its value; train with another one by `segplan run`; expected a key of `[predict]`, such as `--set predict.tile_step_fraction=0.25`");
        insta::assert_snapshot!(refused("postprocess.rule=none"), @"`--set postprocess.rule` is refused: it is part of the model, like the weights; expected a key of `[predict]`, such as `--set predict.tile_step_fraction=0.25`");
        insta::assert_snapshot!(refused("runtime.device=cuda:0"), @"`--set runtime.device` is refused: the machine is chosen by `--device`, `--memory-gib` and the paths of the command; expected a key of `[predict]`, such as `--set predict.tile_step_fraction=0.25`");
        insta::assert_snapshot!(refused("evaluate.surface_tolerance_mm=2"), @"`--set evaluate.surface_tolerance_mm` is refused: it decides the scores, which `segplan evaluate` computes; expected a key of `[predict]`, such as `--set predict.tile_step_fraction=0.25`");
        insta::assert_snapshot!(refused("name=other"), @"`--set name` is refused: it changes no prediction; expected a key of `[predict]`, such as `--set predict.tile_step_fraction=0.25`");
        insta::assert_snapshot!(refused("predict.tile_stride=0.5"), @"unknown key `tile_stride` in `[predict]`");
        insta::assert_snapshot!(refused("predict.tile_step_fraction=7"), @"`predict.tile_step_fraction` is `7`");
        insta::assert_snapshot!(refused("predict.tile_step_fraction"), @"`--set predict.tile_step_fraction` has no value");
    }
}
