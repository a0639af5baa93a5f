//! How the networks were planned, and which settings were changed by hand.

use crate::plan::compare::{ChangedKey, changed_by_hand};
use crate::plan::schema::Plan;
use crate::report::record::RunRecord;
use crate::report::text::methods::phrases::join_and;

/// Tables whose values are no departure from the method: selection of runs, environment, scoring.
const NOT_A_CHANGE: [&str; 4] = ["evaluate", "run", "runtime", "split"];

/// `Networks were configured by the rules of nnU-Net, …; these settings were changed by hand: …`
pub(super) fn describe_planning(record: &RunRecord) -> String {
    let version = record.manifest.as_ref().map_or_else(String::new, |manifest| format!(" {}", manifest.version));
    let planned = format!(
        "Networks were configured with segplan{version}, a reimplementation of nnU-Net as published in 2018 \
         [@isensee2018nnunet]"
    );
    let changes: Vec<String> = settings_changed_by_hand(&record.plan).iter().map(describe_change).collect();
    if changes.is_empty() {
        format!("{planned}; all settings follow from its rules.")
    } else {
        format!("{planned}; the following settings were changed by hand: {}.", join_and(&changes))
    }
}

/// The settings that differ from what the rules and the recipe give for the measurements of the plan.
fn settings_changed_by_hand(plan: &Plan) -> Vec<ChangedKey> {
    let mut changes = changed_by_hand(plan);
    changes.retain(|change| !NOT_A_CHANGE.contains(&change.key.split('.').next().unwrap_or_default()));
    changes
}

/// `learning rate (0.004 instead of 0.0003)`
fn describe_change(change: &ChangedKey) -> String {
    let value = |toml: &str| toml.trim_matches(['[', ']', '"']).replace('"', "");
    format!("{} ({} instead of {})", name_of(&change.key), value(&change.value), value(&change.given))
}

/// A key in words: `train.schedule.patience_epochs` becomes `schedule patience epochs`.
fn name_of(key: &str) -> String {
    let mut parts: Vec<&str> = key.split('.').collect();
    let configuration = (parts[0] == "configurations" && parts.len() > 2).then(|| parts[1]);
    if parts.len() > 1 {
        parts.drain(..if configuration.is_some() { 2 } else { 1 });
    }
    let words = parts.join(" ").replace('_', " ");
    configuration.map_or(words.clone(), |configuration| format!("{words} of {configuration}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::rules::baseline::Giver;
    use crate::plan::schema::Stage;

    #[test]
    fn changed_settings_are_listed_with_what_the_rules_give() {
        let change = |key: &str, given: &str, value: &str| ChangedKey {
            key: key.to_owned(),
            value: value.to_owned(),
            given: given.to_owned(),
            by: Giver::Recipe,
            stage: Stage::Train,
        };
        assert_eq!(
            describe_change(&change("train.learning_rate", "0.0003", "0.004")),
            "learning rate (0.004 instead of 0.0003)"
        );
        assert_eq!(
            describe_change(&change("configurations.3d_fullres.features_per_stage", "[30, 60]", "[8, 16]")),
            "features per stage of 3d_fullres (8, 16 instead of 30, 60)"
        );
        assert_eq!(
            describe_change(&change("train.schedule.patience_epochs", "30", "2")),
            "schedule patience epochs (2 instead of 30)"
        );
    }
}
