//! A prepared case on disk, read through a memory map.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::{ArrayView3, ArrayView4, CowArray, Ix4};
use serde::{Deserialize, Serialize};

use crate::dataset::CaseId;
use crate::preprocess::cache::PreprocessError;
use crate::preprocess::first_stage::{FirstStage, beside, one_hot};
use crate::preprocess::{Placement, Prepared};
use crate::run::folder::prepared_case;
use crate::store::tensors::{self, TensorData, TensorFile, TensorFileError};

/// What a prepared file says of itself.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    placement: Placement,
    /// Digest of what the files held that it was made of.
    pub(super) source: String,
}

/// A prepared case, open on disk.
#[derive(Debug)]
pub struct PreparedCase {
    /// Name of the case.
    pub id: CaseId,
    /// How its grid lies in the original image.
    pub placement: Placement,
    image: [usize; 4],
    classes: Vec<u8>,
    file: TensorFile,
    first_stage: Option<FirstStage>,
}

impl PreparedCase {
    /// Opens a prepared case and checks that it is whole.
    ///
    /// # Errors
    ///
    /// When the file is missing or damaged.
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

    /// Refuses a case whose labels or places are not those of `foreground` classes, in a file without a checksum, which an earlier
    /// version wrote.
    ///
    /// # Errors
    ///
    /// When it has another label, or a place outside of it.
    pub(super) fn check(&self, foreground: usize) -> Result<(), TensorFileError> {
        if self.file.is_verified() {
            return Ok(());
        }
        let known = -1..=foreground as i16;
        if let Some(label) = self.labels().iter().find(|label| !known.contains(label)) {
            return Err(self.file.damaged(format!("it has the label {label}; expected -1 to {foreground}")));
        }
        let [_, shape @ ..] = self.image;
        let is_outside = |place: &[u32; 3]| place.iter().zip(shape).any(|(&at, size)| at as usize >= size);
        for &class in &self.classes {
            if usize::from(class) > foreground || class == 0 {
                return Err(self.file.damaged(format!("it has places of class {class}; expected 1 to {foreground}")));
            }
            if let Some(place) = self.foreground(class).iter().find(|place| is_outside(place)) {
                return Err(self
                    .file
                    .damaged(format!("class {class} has the place {place:?} in a shape of {shape:?}")));
            }
        }
        Ok(())
    }

    /// The case together with what the cascade's first stage says of it, in a file of [`first_stage`](super::first_stage).
    ///
    /// # Errors
    ///
    /// When that file is missing or damaged, or is on another grid.
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

    /// The case together with its own labels in place of what the first stage says of it; see [`FirstStage::stand_in`].
    #[must_use]
    pub fn with_stand_in(self) -> Self {
        let first_stage = FirstStage::stand_in(self.labels());
        Self { first_stage: Some(first_stage), ..self }
    }

    /// What the cascade's first stage says of the case, where that was asked for.
    pub fn first_stage(&self) -> Option<&FirstStage> {
        self.first_stage.as_ref()
    }

    /// What a network sees of the whole case, `[c, z, y, x]`: the image, and behind it one channel for each of so many
    /// foreground classes where there is a first stage.
    pub fn input(&self, foreground: usize) -> CowArray<'_, f32, Ix4> {
        match &self.first_stage {
            None => self.image().into(),
            Some(first_stage) => beside(self.image(), &one_hot(first_stage.labels(), foreground)).into(),
        }
    }

    /// Normalised intensities, `[c, z, y, x]`.
    pub fn image(&self) -> ArrayView4<'_, f32> {
        let (_, voxels) = self.file.tensor("image").expect("`open` has read this tensor");
        ArrayView4::from_shape(self.image, voxels).expect("`open` has checked this shape")
    }

    /// Labels, `[z, y, x]`; below 0 outside of the non-zero mask (see [`class_of`](super::class_of)).
    pub fn labels(&self) -> ArrayView3<'_, i16> {
        let (_, labels) = self.file.tensor("labels").expect("`open` has read this tensor");
        let [_, z, y, x] = self.image;
        ArrayView3::from_shape((z, y, x), labels).expect("`open` has checked this shape")
    }

    /// Classes that the case has voxels of, ascending.
    pub fn classes(&self) -> &[u8] {
        &self.classes
    }

    /// Some voxels of a class, `[z, y, x]`, in raster order; none of a class that the case lacks.
    pub fn foreground(&self, class: u8) -> &[[u32; 3]] {
        match self.file.tensor::<u32>(&foreground_name(class)) {
            Ok((_, voxels)) => bytemuck::cast_slice(voxels),
            Err(_) => &[],
        }
    }
}

fn foreground_name(class: u8) -> String {
    // Zero-padded, so that the file's order of names is the order of numbers.
    format!("foreground.{class:03}")
}

/// Writes a case; `source` is the digest of what its files held.
pub(super) fn write_prepared(
    folder: &Path,
    id: &CaseId,
    source: String,
    case: &Prepared,
) -> Result<(), TensorFileError> {
    let image = case.image.as_slice().expect("a prepared image is in standard order");
    let labels = case.labels.as_slice().expect("prepared labels are in standard order");
    let mut all = BTreeMap::from([
        ("image".to_owned(), TensorData::new(case.image.shape(), image)),
        ("labels".to_owned(), TensorData::new(case.labels.shape(), labels)),
    ]);
    for (&class, voxels) in &case.foreground {
        all.insert(foreground_name(class), TensorData::new(&[voxels.len(), 3], voxels.as_flattened()));
    }
    tensors::write(&prepared_case(folder, &id.0), &all, &Header { placement: case.placement, source })
}
