//! A prepared case on disk, read through a memory map.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::{ArrayView3, ArrayView4, CowArray, Ix4};
use serde::{Deserialize, Serialize};

use crate::dataset::CaseId;
use crate::preprocess::error::PreprocessError;
use crate::preprocess::first_stage::{FirstStage, append_masks, one_hot};
use crate::preprocess::prepared::{Placement, Prepared};
use crate::run::folder::prepared_case;
use crate::store::tensors::{TensorData, TensorFile, TensorFileError, write};

/// The metadata of a prepared file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    placement: Placement,
    /// Digest of the files that it was computed from.
    pub(super) source: String,
}

/// A prepared case, open on disk.
#[derive(Debug)]
pub struct PreparedCase {
    /// The case.
    pub id: CaseId,
    /// Position of its grid in the original image.
    pub placement: Placement,
    image: [usize; 4],
    classes: Vec<u8>,
    file: TensorFile,
    first_stage: Option<FirstStage>,
}

impl PreparedCase {
    /// Opens a prepared case and checks that it is intact.
    ///
    /// # Errors
    ///
    /// If the file is missing or damaged.
    pub fn open(folder: &Path, id: &CaseId) -> Result<Self, PreprocessError> {
        let file = TensorFile::open(&prepared_case(folder, &id.0))?;
        let header: Header = file.metadata()?;
        let (shape, _) = file.tensor::<f32>("image")?;
        let image: [usize; 4] = shape
            .try_into()
            .map_err(|_| file.damaged(format!("its image has shape {shape:?}; expected `[c, z, y, x]`")))?;
        let (shape, _) = file.tensor::<i16>("labels")?;
        if shape != &image[1..] {
            return Err(file.damaged(format!("labels of shape {shape:?} for an image of shape {image:?}")).into());
        }
        let classes: Vec<u8> = file.names().filter_map(|name| name.strip_prefix("foreground.")?.parse().ok()).collect();
        for class in &classes {
            file.tensor::<u32>(&foreground_name(*class))?;
        }
        Ok(Self { id: id.clone(), placement: header.placement, image, classes, file, first_stage: None })
    }

    /// Checks the labels and sampled voxels of a file without a checksum, which an earlier version wrote.
    ///
    /// # Errors
    ///
    /// If it has a label outside the `foreground` classes, or a voxel outside the image.
    pub(super) fn check(&self, foreground: usize) -> Result<(), TensorFileError> {
        if self.file.is_verified() {
            return Ok(());
        }
        let known = -1..=foreground as i16;
        if let Some(label) = self.labels().iter().find(|label| !known.contains(label)) {
            return Err(self.file.damaged(format!("it has the label {label}; expected -1 to {foreground}")));
        }
        let [_, shape @ ..] = self.image;
        let is_outside = |voxel: &[u32; 3]| voxel.iter().zip(shape).any(|(&index, size)| index as usize >= size);
        for &class in &self.classes {
            if usize::from(class) > foreground || class == 0 {
                return Err(self.file.damaged(format!("it has voxels of class {class}; expected 1 to {foreground}")));
            }
            if let Some(voxel) = self.foreground(class).iter().find(|voxel| is_outside(voxel)) {
                return Err(self
                    .file
                    .damaged(format!("class {class} has the voxel {voxel:?}, outside the shape {shape:?}")));
            }
        }
        Ok(())
    }

    /// Adds the prediction of the cascade's first stage, from a file of [`first_stage`](super::first_stage).
    ///
    /// # Errors
    ///
    /// If that file is missing or damaged, or has another grid.
    pub fn with_first_stage(self, path: &Path) -> Result<Self, PreprocessError> {
        let first_stage = FirstStage::open(path)?;
        let found = first_stage.labels().shape().to_vec();
        if found != self.image[1..] {
            return Err(self
                .file
                .damaged(format!("its image is {:?}, `{}` is {found:?}", self.image, path.display()))
                .into());
        }
        Ok(Self { first_stage: Some(first_stage), ..self })
    }

    /// Uses the case's own labels as the prediction of the first stage; see [`FirstStage::from_reference`].
    #[must_use]
    pub fn with_reference_as_first_stage(self) -> Self {
        let first_stage = FirstStage::from_reference(self.labels());
        Self { first_stage: Some(first_stage), ..self }
    }

    /// The prediction of the cascade's first stage, if it was added.
    pub fn first_stage(&self) -> Option<&FirstStage> {
        self.first_stage.as_ref()
    }

    /// The network's input for the whole case, `[c, z, y, x]`: the image and, with a first stage, one more channel per
    /// foreground class.
    pub fn input(&self, foreground: usize) -> CowArray<'_, f32, Ix4> {
        match &self.first_stage {
            None => self.image().into(),
            Some(first_stage) => append_masks(self.image(), &one_hot(first_stage.labels(), foreground)).into(),
        }
    }

    /// Normalised intensities, `[c, z, y, x]`.
    pub fn image(&self) -> ArrayView4<'_, f32> {
        let (_, voxels) = self.file.tensor("image").expect("`open` has read this tensor");
        ArrayView4::from_shape(self.image, voxels).expect("`open` has checked this shape")
    }

    /// Labels, `[z, y, x]`; negative outside the non-zero mask (see [`class_of`](super::class_of)).
    pub fn labels(&self) -> ArrayView3<'_, i16> {
        let (_, labels) = self.file.tensor("labels").expect("`open` has read this tensor");
        let [_, z, y, x] = self.image;
        ArrayView3::from_shape((z, y, x), labels).expect("`open` has checked this shape")
    }

    /// Foreground classes of the case, ascending.
    pub fn classes(&self) -> &[u8] {
        &self.classes
    }

    /// Sampled voxels of a class, `[z, y, x]`, in raster order; empty if the case lacks the class.
    pub fn foreground(&self, class: u8) -> &[[u32; 3]] {
        match self.file.tensor::<u32>(&foreground_name(class)) {
            Ok((_, voxels)) => bytemuck::cast_slice(voxels),
            Err(_) => &[],
        }
    }
}

fn foreground_name(class: u8) -> String {
    // Zero-padded, so that the order of names is the order of classes.
    format!("foreground.{class:03}")
}

/// Writes a case; `source` is the digest of its files.
pub(super) fn write_prepared(
    folder: &Path,
    id: &CaseId,
    source: String,
    case: &Prepared,
) -> Result<(), TensorFileError> {
    let image = case.image.as_slice().expect("a prepared image is in row-major order");
    let labels = case.labels.as_slice().expect("prepared labels are in row-major order");
    let mut tensors = BTreeMap::from([
        ("image".to_owned(), TensorData::new(case.image.shape(), image)),
        ("labels".to_owned(), TensorData::new(case.labels.shape(), labels)),
    ]);
    for (&class, voxels) in &case.foreground {
        tensors.insert(foreground_name(class), TensorData::new(&[voxels.len(), 3], voxels.as_flattened()));
    }
    write(&prepared_case(folder, &id.0), &tensors, &Header { placement: case.placement, source })
}
