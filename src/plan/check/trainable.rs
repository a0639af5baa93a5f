//! Whether the networks of a plan can be trained.

use crate::plan::read::diagnostic::PlanError;
use crate::plan::read::loaded::LoadedPlan;

/// Refuses a plan whose networks can predict, but not be trained.
///
/// # Errors
///
/// If the plan has regions.
pub fn check_trainable(loaded: &LoadedPlan) -> Result<(), PlanError> {
    if loaded.plan.data.regions.is_empty() {
        return Ok(());
    }
    let path = "data.regions";
    let message = "networks that segment regions cannot be trained, they can only predict";
    let help =
        "remove `data.regions` to train networks that segment the classes; `segplan predict` uses trained networks";
    let error = loaded.layers.at_value(path, message, "not supported by training").help(help);
    Err(PlanError::Invalid { diagnostics: vec![error] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::read::load;
    use crate::plan::testing::example_text;

    #[test]
    fn only_a_plan_without_regions_can_be_trained() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.toml");
        std::fs::write(&path, example_text()).unwrap();
        let with = |set: &[String]| check_trainable(&load(&path, set).unwrap());
        with(&[]).unwrap();
        let regions = r#"data.regions=[{ name = "whole", labels = [1, 2], value = 1 }]"#;
        let PlanError::Invalid { diagnostics } = with(&[regions.to_owned()]).unwrap_err() else {
            panic!("the plan is refused for its values")
        };
        assert!(diagnostics[0].to_string().contains("cannot be trained"), "{}", diagnostics[0]);
    }
}
