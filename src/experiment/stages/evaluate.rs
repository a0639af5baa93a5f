//! Evaluate: the scores of a network's validation cases.

use crate::experiment::error::ExperimentError;
use crate::experiment::stages::context::{Context, Ending};
use crate::experiment::stages::validation::ValidationCases;
use crate::run::NetworkId;

pub(super) fn evaluate_network(context: &Context<'_>, id: NetworkId) -> Result<Ending, ExperimentError> {
    ValidationCases::of_network(context, id).evaluate()?;
    Ok(Ending::Done)
}
