//! The gate: the one place where images and label maps are read, and checked while they are.
//!
//! Input: the files of a case, and what is expected of them. Output: voxels that every later stage can rely on, or all
//! faults of the case. `verify`, `plan`, `run`, `predict`, `evaluate`, `augment`, `bench` and `report` read through it; there
//! is no second, weaker path (`tests/architecture.rs` reads the sources). Before anything is allocated, headers are checked
//! against the length of their files (`volume::nifti`) and against the memory that may be used.

mod fault;
mod near;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ndarray::{Array3, Array4};

pub use fault::{Fault, FaultKind, Faults, compare_grids};

use crate::dataset::{Case, CaseId, Dataset};
use crate::volume::nifti::{NiftiError, NiftiFault, Volume, label_of};
use crate::volume::{Geometry, Image, LabelMap};

/// Bytes of an intensity in memory.
const INTENSITY_BYTES: usize = size_of::<f32>();
/// Bytes of a label in memory.
const LABEL_BYTES: usize = size_of::<i16>();

/// What a case must be so that it can be used.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Channels of its image.
    pub channels: usize,
    /// Foreground labels that are declared; background is 0.
    pub labels: &'a BTreeMap<u8, String>,
    /// Bytes that the voxels of a case may take.
    pub memory_bytes: u64,
}

impl<'a> Expected<'a> {
    /// What `dataset.json` declares.
    pub fn of(dataset: &'a Dataset, memory_bytes: u64) -> Self {
        Self { channels: dataset.channels.len(), labels: &dataset.labels, memory_bytes }
    }
}

/// Reads every file of a case and returns every fault. No more than a few thousand voxels are held.
pub fn check(case: &Case, expected: &Expected<'_>) -> Vec<Fault> {
    let mut reading = Reading::of(case, expected);
    let geometry = reading.image(&mut |_| ());
    if let Some(path) = &case.labels {
        reading.declared_labels(path, geometry.as_ref(), &mut |_| ());
    }
    reading.faults
}

/// Reads the image of a case: one file, or several whose channels are joined in their order.
///
/// Voxels are `[c, z, y, x]` and finite; slope and intercept are applied. The geometry is that of the first file.
///
/// # Errors
///
/// All faults of the image.
pub fn read_image(case: &Case, expected: &Expected<'_>) -> Result<Image, Faults> {
    let mut reading = Reading::of(case, expected);
    let image = reading.whole_image();
    reading.result(image)
}

/// Passes the voxels of a case's image to `take` in the order `[c, z, y, x]`, some thousands at a time, and returns its
/// geometry. Whoever takes them must not use them before this has returned without faults.
///
/// # Errors
///
/// All faults of the image.
pub fn stream_image(case: &Case, expected: &Expected<'_>, take: &mut dyn FnMut(&[f32])) -> Result<Geometry, Faults> {
    let mut reading = Reading::of(case, expected);
    let geometry = reading.image(take);
    reading.result(geometry)
}

/// Reads image and label map of a training case. Labels are `[z, y, x]`, on the grid of the image, and declared.
///
/// # Errors
///
/// All faults of both.
pub fn read_case(case: &Case, expected: &Expected<'_>) -> Result<(Image, LabelMap), Faults> {
    let mut reading = Reading::of(case, expected);
    let image = reading.whole_image();
    let labels = reading.whole_labels(case.labels.as_deref(), image.as_ref().map(|image| &image.geometry));
    reading.result(image.zip(labels))
}

/// Reads a label map, `[z, y, x]`, whose labels must be declared, and which must be on the grid of `image` where one is given.
///
/// # Errors
///
/// All faults of it.
pub fn read_labels(
    case: &CaseId,
    path: &Path,
    image: Option<&Geometry>,
    expected: &Expected<'_>,
) -> Result<LabelMap, Faults> {
    let mut reading = Reading::of_labels(case, expected);
    let labels = reading.whole_labels(Some(path), image);
    reading.result(labels)
}

/// Reads a label map of any integers as classes, `[z, y, x]`: the class of a label is its position in `labels`, counted
/// from 1; 0 stays 0. `labels` is sorted.
///
/// # Errors
///
/// All faults of it, and labels that are not among `labels`.
pub fn read_classes(case: &CaseId, path: &Path, labels: &[i64], memory_bytes: u64) -> Result<LabelMap, Faults> {
    let none = BTreeMap::new();
    let expected = Expected { channels: 1, labels: &none, memory_bytes };
    let mut reading = Reading::of_labels(case, &expected);
    let mut classes = Vec::new();
    let class = |label| if label == 0 { Some(0) } else { Some(labels.binary_search(&label).ok()? as i16 + 1) };
    let geometry = reading.labels(path, None, &class, &mut |class| {
        reserve(&mut classes, 1);
        classes.push(class);
    });
    let classes = geometry.map(|geometry| label_map(classes, geometry));
    reading.result(classes)
}

