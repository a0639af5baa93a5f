//! How much memory a prediction needs, and may use.
//!
//! With enough memory the outputs for the whole image are kept in memory, otherwise only a few slices, and the rest is spilled
//! to disk. The labels are the same.

use std::path::Path;

use crate::plan::schema::Average;
use crate::predict::activation::Activation;
use crate::predict::error::PredictError;
use crate::predict::member::EnsembleMember;
use crate::predict::outputs::Storage;
use crate::predict::tiles::Tiling;
use crate::units::GIB;

/// Bytes per value.
const FLOAT: usize = size_of::<f32>();
/// Number of f32 volumes that the export to the image's grid holds: a class, its resampled copy, an intermediate one, and the
/// maximum so far; and, at half the size each, labels and winners. Several members need one more, for their sum; probabilities
/// for the caller need two more. A softmax of resampled logits needs one for each member, unless a single member's labels are all.
const EXPORT_VOLUMES: usize = 5;

/// Memory that a prediction may use. Activations of the networks are not included: they depend on patch and batch size.
#[derive(Clone, Copy, Debug)]
pub struct MemoryLimit<'a> {
    /// Memory for images and outputs, bytes.
    pub bytes: usize,
    /// Folder for outputs that do not fit.
    pub scratch: &'a Path,
}

impl<'a> MemoryLimit<'a> {
    /// A limit of `gib` GiB, spilling to the folder `scratch`.
    pub fn from_gib(gib: u64, scratch: &'a Path) -> Self {
        Self { bytes: usize::try_from(gib.saturating_mul(GIB)).unwrap_or(usize::MAX), scratch }
    }
}

/// Estimated memory of the prediction of an image, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryNeed {
    /// With all outputs spilled to disk.
    pub minimum: usize,
    /// With all outputs in memory.
    pub maximum: usize,
}

impl MemoryNeed {
    /// The memory that at least one member needs for an image; with `for_caller`, the probabilities are passed to the caller too.
    pub(super) fn of(members: &[EnsembleMember<'_>], for_caller: bool) -> Self {
        let is_ensemble = members.len() > 1;
        let is_normalized = (for_caller || is_ensemble) && members.iter().any(normalizes_after_resampling);
        let log_sums = if is_normalized { members.len() } else { 0 };
        let export_volumes = EXPORT_VOLUMES + usize::from(is_ensemble) + 2 * usize::from(for_caller) + log_sums;
        let (mut images, mut tiles, mut export, mut outputs) = (0, 0, 0, 0);
        for member in members {
            let network = member.predictor.network;
            let channels = network.outputs();
            let (_, z, y, x) = member.image.dim();
            let tiling = Tiling::new(member.image, network.configuration().patch_size, &network.plan().predict);
            let slices = tiling.slices_at_once(member.predictor.tiles_per_batch()) * tiling.voxels_per_slice();
            let original = member.placement.original.voxels();
            images += member.image.len() * FLOAT;
            tiles = tiles.max((tiling.padding() + (channels + 1) * slices) * FLOAT);
            export = export.max(original.max(z * y * x) * FLOAT * export_volumes);
            outputs += channels * z * y * x * FLOAT;
        }
        let minimum = images + tiles.max(export);
        Self { minimum, maximum: minimum + outputs }
    }

    /// Where the outputs are kept.
    ///
    /// # Errors
    ///
    /// If the limit is too small even with all outputs on disk.
    pub(super) fn choose_storage(self, limit: &MemoryLimit<'_>) -> Result<Storage, PredictError> {
        match limit.bytes {
            bytes if bytes < self.minimum => Err(PredictError::TooLarge { needed: self.minimum, limit: bytes }),
            bytes if bytes < self.maximum => Ok(Storage::Disk),
            _ => Ok(Storage::Memory),
        }
    }
}

/// Whether probabilities are a softmax of resampled logits, which needs the sum over all channels.
fn normalizes_after_resampling(member: &EnsembleMember<'_>) -> bool {
    let plan = member.predictor.network.plan();
    plan.predict.average == Average::Logits && Activation::of(plan) == Activation::Softmax
}
