//! Train: one network, from its preprocessed cases to its weights.

use crate::dataset::CaseId;
use crate::experiment::error::ExperimentError;
use crate::experiment::stages::context::{Context, Ending};
use crate::plan::compare::stage_digests;
use crate::run::{NetworkId, NetworkState};
use crate::store;
use crate::train::{self, Job, train};

pub(super) fn train_network(context: &Context<'_>, id: NetworkId) -> Result<Ending, ExperimentError> {
    let (folder, split) = (context.network_folder(id), &context.splits[id.fold]);
    let digest = stage_digests(context.plan, id.configuration).train;
    let state = NetworkState::read(&folder)?;
    if state.has_data(&context.data) {
        assert!(state.has_split(split), "{id}: a run with other folds than its networks is refused when it is opened");
    } else {
        // Training does not resume on other images.
        context.listener.say(&format!("{id}: the data set has changed since it was trained; training starts again"));
        store::remove_if_present(&folder.checkpoint())?;
    }
    let started = NetworkState {
        data: Some(context.data.clone()),
        split: Some(split.digest()),
        trained_on: split.train.clone(),
        ..NetworkState::default()
    };
    started.write(&folder)?;

    let open = |ids: &[CaseId]| ids.iter().map(|case| context.open_input(id, case)).collect::<Result<Vec<_>, _>>();
    let (training, validation) = (open(&split.train)?, open(&split.val)?);
    let job = Job {
        network: context.planned(id),
        fold: id.fold,
        seed: id.seed,
        training: &training,
        validation: &validation,
        folder: &folder,
        digest: &digest,
        device: &context.device,
        workers: rayon::current_num_threads().div_ceil(2),
    };
    match train(&job, context.interrupted, context.listener)? {
        train::Ending::Interrupted => Ok(Ending::Interrupted),
        train::Ending::Finished(_) => {
            NetworkState { trained: Some(digest), ..started }.write(&folder)?;
            Ok(Ending::Done)
        }
    }
}
