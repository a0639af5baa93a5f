//! The plan against its data set.

use crate::dataset::{CaseId, Dataset};
use crate::experiment::splits::{SplitError, draw};
use crate::plan::read::Diagnostic;
use crate::plan::read::LoadedPlan;
use crate::units::{counted, shell_word};

/// Where a plan does not match its data set: channels, labels, number of cases, patients.
pub fn check_data(loaded: &LoadedPlan, dataset: &Dataset) -> Vec<Diagnostic> {
    let remedy = format!("make a new plan: `segplan plan {}`", shell_word(&dataset.folder.display().to_string()));
    let mut faults = Vec::new();
    faults.extend(check_channels(loaded, dataset, &remedy));
    faults.extend(check_labels(loaded, dataset, &remedy));
    faults.extend(check_folds(loaded, dataset, &remedy));
    faults
}

fn check_channels(loaded: &LoadedPlan, dataset: &Dataset, remedy: &str) -> Option<Diagnostic> {
    if dataset.channels == loaded.plan.data.channels {
        return None;
    }
    let message = format!("data set `{}` has other channels", dataset.name);
    let label = format!("the data set has {}: {}", dataset.channels.len(), dataset.channels.join(", "));
    Some(loaded.layers.at_value("data.channels", message, label).help(remedy))
}

fn check_labels(loaded: &LoadedPlan, dataset: &Dataset, remedy: &str) -> Vec<Diagnostic> {
    let (planned, layers, name) = (&loaded.plan.data.labels, &loaded.layers, &dataset.name);
    let mut faults = Vec::new();
    for (label, class) in planned.iter().filter(|(label, _)| !dataset.labels.contains_key(label)) {
        let message = format!("data set `{name}` has no label {label} (`{class}`)");
        let known: Vec<String> = dataset.labels.iter().map(|(label, class)| format!("{label} {class}")).collect();
        let text = format!("the data set has {}", known.join(", "));
        faults.push(layers.at_key(&format!("data.labels.{label}"), message, text).help(remedy));
    }
    for (label, class) in dataset.labels.iter().filter(|(label, _)| !planned.contains_key(label)) {
        let message = format!("the plan lacks label {label} (`{class}`) of data set `{name}`");
        let help = format!("add `{label} = \"{class}\"`, or {remedy}");
        faults.push(layers.at_key("data.labels", message, "missing here").help(help));
    }
    for (label, class) in planned {
        if let Some(other) = dataset.labels.get(label).filter(|other| *other != class) {
            let message = format!("label {label} is `{class}` in the plan and `{other}` in data set `{name}`");
            let fault = layers.at_value(&format!("data.labels.{label}"), message, "another name");
            let help = "scores and reports use the names of the plan: correct the one that is wrong";
            faults.push(fault.help(help).warning());
        }
    }
    faults
}

fn check_folds(loaded: &LoadedPlan, dataset: &Dataset, remedy: &str) -> Option<Diagnostic> {
    let (count, folds) = (dataset.training.len(), loaded.plan.split.folds);
    if folds > count {
        let has = counted(count, "training case");
        let message = format!("data set `{}` has {has}, too few for {}", dataset.name, counted(folds, "fold"));
        let label = format!("expected at most {count}");
        return Some(loaded.layers.at_value("split.folds", message, label).help(remedy));
    }
    let cases: Vec<CaseId> = dataset.training.iter().map(|case| case.id.clone()).collect();
    let error = draw(&cases, &loaded.plan.split).err()?;
    let (key, label) = match &error {
        SplitError::TooFew { .. } => ("split.folds", "too many"),
        SplitError::NoPatient { .. } => ("split.patient_pattern", "expected to match each case name"),
        SplitError::Store(_) | SplitError::Form { .. } | SplitError::Mismatch { .. } => ("split", ""),
    };
    Some(loaded.layers.at_value(key, error.to_string(), label))
}