/// Voxels of each label of a label map, whatever integers they are.
///
/// # Errors
///
/// All faults of it.
pub fn count_labels(case: &CaseId, path: &Path, memory_bytes: u64) -> Result<BTreeMap<i64, usize>, Faults> {
    let none = BTreeMap::new();
    let expected = Expected { channels: 1, labels: &none, memory_bytes };
    let mut reading = Reading::of_labels(case, &expected);
    reading.labels(path, None, &|_| None, &mut |_| ());
    let mut values = BTreeMap::new();
    // Nothing is declared here, so that what would be undeclared elsewhere is the result.
    reading.faults.retain_mut(|fault| match &mut fault.kind {
        FaultKind::UndeclaredLabels { values: found } => {
            values = std::mem::take(found);
            false
        }
        _ => true,
    });
    reading.result(Some(values))
}

/// Makes room for more voxels, an eighth of those that there are at a time: memory follows what a file really holds, and little
/// of it is never used.
fn reserve<T>(voxels: &mut Vec<T>, more: usize) {
    if voxels.capacity() - voxels.len() < more {
        voxels.reserve_exact(more.max(voxels.len() / 8));
    }
}

/// A case that is being read, and what was found to be wrong with it.
struct Reading<'a> {
    case: &'a CaseId,
    images: &'a [PathBuf],
    expected: &'a Expected<'a>,
    faults: Vec<Fault>,
}

impl<'a> Reading<'a> {
    fn of(case: &'a Case, expected: &'a Expected<'a>) -> Self {
        Self { case: &case.id, images: &case.images, expected, faults: Vec::new() }
    }

    /// Of a label map without its image.
    fn of_labels(case: &'a CaseId, expected: &'a Expected<'a>) -> Self {
        Self { case, images: &[], expected, faults: Vec::new() }
    }

    fn add(&mut self, path: &Path, kind: FaultKind) {
        self.faults.push(Fault { case: self.case.clone(), path: path.to_owned(), kind });
    }

    fn result<T>(self, read: Option<T>) -> Result<T, Faults> {
        match read {
            Some(read) if self.faults.is_empty() => Ok(read),
            _ => {
                assert!(!self.faults.is_empty(), "what cannot be read has a fault");
                Err(Faults(self.faults))
            }
        }
    }

    fn open(&mut self, path: &Path) -> Option<Volume> {
        match Volume::open(path) {
            Ok(volume) => Some(volume),
            Err(error) => {
                self.add(path, kind_of(error));
                None
            }
        }
    }

    /// Reads all files of the image; `None` if one cannot be read.
    fn image(&mut self, take: &mut dyn FnMut(&[f32])) -> Option<Geometry> {
        let mut first: Option<Geometry> = None;
        let (mut channels, mut all_read) = (0, true);
        let before = self.faults.len();
        for path in self.images {
            let Some(volume) = self.open(path) else {
                all_read = false;
                continue;
            };
            let geometry = volume.header.geometry.clone();
            channels += volume.header.channels;
            if !self.fits(path, &geometry, channels * INTENSITY_BYTES + LABEL_BYTES, channels)
                || !self.finite_voxels(path, volume, take)
            {
                all_read = false;
            }
            match &first {
                Some(first) => compare_grids(first, &geometry).into_iter().for_each(|kind| self.add(path, kind)),
                None => first = Some(geometry),
            }
        }
        if self.images.len() > 1 && channels == self.expected.channels {
            self.explain_missing_channels(before);
        }
        if let Some(path) = self.images.first().filter(|_| all_read && channels != self.expected.channels) {
            let (expected, files) = (self.expected.channels, self.images.len());
            self.add(path, FaultKind::Channels { expected, found: channels, files });
        }
        first.filter(|_| all_read)
    }

    /// Adds to the faults from `before` on on missing files that the files that exist have all channels.
    fn explain_missing_channels(&mut self, before: usize) {
        let channels = self.expected.channels;
        for fault in &mut self.faults[before..] {
            if let FaultKind::Missing { hint } = &mut fault.kind {
                *hint = format!(
                    "; the case's other files have all {channels} channels in one: write one file per channel, or list the \
                     images in `dataset.json` as the Decathlon does"
                );
            }
        }
    }

    /// Whether a grid with so many bytes for each voxel fits into the memory that may be used.
    fn fits(&mut self, path: &Path, geometry: &Geometry, bytes: usize, channels: usize) -> bool {
        let sizes = geometry.shape.0.into_iter().chain([bytes]).map(|size| size as u64);
        let needed = sizes.fold(1, u64::saturating_mul);
        let allowed = self.expected.memory_bytes;
        if needed > allowed {
            self.add(path, FaultKind::TooLarge { shape: geometry.shape, channels, needed, allowed });
        }
        needed <= allowed
    }

