//! A case while it is read: every check, and the issues found so far.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ndarray::{Array3, Array4};

use crate::dataset::case::{Case, CaseId};
use crate::dataset::gate::expected::Expected;
use crate::dataset::gate::grids::compare_grids;
use crate::dataset::gate::issue::{Issue, IssueKind, Issues};
use crate::dataset::gate::missing;
use crate::volume::io::{ImageFileError, ImageFileProblem, ImageReader, to_label};
use crate::volume::{Geometry, Image, LabelMap};

/// Bytes of an intensity in memory.
const INTENSITY_BYTES: usize = size_of::<f32>();
/// Bytes of a label in memory.
const LABEL_BYTES: usize = size_of::<i16>();

/// Makes room for more voxels, an eighth of the present ones at a time: memory grows with the content that the file
/// really has, and little memory stays unused.
fn reserve<T>(voxels: &mut Vec<T>, more: usize) {
    if voxels.capacity() - voxels.len() < more {
        voxels.reserve_exact(more.max(voxels.len() / 8));
    }
}

/// Appends a voxel.
pub(super) fn push<T>(voxels: &mut Vec<T>, voxel: T) {
    reserve(voxels, 1);
    voxels.push(voxel);
}

/// A case that is being read, and the issues found so far.
pub(super) struct Reading<'a> {
    case: &'a CaseId,
    images: &'a [PathBuf],
    expected: &'a Expected<'a>,
    pub(super) issues: Vec<Issue>,
}

impl<'a> Reading<'a> {
    pub(super) fn of(case: &'a Case, expected: &'a Expected<'a>) -> Self {
        Self { case: &case.id, images: &case.images, expected, issues: Vec::new() }
    }

    /// For a label map without its image.
    pub(super) fn of_labels(case: &'a CaseId, expected: &'a Expected<'a>) -> Self {
        Self { case, images: &[], expected, issues: Vec::new() }
    }

    fn add(&mut self, path: &Path, kind: IssueKind) {
        self.issues.push(Issue { case: self.case.clone(), path: path.to_owned(), kind });
    }

    pub(super) fn result<T>(self, read: Option<T>) -> Result<T, Issues> {
        match read {
            Some(read) if self.issues.is_empty() => Ok(read),
            _ => {
                assert!(!self.issues.is_empty(), "a file that cannot be read has an issue");
                Err(Issues(self.issues))
            }
        }
    }

    fn open(&mut self, path: &Path) -> Option<ImageReader> {
        match ImageReader::open(path) {
            Ok(reader) => Some(reader),
            Err(error) => {
                self.add(path, kind_of(error));
                None
            }
        }
    }

    /// Reads all files of the image. Returns `None` if one cannot be read.
    pub(super) fn image(&mut self, take: &mut dyn FnMut(&[f32])) -> Option<Geometry> {
        let mut first: Option<Geometry> = None;
        let (mut channels, mut all_read) = (0, true);
        let before = self.issues.len();
        for path in self.images {
            let Some(reader) = self.open(path) else {
                all_read = false;
                continue;
            };
            let geometry = reader.header.geometry.clone();
            channels += reader.header.channels;
            if !self.fits(path, &geometry, channels * INTENSITY_BYTES + LABEL_BYTES, channels)
                || !self.finite_voxels(path, reader, take)
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
            self.add(path, IssueKind::Channels { expected, found: channels, files });
        }
        first.filter(|_| all_read)
    }

    /// Explains the missing files among the issues from index `before` on: the existing files have all channels.
    fn explain_missing_channels(&mut self, before: usize) {
        let channels = self.expected.channels;
        for issue in &mut self.issues[before..] {
            if let IssueKind::Missing { hint } = &mut issue.kind {
                *hint = format!(
                    "; the case's other files have all {channels} channels in one: write one file per channel, or list the \
                     images in `dataset.json` as the Decathlon does"
                );
            }
        }
    }

    /// Whether a grid fits into the memory limit.
    fn fits(&mut self, path: &Path, geometry: &Geometry, bytes_per_voxel: usize, channels: usize) -> bool {
        let sizes = geometry.shape.0.into_iter().chain([bytes_per_voxel]).map(|size| size as u64);
        let needed = sizes.fold(1, u64::saturating_mul);
        let allowed = self.expected.memory_bytes;
        if needed > allowed {
            self.add(path, IssueKind::TooLarge { shape: geometry.shape, channels, needed, allowed });
        }
        needed <= allowed
    }

