//! How the networks were planned, and which settings were changed by hand.

use crate::plan::compare::{ChangedKey, changed_by_hand};
use crate::plan::schema::Stage;
use crate::plan::schema::lookup::find;
use crate::report::record::RunRecord;
use crate::report::text::methods::phrases::{join_and, lower_first};

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

/// `initial learning rate (0.004 instead of 0.0003)`
fn describe_change(change: &ChangedKey) -> String {
    let configuration = match change.key.split('.').collect::<Vec<_>>()[..] {
        ["configurations", name, _] => format!(" of {name}"),
        _ => String::new(),
    };
    let (value, given) = (describe_value(&change.value), describe_value(&change.given));
    format!("{}{configuration} ({value} instead of {given})", noun_of(&change.key))
}

/// A value of a plan without the syntax of TOML.
fn describe_value(toml: &str) -> String {
    match toml {
        "true" => "yes".to_owned(),
        "false" => "no".to_owned(),
        other => other.replace(['[', ']', '"'], ""),
    }
}

/// A key as a noun: the beginning of the first sentence of its meaning.
fn noun_of(key: &str) -> String {
    let Some(declared) = find(key) else { return format!("`{key}`") };
    let meaning = declared.meaning();
    let end = [". ", ": ", ", [", " ("].iter().filter_map(|end| meaning.find(end)).min();
    let noun = end.map_or_else(|| meaning.trim_end_matches('.'), |end| &meaning[..end]);
    lower_first(noun)
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
            "initial learning rate (0.004 instead of 0.0003)"
        );
        assert_eq!(
            describe_change(&change("configurations.3d_fullres.features_per_stage", "[30, 60]", "[8, 16]")),
            "feature maps per resolution of 3d_fullres (8, 16 instead of 30, 60)"
        );
        assert_eq!(
            describe_change(&change("train.schedule.patience_epochs", "30", "2")),
            "epochs without improvement before the learning rate drops (2 instead of 30)"
        );
        assert_eq!(describe_change(&change("train.optimizer.amsgrad", "true", "false")), "AMSGrad (no instead of yes)");
    }
}
