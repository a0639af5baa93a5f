//! Ensemble: the validation cases of one fold, predicted by two configurations together, and their scores.
//!
//! Probabilities are computed again from the weights of the fold instead of being stored. Source: arXiv:1809.10486, 2.6.

use crate::experiment::error::ExperimentError;
use crate::experiment::stages::context::{Context, Ending};
use crate::experiment::stages::predict::predict_validation_cases;
use crate::experiment::stages::validation::ValidationCases;
use crate::plan::schema::ConfigurationName;
use crate::run::NetworkId;

pub(super) fn ensemble(
    context: &Context<'_>,
    id: NetworkId,
    second: ConfigurationName,
) -> Result<Ending, ExperimentError> {
    let cases = ValidationCases::of_ensemble(context, id, second);
    match predict_validation_cases(context, &cases)? {
        Ending::Interrupted => Ok(Ending::Interrupted),
        Ending::Done => {
            cases.evaluate()?;
            Ok(Ending::Done)
        }
    }
}
