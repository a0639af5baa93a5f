//! Whole images and label maps for tests; the program reads them through [`dataset::gate`](crate::dataset::gate).

use std::path::{Path, PathBuf};

use ndarray::{Array3, Array4};

use super::error::ImageFileError;
use super::{ImageReader, to_label};
use crate::volume::{Image, LabelMap};

/// Reads an image from one file per channel, or from one file.
pub(crate) fn read_image(paths: &[PathBuf]) -> Result<Image, ImageFileError> {
    let (mut voxels, mut geometry, mut channels) = (Vec::new(), None, 0);
    for path in paths {
        let reader = ImageReader::open(path)?;
        channels += reader.header.channels;
        geometry.get_or_insert(reader.header.geometry.clone());
        reader.read(|values| voxels.extend(values.iter().map(|&value| value as f32)))?;
    }
    let geometry = geometry.expect("at least one file");
    let [z, y, x] = geometry.shape.0;
    let voxels = Array4::from_shape_vec((channels, z, y, x), voxels).expect("channels of one shape");
    Ok(Image { voxels, geometry })
}

/// Reads a label map.
pub(crate) fn read_labels(path: &Path) -> Result<LabelMap, ImageFileError> {
    let reader = ImageReader::open(path)?;
    let geometry = reader.header.geometry.clone();
    let mut labels = Vec::new();
    reader.read(|values| labels.extend(values.iter().map(|&value| to_label(value).expect("a label") as i16)))?;
    let labels = Array3::from_shape_vec(geometry.shape.0, labels).expect("a label map");
    Ok(LabelMap { labels, geometry })
}
