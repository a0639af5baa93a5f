//! The methods paragraph of a paper, written from plan, manifest and logs.
//!
//! Keys in square brackets are those of `references.bib`. Deliberately absent: anything that the record does not contain, and
//! anything that the run did not use.

mod changes;
mod data;
mod evaluation;
mod networks;
mod phrases;
mod prediction;
#[cfg(test)]
mod tests;
mod training;

use crate::report::record::RunRecord;

/// The methods paragraph of a run.
pub(crate) fn write_methods(record: &RunRecord) -> String {
    let plan = &record.plan;
    let mut sentences = vec![
        changes::describe_planning(record),
        data::describe_data(plan),
        data::describe_preprocessing(record),
        networks::describe_networks(plan),
        training::describe_training(record),
        prediction::describe_prediction(plan),
        prediction::describe_postprocessing(plan),
        prediction::describe_selection(record),
        evaluation::describe_evaluation(record),
        evaluation::describe_software(record),
    ];
    sentences.retain(|sentence| !sentence.is_empty());
    sentences.join(" ")
}
