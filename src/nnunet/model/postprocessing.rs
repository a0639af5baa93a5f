//! The post-processing that nnU-Net chose by its cross-validation.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::nnunet::model::error::ModelError;
use crate::nnunet::model::folder::read_json;
use crate::run::Filter;

const FOLDER: &str = "crossval_results_folds_";
const FILE: &str = "postprocessing.json";
/// The only function that nnU-Net chooses.
const LARGEST: &str = "remove_all_but_largest_component_from_segmentation";

/// Reads the post-processing of a model with these foreground labels; `None` if it has none. A step that a filter cannot represent becomes a
/// note.
pub(super) fn read_postprocessing(
    model: &Path,
    labels: &BTreeSet<u8>,
    notes: &mut Vec<String>,
) -> Result<Option<Filter>, ModelError> {
    let Some(path) = find_file(model) else { return Ok(None) };
    let content: Value = read_json(&path)?;
    let list = |key: &str| content[key].as_array().cloned().unwrap_or_default();
    let mut filter = Filter::default();
    for (function, arguments) in list("postprocessing_fns").iter().zip(list("postprocessing_kwargs")) {
        let selected = &arguments["labels_or_regions"];
        if function.as_str() != Some(LARGEST) || !add(&mut filter, selected, labels) {
            notes.push(format!(
                "post-processing `{}` of {selected} is left out",
                function.as_str().unwrap_or("unknown")
            ));
        }
    }
    Ok(Some(filter))
}

/// The file of the cross-validation with the most folds.
fn find_file(model: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(model).into_iter().flatten().flatten();
    let folders = entries.map(|entry| entry.path()).filter(|path| {
        path.file_name().unwrap_or_default().to_string_lossy().starts_with(FOLDER) && path.join(FILE).is_file()
    });
    let longest = folders.max_by_key(|path| (path.as_os_str().len(), path.clone()))?;
    Some(longest.join(FILE))
}

/// Adds a step to a filter, which applies that of the foreground before those of labels. Returns whether it can represent the step.
fn add(filter: &mut Filter, selected: &Value, labels: &BTreeSet<u8>) -> bool {
    let one = |value: &Value| value.as_u64().and_then(|label| u8::try_from(label).ok());
    let selected: Option<BTreeSet<u8>> = match selected {
        Value::Array(all) => all.iter().map(one).collect(),
        label => one(label).map(|label| BTreeSet::from([label])),
    };
    let Some(selected) = selected.filter(|selected| selected.is_subset(labels)) else { return false };
    if selected.len() == 1 {
        filter.classes.extend(selected);
        return true;
    }
    filter.foreground = selected == *labels && filter.classes.is_empty();
    filter.foreground
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Filter>, Vec<String>) {
        let model = tempfile::tempdir().unwrap();
        for (folds, content) in [("0", "{}"), ("0_1", text)] {
            let folder = model.path().join(format!("{FOLDER}{folds}"));
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join(FILE), content).unwrap();
        }
        let mut notes = Vec::new();
        (read_postprocessing(model.path(), &BTreeSet::from([1, 2, 3]), &mut notes).unwrap(), notes)
    }

    #[test]
    fn the_steps_of_nnunet_become_a_filter() {
        let text = r#"{"postprocessing_fns": ["remove_all_but_largest_component_from_segmentation",
            "remove_all_but_largest_component_from_segmentation"],
            "postprocessing_kwargs": [{"labels_or_regions": [1, 2, 3]}, {"labels_or_regions": 2}]}"#;
        let expected = Filter { foreground: true, classes: BTreeSet::from([2]) };
        assert_eq!(read(text), (Some(expected), Vec::new()));
    }

    #[test]
    fn other_steps_are_noted() {
        let text = r#"{"postprocessing_fns": ["remove_all_but_largest_component_from_segmentation", "blur"],
            "postprocessing_kwargs": [{"labels_or_regions": [2, 3]}, {}]}"#;
        let (filter, notes) = read(text);
        assert_eq!((filter, notes.len()), (Some(Filter::default()), 2));
        assert!(notes[0].contains("of [2,3] is left out"), "{notes:?}");
        let model = tempfile::tempdir().unwrap();
        assert_eq!(read_postprocessing(model.path(), &BTreeSet::new(), &mut Vec::new()).unwrap(), None);
    }
}
