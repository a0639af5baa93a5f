//! Times that need the data set: preprocessing, the loader, and the prediction of a case.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use crate::bench::error::BenchError;
use crate::bench::setup::{Setup, median_seconds};
use crate::dataset::gate::{Issues, read_case};
use crate::dataset::{Case, Dataset};
use crate::network::{PlannedNetwork, UNet};
use crate::plan::compare::stage_digests;
use crate::plan::schema::ConfigurationName;
use crate::predict::tiles::count_passes;
use crate::predict::{EnsembleMember, MemoryLimit, Predictor, predict_labels};
use crate::preprocess::cache::{Preparation, PreparedCase};
use crate::preprocess::prepare;
use crate::run::contents::{KeepDigests, hash_contents};
use crate::run::folder::{FoldFolder, prepared_folder};
use crate::train::Job;
use crate::train::batches::{CaseSet, EpochBatches};
use crate::train::loader::for_each_batch;
use crate::volume::Shape;
use crate::volume::io::read_header;

/// Maximum number of cases of the cascade's second stage: their stand-ins for the first stage are in memory.
const MAX_STAND_INS: usize = 8;

/// Times that need the data set.
pub(super) struct DataTimings {
    pub(super) preprocess_case_s: f64,
    pub(super) loader_patches_per_s: f64,
    pub(super) predict_case_s: f64,
    pub(super) predict_passes: usize,
}

impl DataTimings {
    pub(super) fn measure(setup: &Setup<'_>, network: &UNet, dataset: &Dataset) -> Result<Self, BenchError> {
        let folder = prepared_folder(&setup.plan.runtime.runs, &stage_digests(setup.plan, setup.name).preprocess);
        let (plan, configuration) = (setup.plan, setup.configuration);
        let contents = &hash_contents(&plan.runtime.runs, dataset, setup.listener, KeepDigests::Yes)?;
        setup.listener.begin("preprocessing cases", dataset.training.len());
        let preparation = Preparation { dataset, contents, plan, configuration, folder: &folder };
        let made = preparation.make(&AtomicBool::new(false), &|| setup.listener.advance());
        setup.listener.end();
        made?;
        setup.listener.say("timing preprocessing, loader and prediction");
        let second_stage = setup.name == ConfigurationName::Cascade;
        if second_stage {
            setup.listener.say("reference labels replace the first stage; its time is not included in the prediction");
        }
        let count = if second_stage { MAX_STAND_INS } else { dataset.training.len() };
        let open = |case: &Case| {
            let opened = preparation.open(&case.id, &|damage| setup.listener.replacing(damage))?;
            Ok(if second_stage { opened.with_reference_as_first_stage() } else { opened })
        };
        let cases: Vec<PreparedCase> =
            dataset.training.iter().take(count).map(open).collect::<Result<_, BenchError>>()?;
        Ok(Self {
            preprocess_case_s: time_preprocessing(setup, &dataset.training[0])?,
            loader_patches_per_s: measure_loader(setup, &cases),
            predict_case_s: time_prediction(setup, network, &cases[0], dataset)?,
            predict_passes: passes_of(setup, &cases[0]),
        })
    }
}

fn time_preprocessing(setup: &Setup<'_>, case: &Case) -> Result<f64, BenchError> {
    let once = || -> Result<(), Issues> {
        let (image, labels) = read_case(case, &setup.plan.expected())?;
        let prepared = prepare(image, Some(labels), &setup.plan.preprocess, setup.configuration, u64::MAX);
        let _ = std::hint::black_box(prepared);
        Ok(())
    };
    once()?;
    Ok(median_seconds(setup.repetitions, || {
        let _ = std::hint::black_box(once());
    }))
}

fn measure_loader(setup: &Setup<'_>, cases: &[PreparedCase]) -> f64 {
    let folder = FoldFolder { root: PathBuf::new() };
    let job = Job {
        network: PlannedNetwork::new(setup.plan, setup.name),
        fold: 0,
        seed: 0,
        training: cases,
        validation: cases,
        folder: &folder,
        digest: "",
        device: setup.device,
        workers: rayon::current_num_threads(),
    };
    let epoch = EpochBatches::new(&job, CaseSet::Training, 0);
    // The first batch reads the cases from disk.
    let _ = std::hint::black_box(epoch.batch(0));
    // Each thread prepares the same number of batches, so that all are busy until the end.
    let batches = setup.repetitions * job.workers;
    let begun = Instant::now();
    let done = for_each_batch(0..batches, job.workers, &|step| epoch.batch(step), |_, batch| {
        let _ = std::hint::black_box(batch);
        Ok::<(), std::convert::Infallible>(())
    });
    let Ok(()) = done;
    (batches * setup.configuration.batch_size) as f64 / begun.elapsed().as_secs_f64()
}

fn time_prediction(
    setup: &Setup<'_>,
    network: &UNet,
    case: &PreparedCase,
    dataset: &Dataset,
) -> Result<f64, BenchError> {
    let path = &dataset.training[0].images[0];
    let header = read_header(path).map_err(|source| BenchError::Image { case: case.id.clone(), source })?;
    let networks = [network.clone()];
    let Setup { plan, name, device, .. } = *setup;
    let predictor = Predictor { network: PlannedNetwork::new(plan, name), networks: &networks, device };
    let limit = MemoryLimit { bytes: usize::MAX, scratch: &plan.runtime.runs };
    Ok(median_seconds(setup.repetitions, || {
        let input = case.input(setup.plan.data.labels.len());
        let member = EnsembleMember { predictor: &predictor, image: input.view(), placement: &case.placement };
        let labels = predict_labels(&[member], header.geometry.spacing, &limit, &|_| ControlFlow::Continue(()), None);
        let _ = std::hint::black_box(labels);
    }))
}

/// Forward passes of a patch to predict one case.
fn passes_of(setup: &Setup<'_>, case: &PreparedCase) -> usize {
    let shape = Shape(case.labels().dim().into());
    count_passes(shape, setup.configuration.patch_size, &setup.plan.predict)
}
