//! Imported models against every intermediate array of nnU-Net's own prediction.
//!
//! Two models are committed (`tests/reference/nnunet_model.py` makes them); three larger ones are tested where `$SEGPLAN_TEST_DATA` has
//! `nnunet-v2-models`.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use burn::tensor::{Tensor, TensorData};
use bytemuck::{Pod, pod_read_unaligned};
use ndarray::{Array, Array3, Array4, ArrayD, ArrayView4, Axis, Dimension};
use safetensors::SafeTensors;

use super::{FINAL_CHECKPOINT, ModelImport, import_model};
use crate::device::open_device;
use crate::network::{PlannedNetwork, UNet};
use crate::plan::read::load_resolved;
use crate::plan::schema::{Plan, TileWeights};
use crate::predict::{EnsembleMember, MemoryLimit, Predictor, predict_labels};
use crate::preprocess::{Prepared, prepare};
use crate::run::folder::RunFolder;
use crate::run::{Listener, NetworkId};
use crate::units::GIB;
use crate::volume::Image;
use crate::volume::io::testing::read_image;

/// Largest difference relative to the largest value of an array, where nothing is rounded.
const TOLERANCE: f32 = 1e-4;
/// The same for means over tiles, which nnU-Net computes in half precision.
const HALF_SUMS: f32 = 1.0 / 256.0;
/// The same where all tiles have a weight near 0, whose products lose most of their digits there; that is at most one value in 100.
const SMALL_WEIGHTS: f32 = 1.0 / 32.0;

struct Silent;

impl Listener for Silent {}

/// A model folder, imported as a run.
struct Imported {
    model: PathBuf,
    plan: Plan,
    networks: Vec<(NetworkId, UNet)>,
    _folder: tempfile::TempDir,
}

impl Imported {
    fn new(model: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("runs/imported");
        let request = ModelImport { model: &model, run: &run, checkpoint: FINAL_CHECKPOINT };
        let ids = import_model(&request, &Silent).unwrap().networks;
        let run = RunFolder { root: run };
        let plan = load_resolved(&run.resolved_plan()).unwrap().plan;
        let device = open_device("cpu").unwrap();
        let load = |id: NetworkId| {
            let network = PlannedNetwork::new(&plan, id.configuration);
            (id, network.load(&run.network(id).weights(), &device).unwrap())
        };
        let networks = ids.into_iter().map(load).collect();
        Self { model, plan, networks, _folder: folder }
    }

    /// All models that there are.
    fn all() -> Vec<Self> {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        let mut models = ["nnunet-model-plain", "nnunet-model-resenc"].map(|name| golden.join(name)).to_vec();
        if let Some(data) = std::env::var_os("SEGPLAN_TEST_DATA") {
            let folder = Path::new(&data).join("nnunet-v2-models");
            models.extend(["plain-aniso", "resenc-regions", "plain-2d"].map(|name| folder.join(name)));
        }
        models.into_iter().map(Self::new).collect()
    }

    fn network(&self) -> PlannedNetwork<'_> {
        PlannedNetwork::new(&self.plan, self.networks[0].0.configuration)
    }

    fn image(&self) -> Image {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(self.model.join("input")).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        read_image(&files).unwrap()
    }

    fn prepared(&self) -> Prepared {
        let network = self.network();
        prepare(self.image(), None, &self.plan.preprocess, network.configuration(), GIB).unwrap()
    }

    /// An array of `golden.safetensors`.
    fn golden<T: Pod, D: Dimension>(&self, name: &str) -> Array<T, D> {
        let bytes = std::fs::read(self.model.join("golden.safetensors")).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let tensor = file.tensor(name).unwrap();
        let values: Vec<T> = tensor.data().chunks_exact(size_of::<T>()).map(pod_read_unaligned).collect();
        Array::from_shape_vec(tensor.shape(), values).unwrap().into_dimensionality().unwrap()
    }

    /// Logits of a prepared case, `[output, z, y, x]`: the mean over the first `folds` networks.
    fn logits(&self, plan: &Plan, folds: usize, image: ArrayView4<'_, f32>) -> Array4<f32> {
        let networks: Vec<UNet> = self.networks[..folds].iter().map(|(_, network)| network.clone()).collect();
        let device = open_device("cpu").unwrap();
        let network = PlannedNetwork::new(plan, self.networks[0].0.configuration);
        let predictor = Predictor { network, networks: &networks, device: &device };
        let mut all = Array4::zeros((network.outputs(), image.dim().1, image.dim().2, image.dim().3));
        let take = &mut |z: usize, slice: ndarray::ArrayView3<'_, f32>| {
            all.index_axis_mut(Axis(1), z).assign(&slice);
            Ok(())
        };
        predictor.predict_slices(image, &|_| ControlFlow::Continue(()), take).unwrap();
        all
    }

    /// Asserts that differences are those of sums in half precision.
    fn assert_close_to_half_sums(&self, name: &str, found: &Array4<f32>) {
        self.assert_close(name, found, SMALL_WEIGHTS);
        let expected: Array4<f32> = self.golden(name);
        let largest = expected.fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let is_far = |(found, expected): &(&f32, &f32)| (*found - *expected).abs() > HALF_SUMS * largest;
        let far = found.iter().zip(&expected).filter(is_far).count();
        assert!(100 * far <= found.len(), "{name} of {}: {far} of {} differ", self.model.display(), found.len());
    }

    /// Asserts that the largest difference is at most `tolerance` of the largest value.
    fn assert_close<D: Dimension>(&self, name: &str, found: &Array<f32, D>, tolerance: f32) {
        let expected: Array<f32, D> = self.golden(name);
        assert_eq!(found.shape(), expected.shape(), "{name} of {}", self.model.display());
        let largest = expected.fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let differences = found.iter().zip(&expected).map(|(found, expected)| (found - expected).abs());
        let difference = differences.fold(0.0, f32::max) / largest;
        assert!(difference <= tolerance, "{name} of {}: {difference:e} of the largest value", self.model.display());
    }
}

