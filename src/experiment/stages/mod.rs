//! The stages of a run: one file per kind of work, which does it and nothing else. Each assumes that what it needs is done.

mod cascade;
pub(super) mod context;
mod ensemble;
mod evaluate;
mod postprocess;
mod predict;
mod preprocess;
pub(super) mod select;
mod train;
mod validation;

use crate::experiment::error::ExperimentError;
use crate::experiment::stages::context::{Context, Ending};
use crate::experiment::work::{Piece, Work};

/// Does a piece of work of an open run.
pub(super) fn execute(context: &Context<'_>, piece: &Piece) -> Result<Ending, ExperimentError> {
    match piece.work {
        // A run is opened only when these are done: all others are judged by them.
        Work::Data | Work::Fingerprint | Work::Split => Ok(Ending::Done),
        Work::Preprocess(name) => preprocess::preprocess_cases(context, name),
        Work::Train(id) => train::train_network(context, id),
        Work::PredictForCascade(id) => cascade::predict_for_cascade(context, id),
        Work::Predict(id) => predict::predict_network(context, id),
        Work::Evaluate(id) => evaluate::evaluate_network(context, id),
        Work::Ensemble(id, second) => ensemble::ensemble(context, id, second),
        Work::Postprocess(candidate) => postprocess::postprocess_candidate(context, candidate, &piece.needs),
        Work::Select => select::select_candidate(context, &piece.needs),
    }
}