    /// Reads the voxels of one file of the image; false if that fails. Values that are not finite are a fault.
    fn finite_voxels(&mut self, path: &Path, volume: Volume, take: &mut dyn FnMut(&[f32])) -> bool {
        let of_a_channel = volume.header.geometry.shape.voxels();
        let mut broken = vec![0_usize; volume.header.channels];
        let (mut at, mut voxels) = (0, Vec::new());
        let read = volume.read(|values| {
            voxels.clear();
            voxels.extend(values.iter().map(|&value| value as f32));
            for (place, _) in voxels.iter().enumerate().filter(|(_, value)| !value.is_finite()) {
                broken[(at + place) / of_a_channel] += 1;
            }
            at += voxels.len();
            take(&voxels);
        });
        if let Err(error) = read {
            self.add(path, kind_of(error));
            return false;
        }
        let channels = broken.iter().filter(|&&voxels| voxels > 0).count();
        if channels > 0 {
            self.add(path, FaultKind::NotFinite { voxels: broken.iter().sum(), channels });
        }
        true
    }

    fn whole_image(&mut self) -> Option<Image> {
        let mut voxels = Vec::new();
        let geometry = self.image(&mut |values| {
            reserve(&mut voxels, values.len());
            voxels.extend_from_slice(values);
        })?;
        let [z, y, x] = geometry.shape.0;
        let channels = voxels.len() / geometry.shape.voxels();
        // Files of different shapes have left a fault, and no whole number of channels.
        let voxels = Array4::from_shape_vec((channels, z, y, x), voxels).ok()?;
        Some(Image { voxels, geometry })
    }

    fn whole_labels(&mut self, path: Option<&Path>, image: Option<&Geometry>) -> Option<LabelMap> {
        let Some(path) = path else {
            let path = self.images.first().cloned().unwrap_or_default();
            self.add(&path, FaultKind::Unlabelled);
            return None;
        };
        let mut labels = Vec::new();
        let geometry = self.declared_labels(path, image, &mut |label| {
            reserve(&mut labels, 1);
            labels.push(label);
        })?;
        Some(label_map(labels, geometry))
    }

    fn declared_labels(
        &mut self,
        path: &Path,
        image: Option<&Geometry>,
        take: &mut dyn FnMut(i16),
    ) -> Option<Geometry> {
        let expected = self.expected;
        let declared = |label| {
            let known = label == 0 || u8::try_from(label).is_ok_and(|label| expected.labels.contains_key(&label));
            known.then_some(label as i16)
        };
        self.labels(path, image, &declared, take)
    }

    /// Reads a label map; `stored` gives what is held of a label, and `None` of a label that is not declared.
    fn labels(
        &mut self,
        path: &Path,
        image: Option<&Geometry>,
        stored: &dyn Fn(i64) -> Option<i16>,
        take: &mut dyn FnMut(i16),
    ) -> Option<Geometry> {
        let volume = self.open(path)?;
        let geometry = volume.header.geometry.clone();
        if volume.header.channels != 1 {
            self.add(path, FaultKind::LabelChannels { found: volume.header.channels });
            return None;
        }
        if !self.fits(path, &geometry, LABEL_BYTES, 1) {
            return None;
        }
        let (mut undeclared, mut fractional) = (BTreeMap::<i64, usize>::new(), None::<(f64, usize)>);
        // Neighbours mostly have the same label, so that the last one is mostly the next.
        let mut last = (0.0, stored(0));
        let read = volume.read(|values| {
            for &value in values {
                // NaN equals nothing, and is looked at each time.
                #[expect(clippy::float_cmp, reason = "the same value as before, to the bit, means the same label")]
                if value != last.0 || last.1.is_none() {
                    let Some(label) = label_of(value) else {
                        let (_, voxels) = fractional.get_or_insert((value, 0));
                        *voxels += 1;
                        continue;
                    };
                    let held = stored(label);
                    if held.is_none() {
                        *undeclared.entry(label).or_default() += 1;
                    }
                    last = (value, held);
                }
                take(last.1.unwrap_or(0));
            }
        });
        if let Err(error) = read {
            self.add(path, kind_of(error));
            return None;
        }
        if let Some(image) = image {
            for kind in compare_grids(image, &geometry) {
                self.add(path, kind);
            }
        }
        if let Some((value, voxels)) = fractional {
            self.add(path, FaultKind::FractionalLabels { value, voxels });
            return None;
        }
        if !undeclared.is_empty() {
            self.add(path, FaultKind::UndeclaredLabels { values: undeclared });
        }
        Some(geometry)
    }
}

fn label_map(labels: Vec<i16>, geometry: Geometry) -> LabelMap {
    let labels =
        Array3::from_shape_vec(geometry.shape.0, labels).expect("as many labels were read as the grid has voxels");
    LabelMap { labels, geometry }
}

/// What a file that cannot be read is to the case.
fn kind_of(error: NiftiError) -> FaultKind {
    match error.fault {
        NiftiFault::Missing => FaultKind::Missing { hint: near::hint(&error.path) },
        fault => FaultKind::File(fault),
    }
}
