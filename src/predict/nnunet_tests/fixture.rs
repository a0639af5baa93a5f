//! A model folder that nnU-Net 2.8.1 trained on synthetic images, with every intermediate array of a prediction.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bytemuck::{Pod, pod_read_unaligned};
use ndarray::{Array, Dimension, Ix4};
use safetensors::SafeTensors;
use serde_json::Value;

use crate::plan::schema::{
    Average, Configuration, ConfigurationName, Intensities, Normalization, Plan, Preprocess, PreprocessingOrder,
    Region, TileWeights,
};
use crate::plan::testing::example;
use crate::volume::axes::{permute_back, slice_first};
use crate::volume::io::testing::read_image;
use crate::volume::{Image, Shape, Spacing};

/// The committed model folders (`tests/reference/nnunet_model.py`), and the configuration of each.
const COMMITTED: [(&str, ConfigurationName); 2] =
    [("nnunet-model-plain", ConfigurationName::FullRes), ("nnunet-model-resenc", ConfigurationName::TwoD)];
/// Larger model folders, and the configuration of each.
const MODELS: [(&str, ConfigurationName); 3] = [
    ("plain-aniso", ConfigurationName::FullRes),
    ("resenc-regions", ConfigurationName::FullRes),
    ("plain-2d", ConfigurationName::TwoD),
];

/// A model folder.
pub(super) struct Model {
    folder: PathBuf,
    pub(super) name: &'static str,
    /// The plan that its files amount to.
    pub(super) plan: Plan,
    pub(super) configuration: Configuration,
}

impl Model {
    /// The committed model folders, and those of `nnunet-v2-models` in the folder `$SEGPLAN_TEST_DATA`, if it is set.
    pub(super) fn all() -> Vec<Self> {
        let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        let mut all: Vec<Self> =
            COMMITTED.map(|(name, configuration)| Self::read(committed.join(name), name, configuration)).into();
        if let Some(data) = std::env::var_os("SEGPLAN_TEST_DATA") {
            let folder = Path::new(&data).join("nnunet-v2-models");
            all.extend(MODELS.map(|(name, configuration)| Self::read(folder.join(name), name, configuration)));
        }
        all
    }

    fn read(folder: PathBuf, name: &'static str, configuration: ConfigurationName) -> Self {
        let json =
            |file: &str| -> Value { serde_json::from_str(&fs::read_to_string(folder.join(file)).unwrap()).unwrap() };
        let (plans, dataset) = (json("plans.json"), json("dataset.json"));
        let entry = &plans["configurations"][configuration.as_str()];
        let mut plan = example();
        let count = dataset["channel_names"].as_object().unwrap().len();
        plan.data.channels = (0..count).map(|channel| format!("channel {channel}")).collect();
        (plan.data.labels, plan.data.regions) = labels_and_regions(&dataset);
        plan.preprocess = preprocess(&plans, entry);
        plan.predict.average = Average::Logits;
        plan.predict.tile_weights = TileWeights::Half;
        let full = example().configurations[&ConfigurationName::FullRes].clone();
        let slice_axis = plans["transpose_forward"][0].as_u64().unwrap() as usize;
        let configuration = Configuration { slice_axis, ..full };
        let spacing: Vec<f64> = serde_json::from_value(entry["spacing"].clone()).unwrap();
        let spacing_mm = Spacing(permute_back(with_slice_axis(&spacing, 0.0), slice_first(slice_axis)));
        let patch: Vec<usize> = serde_json::from_value(entry["patch_size"].clone()).unwrap();
        let configuration =
            Configuration { spacing_mm, patch_size: Shape(with_slice_axis(&patch, 1)), ..configuration };
        Self { folder, name, plan, configuration }
    }

    /// The input image.
    pub(super) fn image(&self) -> Image {
        let mut files: Vec<PathBuf> =
            fs::read_dir(self.folder.join("input")).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        read_image(&files).unwrap()
    }

    /// An array of `golden.safetensors`.
    pub(super) fn golden<T: Pod, D: Dimension>(&self, name: &str) -> Array<T, D> {
        let bytes = fs::read(self.folder.join("golden.safetensors")).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let tensor = file.tensor(name).unwrap();
        let values: Vec<T> = tensor.data().chunks_exact(size_of::<T>()).map(pod_read_unaligned).collect();
        Array::from_shape_vec(tensor.shape(), values).unwrap().into_dimensionality().unwrap()
    }

    /// Logits of all folds on the prepared grid, `[channel, z, y, x]`.
    pub(super) fn logits(&self) -> Array<f32, Ix4> {
        self.golden("logits")
    }
}

/// Values of three axes; those of 2D get one for the slice axis.
fn with_slice_axis<T: Copy>(values: &[T], slice: T) -> [T; 3] {
    match *values {
        [y, x] => [slice, y, x],
        [z, y, x] => [z, y, x],
        _ => panic!("{} axes", values.len()),
    }
}

fn labels_and_regions(dataset: &Value) -> (BTreeMap<u8, String>, Vec<Region>) {
    let text = dataset["labels"].as_object().unwrap();
    let mut labels = BTreeMap::new();
    let mut unions: Vec<(String, Vec<u8>)> = Vec::new();
    let has_regions = text.values().any(|value| value.as_array().is_some_and(|labels| labels.len() > 1));
    for (name, value) in text {
        match value.as_u64() {
            Some(label) if label > 0 && has_regions => unions.push((name.clone(), vec![label as u8])),
            Some(0) => (),
            Some(label) => _ = labels.insert(label as u8, name.clone()),
            None => unions.push((name.clone(), serde_json::from_value(value.clone()).unwrap())),
        }
    }
    // serde_json sorts the names; in these files, each region is inside of the one before it.
    unions.sort_by_key(|(_, labels)| std::cmp::Reverse(labels.len()));
    let values = dataset["regions_class_order"].as_array().into_iter().flatten();
    let region = |((name, labels), value): ((String, Vec<u8>), &Value)| Region {
        name,
        labels,
        value: value.as_u64().unwrap() as u8,
    };
    let regions: Vec<Region> = unions.into_iter().zip(values).map(region).collect();
    for label in regions.iter().flat_map(|region| &region.labels) {
        labels.insert(*label, format!("label {label}"));
    }
    (labels, regions)
}

fn preprocess(plans: &Value, entry: &Value) -> Preprocess {
    let scheme = |name: &Value| match name.as_str().unwrap() {
        "CTNormalization" => Normalization::Ct,
        "ZScoreNormalization" => Normalization::ZScore,
        other => panic!("{other}"),
    };
    let known = plans["foreground_intensity_properties_per_channel"].as_object().unwrap();
    let number = |known: &Value, key: &str| known[key].as_f64().unwrap();
    let intensities = |known: &Value| Intensities {
        mean: number(known, "mean"),
        sd: number(known, "std"),
        p00_5: number(known, "percentile_00_5"),
        p99_5: number(known, "percentile_99_5"),
    };
    Preprocess {
        order: PreprocessingOrder::NormalizeFirst,
        image_order: 3,
        label_order: 1,
        anisotropy_threshold: 3.0,
        normalization_scheme: entry["normalization_schemes"].as_array().unwrap().iter().map(scheme).collect(),
        normalize_in_mask: entry["use_mask_for_norm"].as_array().unwrap().contains(&Value::Bool(true)),
        intensities: known.values().map(intensities).collect(),
    }
}
