//! How the networks were planned, and which settings were changed by hand.

use crate::plan::compare::{ChangedKey, changed_by_hand};
use crate::plan::schema::Stage;
use crate::report::record::RunRecord;
use crate::report::text::methods::phrases::join_and;

/// `Networks were configured by the rules of nnU-Net, …; these settings were changed by hand: …`
pub(super) fn describe_planning(record: &RunRecord) -> String {
    let version = record.manifest.as_ref().map_or_else(String::new, |manifest| format!(" {}", manifest.version));
    let planned = format!(
        "Networks were configured with segplan{version}, a reimplementation of nnU-Net as published in 2018 \
         [@isensee2018nnunet]"
    );
    let changes: Vec<String> =
        changed_by_hand(&record.plan).iter().filter(|change| is_of_method(change)).map(describe_change).collect();
    if changes.is_empty() {
        format!("{planned}; all settings follow from its rules.")
    } else {
        format!("{planned}; the following settings were changed by hand: {}.", join_and(&changes))
    }
}

/// Whether a change is a departure from the method: not one of folds or scores. Changed constants of the rules are.
fn is_of_method(change: &ChangedKey) -> bool {
    let of_results = change.stage < Stage::Evaluate && !change.key.starts_with("split.");
    of_results || change.key.starts_with("rules.")
}

/// `learning rate (0.004 instead of 0.0003)`
fn describe_change(change: &ChangedKey) -> String {
    let value = |text: &str| text.trim_matches(['[', ']', '"']).replace('"', "");
    format!("{} ({} instead of {})", name_of(&change.key), value(&change.value), value(&change.given))
}

/// A key in words: `train.schedule.patience_epochs` becomes `schedule patience epochs`.
fn name_of(key: &str) -> String {
    let mut parts: Vec<&str> = key.split('.').collect();
    let configuration = (parts[0] == "configurations" && parts.len() > 2).then(|| parts[1]);
    if parts.len() > 1 {
        parts.drain(..if configuration.is_some() { 2 } else { 1 });
    }
    let words: Vec<&str> = parts.iter().flat_map(|part| part.split('_')).map(in_full).collect();
    let words = words.join(" ");
    configuration.map_or(words.clone(), |configuration| format!("{words} of {configuration}"))
}

/// Abbreviations of keys, as a journal writes them.
fn in_full(word: &str) -> &str {
    match word {
        "ema" => "EMA",
        "max" => "maximum",
        "min" => "minimum",
        "eps" => "epsilon",
        "mm" => "(mm)",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::rules::baseline::Giver;

    #[test]
    fn changed_settings_are_listed_with_what_the_rules_give() {
        let change = |key: &str, given: &str, value: &str| ChangedKey {
            key: key.to_owned(),
            value: value.to_owned(),
            given: given.to_owned(),
            by: Giver::Rules,
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
        assert_eq!(name_of("train.max_epochs"), "maximum epochs");
    }
}
