//! The models that are compared: every configuration and ensemble of every run.

use std::collections::BTreeMap;

use crate::evaluate::metric::Metric;
use crate::report::record::RunRecord;
use crate::report::statistics::summary::case_values;

/// One model, as far as one class and one metric go.
pub(super) struct Model {
    pub(super) name: String,
    /// Value by case.
    pub(super) values: BTreeMap<String, f64>,
}

/// The models that have values of a class and a metric.
pub(super) fn models(records: &[RunRecord], class: &str, metric: Metric) -> Vec<Model> {
    let mut models = Vec::new();
    for record in records {
        let Some((&label, _)) = record.plan.data.labels.iter().find(|(_, name)| *name == class) else { continue };
        for model in record.models() {
            let values = case_values(record, &model, label, metric);
            let name = if records.len() > 1 { format!("{} {model}", record.plan.name) } else { model };
            if !values.is_empty() {
                models.push(Model { name, values });
            }
        }
    }
    models
}

/// Metrics that mean the same in all runs, with their titles: the surface Dice only if all runs have one tolerance.
pub(super) fn shared_metrics(records: &[RunRecord]) -> Vec<(Metric, String)> {
    let mut shared = Vec::new();
    for metric in Metric::all() {
        let mut titles = records.iter().map(|record| record.metric_title(metric));
        if let Some(first) = titles.next()
            && titles.all(|other| other == first)
        {
            shared.push((metric, first));
        }
    }
    shared
}

/// Names of the classes of all runs, each once.
pub(super) fn class_names<'a>(records: impl Iterator<Item = &'a RunRecord>) -> Vec<String> {
    let mut classes: Vec<String> = Vec::new();
    for name in records.flat_map(|record| record.plan.data.labels.values()) {
        if !classes.contains(name) {
            classes.push(name.clone());
        }
    }
    classes
}
