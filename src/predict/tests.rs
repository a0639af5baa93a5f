//! Predictions of a small ensemble, with and without enough memory, watched and interrupted.

use std::ops::ControlFlow;
use std::path::Path;

use ndarray::Array4;

use super::*;
use crate::device::DeviceFailure;
use crate::network::testing::{build_unet, configuration, cpu};
use crate::network::{PlannedNetwork, UNet};
use crate::plan::schema::{Average, Configuration, ConfigurationName, Plan, Region, TileWeights};
use crate::preprocess::Placement;
use crate::run::listener::Tiles;
use crate::volume::{BoundingBox, Shape};

const NAMES: [ConfigurationName; 2] = [ConfigurationName::FullRes, ConfigurationName::TwoD];

/// A 3D and a 2D configuration with two networks each, and images larger than their patches.
struct Fixture {
    plan: Plan,
    networks: [Vec<UNet>; 2],
    images: [Array4<f32>; 2],
    placements: [Placement; 2],
}

impl Fixture {
    fn new() -> Self {
        let mut plan: Plan = crate::plan::testing::example();
        let in_3d = Configuration { batch_size: 3, ..configuration([8, 16, 16], [1, 2, 2], &[4, 8, 16]) };
        let in_2d = Configuration { batch_size: 5, ..configuration([1, 16, 16], [0, 2, 2], &[4, 8, 16]) };
        let networks = [&in_3d, &in_2d].map(|configuration| {
            (0..2).map(|seed| build_unet(configuration, (1, 3), seed, &cpu())).collect::<Vec<UNet>>()
        });
        plan.configurations.extend(NAMES.into_iter().zip([in_3d, in_2d]));
        let original = Shape([30, 28, 20]);
        let crop = BoundingBox { start: [2, 0, 1], end: [30, 28, 20] };
        let place = |slice_axis| Placement { original, crop, slice_axis };
        let wave = |(_, z, y, x): (usize, usize, usize, usize)| ((z * 7 + y * 3 + x) as f32 * 0.37).sin();
        let images = [Array4::from_shape_fn((1, 22, 28, 24), wave), Array4::from_shape_fn((1, 12, 25, 24), wave)];
        Self { plan, networks, images, placements: [place(0), place(2)] }
    }

    /// Labels with a limit of `bytes`, or of the minimum, and the memory that the prediction needs.
    fn predict(&self, bytes: Option<usize>, scratch: &Path) -> (Result<Array3<i16>, PredictError>, MemoryNeed) {
        self.predict_watched(bytes, scratch, &|_| ControlFlow::Continue(()))
    }

    fn predict_watched(
        &self,
        bytes: Option<usize>,
        scratch: &Path,
        on_tiles: &OnTiles<'_>,
    ) -> (Result<Array3<i16>, PredictError>, MemoryNeed) {
        let device = cpu();
        let predictor = |at: usize| {
            let network = PlannedNetwork::new(&self.plan, NAMES[at]);
            Predictor { network, networks: &self.networks[at], device: &device }
        };
        let predictors = [predictor(0), predictor(1)];
        let members = [0, 1].map(|at| EnsembleMember {
            predictor: &predictors[at],
            image: self.images[at].view(),
            placement: &self.placements[at],
        });
        let need = MemoryNeed::of(&members, false);
        let limit = MemoryLimit { bytes: bytes.unwrap_or(need.minimum), scratch };
        (predict_labels(&members, Spacing([1.0; 3]), &limit, on_tiles, None), need)
    }
}

#[test]
fn little_memory_gives_the_same_labels_as_much_memory() {
    let plan = Fixture::new().plan;
    let mut plans = [plan.clone(), plan.clone(), plan];
    for plan in &mut plans[1..] {
        plan.predict.average = Average::Logits;
        plan.predict.tile_weights = TileWeights::Half;
        plan.predict.mirror_axes = vec![2];
    }
    let region = |(name, value): (&str, u8)| Region { name: name.to_owned(), labels: vec![1, 2], value };
    plans[2].data.regions = [("a", 1), ("b", 2), ("c", 1)].map(region).to_vec();
    plans.into_iter().for_each(check_little_memory);
}

fn check_little_memory(plan: Plan) {
    let (fixture, folder) = (Fixture { plan, ..Fixture::new() }, tempfile::tempdir().unwrap());
    let (all, need) = fixture.predict(Some(usize::MAX), folder.path());
    assert!(need.minimum < need.maximum, "{need:?}");
    let (spilled, _) = fixture.predict(None, folder.path());
    let all = all.unwrap();
    assert_eq!(spilled.unwrap(), all);
    assert!(all.iter().any(|&label| label != all[[0, 0, 0]]), "more than one class is predicted");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no file is left in the scratch folder");

    let (refused, _) = fixture.predict(Some(need.minimum - 1), folder.path());
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("raise `runtime.memory_gib`") && message.ends_with("to 1"), "{message}");
}

#[test]
fn all_tiles_are_reported_and_an_interruption_stops_before_the_next_batch() {
    let (fixture, folder) = (Fixture::new(), tempfile::tempdir().unwrap());
    let seen = std::cell::RefCell::new(Vec::<Tiles>::new());
    let watch = |stop_at: Option<usize>| {
        seen.borrow_mut().clear();
        let on_tiles = |tiles| {
            seen.borrow_mut().push(tiles);
            if stop_at == Some(seen.borrow().len()) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        (
            fixture.predict_watched(Some(0), folder.path(), &on_tiles).0,
            fixture.predict_watched(None, folder.path(), &on_tiles).0,
        )
    };
    let (refused, whole) = watch(None);
    assert!(matches!(refused, Err(PredictError::TooLarge { .. })) && whole.is_ok());
    let all = seen.borrow().clone();
    for (configuration, batch) in [(ConfigurationName::FullRes, 3), (ConfigurationName::TwoD, 5)] {
        let done: Vec<usize> =
            all.iter().filter(|tiles| tiles.configuration == configuration).map(|tiles| tiles.done).collect();
        let total = all.iter().find(|tiles| tiles.configuration == configuration).unwrap().total;
        let expected: Vec<usize> = (1..=total.div_ceil(batch)).map(|at| (at * batch).min(total)).collect();
        assert_eq!(done, expected);
    }
    let of_first = all.iter().filter(|tiles| tiles.configuration == ConfigurationName::FullRes).count();
    for stop_at in [1, 4, of_first + 2] {
        let (_, interrupted) = watch(Some(stop_at));
        assert!(matches!(interrupted, Err(PredictError::Interrupted)));
        assert_eq!(seen.borrow().as_slice(), &all[..stop_at]);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no file is left in the scratch folder");
    let (_, finished) = watch(Some(all.len()));
    assert_eq!(finished.unwrap(), whole.unwrap(), "after the last tile there is nothing to interrupt");
}

#[test]
fn a_device_without_memory_is_reported_with_the_configuration() {
    let plan: Plan = crate::plan::testing::example();
    let network = PlannedNetwork::new(&plan, ConfigurationName::FullRes);
    let failure = DeviceFailure::OutOfMemory("can't allocate buffer".to_owned());
    let message = PredictError::of_device(failure, network).to_string();
    let expected = "the device is out of memory (can't allocate buffer) while predicting with `3d_fullres` (patch 40 × 56 × 40, batch 9)";
    assert!(message.starts_with(expected) && message.contains("1.5 GiB estimated for training"), "{message}");
}