    /// Reads the voxels of one file of the image. Returns false if that fails. Values that are not finite are an issue.
    fn finite_voxels(&mut self, path: &Path, reader: ImageReader, take: &mut dyn FnMut(&[f32])) -> bool {
        let voxels_per_channel = reader.header.geometry.shape.voxels();
        let mut broken = vec![0_usize; reader.header.channels];
        let (mut start, mut voxels) = (0, Vec::new());
        let read = reader.read(|values| {
            voxels.clear();
            voxels.extend(values.iter().map(|&value| value as f32));
            for (index, _) in voxels.iter().enumerate().filter(|(_, value)| !value.is_finite()) {
                broken[(start + index) / voxels_per_channel] += 1;
            }
            start += voxels.len();
            take(&voxels);
        });
        if let Err(error) = read {
            self.add(path, kind_of(error));
            return false;
        }
        let channels = broken.iter().filter(|&&voxels| voxels > 0).count();
        if channels > 0 {
            self.add(path, IssueKind::NotFinite { voxels: broken.iter().sum(), channels });
        }
        true
    }

    pub(super) fn whole_image(&mut self) -> Option<Image> {
        let mut voxels = Vec::new();
        let geometry = self.image(&mut |values| {
            reserve(&mut voxels, values.len());
            voxels.extend_from_slice(values);
        })?;
        let [z, y, x] = geometry.shape.0;
        let channels = voxels.len() / geometry.shape.voxels();
        // Files of different shapes have left an issue, and may have left no whole number of channels.
        let voxels = Array4::from_shape_vec((channels, z, y, x), voxels).ok()?;
        Some(Image { voxels, geometry })
    }

    pub(super) fn whole_labels(&mut self, path: Option<&Path>, image: Option<&Geometry>) -> Option<LabelMap> {
        let Some(path) = path else {
            let path = self.images.first().cloned().unwrap_or_default();
            self.add(&path, IssueKind::Unlabelled);
            return None;
        };
        let mut labels = Vec::new();
        let geometry = self.declared_labels(path, image, &mut |label| push(&mut labels, label))?;
        Some(label_map(labels, geometry))
    }

    /// Reads a label map whose labels must be declared.
    ///
    /// Differs: nnU-Net commit 6150f1b0 sets labels below -1 to background. Here each undeclared label is refused: only the owner of the
    /// data knows its meaning.
    pub(super) fn declared_labels(
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

    /// Reads a label map. `stored` maps a label to its value in memory, and an undeclared label to `None`.
    pub(super) fn labels(
        &mut self,
        path: &Path,
        image: Option<&Geometry>,
        stored: &dyn Fn(i64) -> Option<i16>,
        take: &mut dyn FnMut(i16),
    ) -> Option<Geometry> {
        let reader = self.open(path)?;
        let geometry = reader.header.geometry.clone();
        if reader.header.channels != 1 {
            self.add(path, IssueKind::LabelChannels { found: reader.header.channels });
            return None;
        }
        if !self.fits(path, &geometry, LABEL_BYTES, 1) {
            return None;
        }
        let (mut undeclared, mut fractional) = (BTreeMap::<i64, usize>::new(), None::<(f64, usize)>);
        // Neighbours usually have the same label.
        let mut last = (0.0, stored(0));
        let read = reader.read(|values| {
            for &value in values {
                // NaN is unequal to everything, so it is converted each time.
                #[expect(clippy::float_cmp, reason = "the same value as before, to the bit, means the same label")]
                if value != last.0 || last.1.is_none() {
                    let Some(label) = to_label(value) else {
                        let (_, voxels) = fractional.get_or_insert((value, 0));
                        *voxels += 1;
                        continue;
                    };
                    let in_memory = stored(label);
                    if in_memory.is_none() {
                        *undeclared.entry(label).or_default() += 1;
                    }
                    last = (value, in_memory);
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
            self.add(path, IssueKind::FractionalLabels { value, voxels });
            return None;
        }
        if !undeclared.is_empty() {
            self.add(path, IssueKind::UndeclaredLabels { values: undeclared });
        }
        Some(geometry)
    }
}

pub(super) fn label_map(labels: Vec<i16>, geometry: Geometry) -> LabelMap {
    let labels = Array3::from_shape_vec(geometry.shape.0, labels).expect("one label per voxel of the grid");
    LabelMap { labels, geometry }
}

/// The issue of a file that cannot be read.
fn kind_of(error: ImageFileError) -> IssueKind {
    match error.problem {
        ImageFileProblem::Missing => IssueKind::Missing { hint: missing::hint(&error.path) },
        problem => IssueKind::File(problem),
    }
}
