//! Times of what needs the plan's data set: preprocessing, the loader, and the prediction of a case.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use crate::bench::error::BenchError;
use crate::bench::{Bench, median};
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

/// Cases of the cascade's second stage that are looked at: their stand-ins are in memory.
const MOST_STAND_INS: usize = 8;

/// Times that need the data set.
pub(super) struct DataTimings {
    pub(super) preprocess_case_s: f64,
    pub(super) loader_patches_per_s: f64,
    pub(super) predict_case_s: f64,
    pub(super) predict_passes: usize,
}

impl DataTimings {
    pub(super) fn measure(bench: &Bench<'_>, network: &UNet, dataset: &Dataset) -> Result<Self, BenchError> {
        let folder = prepared_folder(&bench.plan.runtime.runs, &stage_digests(bench.plan, bench.name).preprocess);
        let (plan, configuration) = (bench.plan, bench.configuration);
        let contents = &hash_contents(&plan.runtime.runs, dataset, bench.events, KeepDigests::Yes)?;
        bench.events.begin("preparing cases", dataset.training.len());
        let preparation = Preparation { dataset, contents, plan, configuration, folder: &folder };
        let made = preparation.make(&AtomicBool::new(false), &|| bench.events.advance());
        bench.events.end();
        made?;
        bench.events.say("timing preprocessing, loader and prediction");
        let second_stage = bench.name == ConfigurationName::Cascade;
        if second_stage {
            bench
                .events
                .say("the reference labels stand in for the first stage, whose own time is not in the prediction's");
        }
        let most = if second_stage { MOST_STAND_INS } else { dataset.training.len() };
        let open = |case: &Case| {
            let opened = preparation.open(&case.id, &|damage| bench.events.replacing(damage))?;
            Ok(if second_stage { opened.with_reference_as_first_stage() } else { opened })
        };
        let cases: Vec<PreparedCase> =
            dataset.training.iter().take(most).map(open).collect::<Result<_, BenchError>>()?;
        Ok(Self {
            preprocess_case_s: preprocess_case(bench, &dataset.training[0])?,
            loader_patches_per_s: loader(bench, &cases),
            predict_case_s: predict_case(bench, network, &cases[0], dataset)?,
            predict_passes: passes(bench, &cases[0]),
        })
    }
}

fn preprocess_case(bench: &Bench<'_>, case: &Case) -> Result<f64, BenchError> {
    let once = || -> Result<(), Issues> {
        let (image, labels) = read_case(case, &bench.plan.expected())?;
        let prepared = prepare(image, Some(labels), &bench.plan.preprocess, bench.configuration, u64::MAX);
        let _ = std::hint::black_box(prepared);
        Ok(())
    };
    once()?;
    Ok(median(bench.repetitions, || {
        let _ = std::hint::black_box(once());
    }))
}

fn loader(bench: &Bench<'_>, cases: &[PreparedCase]) -> f64 {
    let folder = FoldFolder { root: PathBuf::new() };
    let job = Job {
        network: PlannedNetwork::new(bench.plan, bench.name),
        fold: 0,
        seed: 0,
        training: cases,
        validation: cases,
        folder: &folder,
        digest: "",
        device: bench.device,
        workers: rayon::current_num_threads(),
    };
    let epoch = EpochBatches::new(&job, CaseSet::Training, 0);
    let batches = bench.repetitions + 1;
    let mut begun = Instant::now();
    let done = for_each_batch(0..batches, job.workers, &|step| epoch.batch(step), |step, _| {
        if step == 0 {
            begun = Instant::now();
        }
        Ok::<(), std::convert::Infallible>(())
    });
    let Ok(()) = done;
    (bench.repetitions * bench.configuration.batch_size) as f64 / begun.elapsed().as_secs_f64()
}

fn predict_case(bench: &Bench<'_>, network: &UNet, case: &PreparedCase, dataset: &Dataset) -> Result<f64, BenchError> {
    let path = &dataset.training[0].images[0];
    let header = read_header(path).map_err(|source| BenchError::Image { case: case.id.clone(), source })?;
    let networks = [network.clone()];
    let Bench { plan, name, device, .. } = *bench;
    let predictor = Predictor { network: PlannedNetwork::new(plan, name), networks: &networks, device };
    let limit = MemoryLimit { bytes: usize::MAX, scratch: &plan.runtime.runs };
    Ok(median(bench.repetitions, || {
        let input = case.input(bench.plan.data.labels.len());
        let member = EnsembleMember { predictor: &predictor, image: input.view(), placement: &case.placement };
        let labels = predict_labels(&[member], header.geometry.spacing, &limit, &|_| ControlFlow::Continue(()), None);
        let _ = std::hint::black_box(labels);
    }))
}

/// Passes of a patch through the network for one case.
fn passes(bench: &Bench<'_>, case: &PreparedCase) -> usize {
    let shape = Shape(case.labels().dim().into());
    count_passes(shape, bench.configuration.patch_size, &bench.plan.predict)
}
