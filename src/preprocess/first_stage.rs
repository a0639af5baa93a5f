//! Predictions of the cascade's first stage, on the grid of the second stage, on disk.
//!
//! Input: classes, `[z, y, x]`, predicted by networks that were not trained on the case. Output: a file with one byte
//! per voxel, and the additional input channels of the second stage. Deliberately absent: the prediction (`predict`),
//! and which files are needed (`experiment`). Source: arXiv:1809.10486, 2.1.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::{Array3, Array4, ArrayView3, ArrayView4, Axis, Zip};
use serde::{Deserialize, Serialize};

use crate::preprocess::labels::class_of;
use crate::store::tensors::{self, TensorData, TensorFile, TensorFileError};

/// The network that predicted labels of the first stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Digest of the part of the plan that they depend on.
    pub digest: String,
    /// Fold of the network, counted from 0: the one whose validation cases include the case.
    pub fold: usize,
    /// Digest of the split that the network was trained with; `None` if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
}

impl Origin {
    /// Reads the origin of a file without its labels.
    ///
    /// # Errors
    ///
    /// If the file is missing or is no tensor file.
    pub fn of_file(path: &Path) -> Result<Self, TensorFileError> {
        TensorFile::peek(path)?.metadata()
    }

    /// Whether labels of this origin can be used as those of `wanted`. An unknown split counts as the same.
    pub fn fits(&self, wanted: &Self) -> bool {
        let same_split = self.split.is_none() || wanted.split.is_none() || self.split == wanted.split;
        self.digest == wanted.digest && self.fold == wanted.fold && same_split
    }
}

/// The first stage's prediction of one case.
#[derive(Debug)]
pub struct FirstStage {
    /// Its origin.
    pub origin: Origin,
    classes: Classes,
}

#[derive(Debug)]
enum Classes {
    /// A file on disk.
    Predicted { shape: [usize; 3], file: TensorFile },
    /// The reference, in memory.
    Reference(Array3<u8>),
}

impl FirstStage {
    /// Opens the prediction of a case and verifies its checksum.
    ///
    /// # Errors
    ///
    /// If the file is missing or damaged.
    pub fn open(path: &Path) -> Result<Self, TensorFileError> {
        let file = TensorFile::open(path)?;
        let origin = file.metadata()?;
        let (shape, _) = file.tensor::<u8>("labels")?;
        let shape = shape
            .try_into()
            .map_err(|_| file.damaged(format!("its labels have shape {shape:?}; expected `[z, y, x]`")))?;
        Ok(Self { origin, classes: Classes::Predicted { shape, file } })
    }

    /// Reference labels, `[z, y, x]`, instead of a prediction: for previews and benchmarks before the first stage is
    /// trained, never for training.
    pub fn from_reference(reference: ArrayView3<'_, i16>) -> Self {
        let classes = reference.mapv(|label| u8::try_from(class_of(label)).unwrap_or(0));
        Self { origin: Origin { digest: String::new(), fold: 0, split: None }, classes: Classes::Reference(classes) }
    }

    /// Classes, `[z, y, x]` on the grid of the second stage.
    pub fn labels(&self) -> ArrayView3<'_, u8> {
        match &self.classes {
            Classes::Predicted { shape, file } => {
                let (_, labels) = file.tensor("labels").expect("`open` has read this tensor");
                ArrayView3::from_shape(*shape, labels).expect("`open` has checked this shape")
            }
            Classes::Reference(classes) => classes.view(),
        }
    }
}

/// Writes the prediction of one case.
///
/// # Errors
///
/// If the file cannot be written.
pub fn write(path: &Path, labels: &Array3<u8>, origin: &Origin) -> Result<(), TensorFileError> {
    let values = labels.as_slice().expect("new labels are in row-major order");
    let all = BTreeMap::from([("labels".to_owned(), TensorData::new(labels.shape(), values))]);
    tensors::write(path, &all, origin)
}

/// One mask, `[z, y, x]`, per class from 1 to `foreground`.
pub fn one_hot(labels: ArrayView3<'_, u8>, foreground: usize) -> Vec<Array3<bool>> {
    (1..=foreground).map(|class| labels.mapv(|label| usize::from(label) == class)).collect()
}

/// An image, `[c, z, y, x]`, with one more channel per mask: 1 inside, 0 outside.
///
/// # Panics
///
/// If a mask has another shape than the image.
pub fn append_masks(image: ArrayView4<'_, f32>, masks: &[Array3<bool>]) -> Array4<f32> {
    let (channels, z, y, x) = image.dim();
    let mut all = Array4::zeros((channels + masks.len(), z, y, x));
    let (mut channels_of_image, mut channels_of_masks) = all.view_mut().split_at(Axis(0), channels);
    channels_of_image.assign(&image);
    for (mut channel, mask) in channels_of_masks.outer_iter_mut().zip(masks) {
        Zip::from(&mut channel).and(mask).for_each(|value, &inside| *value = f32::from(u8::from(inside)));
    }
    all
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn labels_are_read_back_with_their_origin() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seed_1/next_stage/case.safetensors");
        let labels = Array3::from_shape_fn((2, 3, 4), |(z, y, x)| ((z + y + x) % 3) as u8);
        let origin = Origin { digest: "abc".to_owned(), fold: 3, split: Some("def".to_owned()) };
        write(&path, &labels, &origin).unwrap();
        let read = FirstStage::open(&path).unwrap();
        assert_eq!((read.labels(), &read.origin), (labels.view(), &origin));
        assert_eq!(Origin::of_file(&path).unwrap(), origin);
        let unknown = Origin { split: None, ..origin.clone() };
        assert!(unknown.fits(&origin) && origin.fits(&unknown));
        assert!(!origin.fits(&Origin { split: Some("other".to_owned()), ..origin.clone() }));
        assert!(!unknown.fits(&Origin { fold: 2, ..origin.clone() }));
    }

    #[test]
    fn classes_become_channels_after_those_of_the_image() {
        let labels = array![[[0_u8, 1, 2, 2]]];
        let image = array![[[[0.5_f32, -1.0, 2.0, 3.0]]]];
        let all = append_masks(image.view(), &one_hot(labels.view(), 2));
        assert_eq!(all, array![[[[0.5_f32, -1.0, 2.0, 3.0]]], [[[0.0, 1.0, 0.0, 0.0]]], [[[0.0, 0.0, 1.0, 1.0]]]]);
    }
}
