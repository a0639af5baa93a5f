//! Predict: the validation cases of a network, or of an ensemble by the mean of its members' probabilities.

use crate::experiment::error::ExperimentError;
use crate::experiment::stages::context::{Context, Ending};
use crate::experiment::stages::validation::{PredictFn, ValidationCases};
use crate::network::UNet;
use crate::predict::{EnsembleMember, MemoryLimit, Predictor, predict_labels};
use crate::preprocess::cache::PreparedCase;
use crate::run::NetworkId;

pub(super) fn predict_network(context: &Context<'_>, id: NetworkId) -> Result<Ending, ExperimentError> {
    predict_validation_cases(context, &ValidationCases::of_network(context, id))
}

pub(super) fn predict_validation_cases<'a>(
    context: &'a Context<'a>,
    cases: &ValidationCases<'a>,
) -> Result<Ending, ExperimentError> {
    cases.predict(|| open_networks(context, cases.members.clone()))
}

/// Loads the weights of all members; their mean probability decides.
fn open_networks<'a>(context: &'a Context<'a>, members: Vec<NetworkId>) -> Result<PredictFn<'a>, ExperimentError> {
    let load =
        |&id: &NetworkId| Ok([context.planned(id).load(&context.network_folder(id).weights(), &context.device)?]);
    let networks: Vec<[UNet; 1]> = members.iter().map(load).collect::<Result<_, ExperimentError>>()?;
    let scratch = context.network_folder(members[0]).root;
    Ok(Box::new(move |id, spacing| {
        let plan = context.plan;
        let cases: Vec<PreparedCase> =
            members.iter().map(|&member| context.open_input(member, id)).collect::<Result<_, _>>()?;
        let inputs: Vec<_> = cases.iter().map(|case| case.input(plan.data.labels.len())).collect();
        let predictors: Vec<Predictor<'_>> = members
            .iter()
            .zip(&networks)
            .map(|(&id, networks)| Predictor { network: context.planned(id), networks, device: &context.device })
            .collect();
        let parts: Vec<EnsembleMember<'_>> = predictors
            .iter()
            .zip(inputs.iter().zip(&cases))
            .map(|(predictor, (input, case))| EnsembleMember {
                predictor,
                image: input.view(),
                placement: &case.placement,
            })
            .collect();
        let limit = MemoryLimit::from_gib(plan.runtime.memory_gib, &scratch);
        let on_tiles = context.watch().on_tiles(id);
        predict_labels(&parts, spacing, &limit, &on_tiles, None)
            .map_err(|source| ExperimentError::Predict { case: id.clone(), source })
    }))
}