#[test]
fn images_are_prepared_as_by_nnunet() {
    for model in Imported::all() {
        model.assert_close("preprocessed", &model.prepared().image, TOLERANCE);
    }
}

#[test]
fn all_outputs_of_a_network_are_those_of_pytorch() {
    for model in Imported::all() {
        let input: ArrayD<f32> = model.golden("forward_input");
        let mut shape = input.shape().to_vec();
        if shape.len() == 4 {
            shape.insert(2, 1);
        }
        let values = input.iter().copied().collect::<Vec<_>>();
        let input = Tensor::<5>::from_data(TensorData::new(values, shape), &open_device("cpu").unwrap());
        for (level, output) in model.networks[0].1.forward_all(input).into_iter().enumerate() {
            let mut shape = output.dims().to_vec();
            if model.network().name().is_2d() {
                shape.remove(2);
            }
            let values = crate::network::weights::values(output);
            let found = ArrayD::from_shape_vec(shape, values).unwrap();
            model.assert_close(&format!("forward_head_{level}"), &found, TOLERANCE);
        }
    }
}

#[test]
fn logits_are_averaged_over_tiles_mirrored_copies_and_folds_as_by_nnunet() {
    for model in Imported::all() {
        let prepared = model.prepared();
        let image = prepared.image.view();
        let mut plain = model.plan.clone();
        plain.predict.test_time_mirroring = false;
        // Weights that are equal everywhere.
        plain.predict.tile_weights = TileWeights::Single;
        plain.predict.gaussian_sigma_fraction = 1e6;
        model.assert_close("logits_first_fold_plain_tiles", &model.logits(&plain, 1, image), HALF_SUMS);
        model.assert_close_to_half_sums("logits_first_fold", &model.logits(&model.plan, 1, image));
        model.assert_close_to_half_sums("logits", &model.logits(&model.plan, model.networks.len(), image));
    }
}

#[test]
fn labels_and_probabilities_are_those_of_nnunet() {
    for model in Imported::all() {
        let prepared = model.prepared();
        let networks: Vec<UNet> = model.networks.iter().map(|(_, network)| network.clone()).collect();
        let device = open_device("cpu").unwrap();
        let predictor = Predictor { network: model.network(), networks: &networks, device: &device };
        let member =
            EnsembleMember { predictor: &predictor, image: prepared.image.view(), placement: &prepared.placement };
        let segmentation: Array3<u8> = model.golden("segmentation");
        let probabilities: Array4<f32> = model.golden("probabilities");
        let mut found = Array4::zeros(probabilities.dim());
        let on_channel = &mut |channel: usize, values: ndarray::ArrayView3<'_, f32>| {
            found.index_axis_mut(Axis(0), channel).assign(&values);
            Ok(())
        };
        let scratch = tempfile::tempdir().unwrap();
        let limit = MemoryLimit::from_gib(1, scratch.path());
        let spacing = model.image().geometry.spacing;
        let labels =
            predict_labels(&[member], spacing, &limit, &|_| ControlFlow::Continue(()), Some(on_channel)).unwrap();
        model.assert_close("probabilities", &found, 4.0 * HALF_SUMS);
        let differing = labels.iter().zip(&segmentation).filter(|(found, expected)| **found != i16::from(**expected));
        let (differing, name) = (differing.count(), model.model.display());
        assert!(differing <= 1 + labels.len() / 100_000, "{name}: {differing} of {} labels", labels.len());
    }
}
