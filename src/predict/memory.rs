//! What a prediction may hold in memory: enough for the probabilities of a whole image, or for a few slices of them and the
//! rest on disk. The labels are the same.

use std::path::Path;

use ndarray::{Array3, Array4, ArrayView3, Axis, CowArray, Ix3};
use thiserror::Error;

use crate::device::DeviceFailure;
use crate::plan::schema::ConfigurationName;
use crate::predict::Member;
use crate::predict::window::Windows;
use crate::preprocess::footprint::TooLarge;
use crate::store::StoreError;
use crate::store::scratch::Scratch;
use crate::volume::Shape;
use crate::volume::io::ImageFileError;

/// Bytes of a number.
const FLOAT: usize = size_of::<f32>();
/// Volumes of numbers that the way back to the image's grid takes: a class, its resampled copy and one on the way there, the
/// best so far; and, at half their size each, labels and winners. With several members there is one more, which is added to
/// the others; and two of what is given away, where probabilities are asked for.
const VOLUMES_BACK: usize = 5;

/// What a prediction may use. The networks' own maps are not counted: patch and batch decide on them.
#[derive(Clone, Copy, Debug)]
pub struct Room<'a> {
    /// Memory for images and probabilities, bytes.
    pub bytes: usize,
    /// Folder for probabilities that do not fit there.
    pub scratch: &'a Path,
}

impl<'a> Room<'a> {
    /// As many GiB, and a folder.
    pub fn gib(gib: u64, scratch: &'a Path) -> Self {
        Self { bytes: usize::try_from(gib << 30).unwrap_or(usize::MAX), scratch }
    }
}

/// An image could not be predicted.
#[derive(Debug, Error)]
pub enum PredictError {
    /// It is too large for the memory that may be used.
    #[error(
        "its images and probabilities need {:.2} GiB of memory, and {:.2} may be used; raise `runtime.memory_gib`, or \
         `--memory-gib` of `segplan predict`, to {}",
        gib(*needed), gib(*given), gib(*needed).ceil()
    )]
    TooLarge {
        /// Bytes that it takes at least.
        needed: usize,
        /// Bytes that may be used.
        given: usize,
    },
    /// It is too large to be prepared in that memory.
    #[error(transparent)]
    Prepare(#[from] TooLarge),
    /// It was asked to stop.
    #[error("the prediction was stopped before its last tile")]
    Stopped,
    /// The device has no memory left.
    #[error(
        "the device is out of memory ({reason}) predicting with `{configuration}` (patch {patch}, batch {batch}), which takes \
         less than the {gibi:.1} GiB estimated for its training; close what else uses the device, or predict on another one \
         with `--device`"
    )]
    OutOfMemory {
        /// What the device says.
        reason: String,
        /// The configuration.
        configuration: ConfigurationName,
        /// Its patch.
        patch: Shape,
        /// Its batch size.
        batch: usize,
        /// The planner's estimate of the memory that it takes to train.
        gibi: f64,
    },
    /// The device failed otherwise.
    #[error(transparent)]
    Device(DeviceFailure),
    /// Probabilities could not be kept on disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Probabilities could not be written for the user.
    #[error(transparent)]
    Nifti(#[from] ImageFileError),
}

fn gib(bytes: usize) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

/// Bytes that the prediction of an image takes, by an estimate from its shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// With all probabilities on disk that can be there.
    pub least: usize,
    /// With all of them in memory.
    pub most: usize,
}

impl Need {
    /// What the members, at least one, need together for an image, whose probabilities are asked for or not.
    pub(super) fn of(members: &[Member<'_>], asked_for: bool) -> Self {
        let volumes_back = VOLUMES_BACK + usize::from(members.len() > 1) + 2 * usize::from(asked_for);
        let (mut images, mut windows, mut back, mut probabilities) = (0, 0, 0, 0);
        for member in members {
            let classes = member.predictor.plan.classes();
            let (_, z, y, x) = member.image.dim();
            let laid = Windows::new(member.image, member.predictor.configuration, &member.predictor.plan.predict);
            let slices = laid.slices_at_once(member.predictor.windows_of_a_batch()) * laid.voxels_of_a_slice();
            let original = member.placement.original.voxels();
            images += member.image.len() * FLOAT;
            windows = windows.max((laid.padding() + (classes + 1) * slices) * FLOAT);
            back = back.max(original.max(z * y * x) * FLOAT * volumes_back);
            probabilities += classes * z * y * x * FLOAT;
        }
        let least = images + windows.max(back);
        Self { least, most: least + probabilities }
    }

    /// Whether all may be held in memory.
    pub(super) fn fits(self, room: &Room<'_>) -> Result<bool, PredictError> {
        if self.least > room.bytes {
            return Err(PredictError::TooLarge { needed: self.least, given: room.bytes });
        }
        Ok(self.most <= room.bytes)
    }
}

/// Probabilities of a whole image, `[class, z, y, x]`, which are written slice by slice and read class by class.
#[derive(Debug)]
pub enum Probabilities {
    /// In memory.
    Memory(Array4<f32>),
    /// In a file.
    Disk {
        /// The file.
        scratch: Scratch,
        /// Classes, and voxels of the image, `[class, z, y, x]`.
        shape: [usize; 4],
    },
}

impl Probabilities {
    pub(super) fn new(shape: [usize; 4], in_memory: bool, room: &Room<'_>) -> Result<Self, StoreError> {
        if in_memory {
            return Ok(Self::Memory(Array4::zeros(shape)));
        }
        Ok(Self::Disk { scratch: Scratch::new(room.scratch)?, shape })
    }

    /// Takes a slice, `[class, y, x]`.
    pub(super) fn set(&mut self, z: usize, slice: ArrayView3<'_, f32>) -> Result<(), StoreError> {
        match self {
            Self::Memory(all) => all.index_axis_mut(Axis(1), z).assign(&slice),
            Self::Disk { scratch, shape: [_, depth, height, width] } => {
                for (class, values) in slice.outer_iter().enumerate() {
                    let values = values.as_standard_layout();
                    let values = values.as_slice().expect("brought into standard layout");
                    scratch.write((class * *depth + z) * *height * *width, values)?;
                }
            }
        }
        Ok(())
    }

    /// Number of classes, with background.
    pub fn classes(&self) -> usize {
        match self {
            Self::Memory(all) => all.len_of(Axis(0)),
            Self::Disk { shape, .. } => shape[0],
        }
    }

    /// Probabilities of one class, `[z, y, x]`.
    ///
    /// # Errors
    ///
    /// When they are in a file that cannot be read.
    pub fn class(&self, class: usize) -> Result<CowArray<'_, f32, Ix3>, StoreError> {
        match self {
            Self::Memory(all) => Ok(all.index_axis(Axis(0), class).into()),
            Self::Disk { scratch, shape: [_, depth, height, width] } => {
                let mut values = vec![0.0; depth * height * width];
                scratch.read(class * values.len(), &mut values)?;
                let values =
                    Array3::from_shape_vec((*depth, *height, *width), values).expect("as many values were read");
                Ok(values.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use ndarray::Array4;

    use super::*;
    use crate::network::UNet;
    use crate::network::testing::{build_unet, configuration, cpu};
    use crate::plan::schema::{Configuration, Plan};
    use crate::predict::{OnTiles, Predictor, Tiles, labels};
    use crate::preprocess::Placement;
    use crate::volume::BoundingBox;
    use crate::volume::Spacing;

    /// A 3D and a 2D configuration, each with two networks, and images of them that are larger than their patches.
    struct Fixture {
        plan: Plan,
        configurations: [Configuration; 2],
        networks: [Vec<UNet>; 2],
        images: [Array4<f32>; 2],
        placements: [Placement; 2],
    }

    impl Fixture {
        fn new() -> Self {
            let plan: Plan = crate::plan::testing::example();
            let three_d = Configuration { batch_size: 3, ..configuration([8, 16, 16], [1, 2, 2], &[4, 8, 16]) };
            let two_d = Configuration { batch_size: 5, ..configuration([1, 16, 16], [0, 2, 2], &[4, 8, 16]) };
            let configurations = [three_d, two_d];
            let networks = configurations.each_ref().map(|configuration| {
                (0..2).map(|seed| build_unet(configuration, (1, 3), seed, &cpu())).collect::<Vec<UNet>>()
            });
            let original = Shape([30, 28, 20]);
            let place = |slice_axis| Placement {
                original,
                crop: BoundingBox { start: [2, 0, 1], end: [30, 28, 20] },
                slice_axis,
            };
            let wave = |(_, z, y, x): (usize, usize, usize, usize)| ((z * 7 + y * 3 + x) as f32 * 0.37).sin();
            let images = [Array4::from_shape_fn((1, 22, 28, 24), wave), Array4::from_shape_fn((1, 12, 25, 24), wave)];
            Self { plan, configurations, networks, images, placements: [place(0), place(2)] }
        }

        /// Labels with this much memory, and what the prediction needs.
        fn labels(&self, bytes: Option<usize>, scratch: &Path) -> (Result<Array3<i16>, PredictError>, Need) {
            self.watched(bytes, scratch, &|_| ControlFlow::Continue(()))
        }

        /// The same, watched.
        fn watched(
            &self,
            bytes: Option<usize>,
            scratch: &Path,
            on_tiles: &OnTiles<'_>,
        ) -> (Result<Array3<i16>, PredictError>, Need) {
            let device = cpu();
            let predictors: Vec<Predictor<'_>> = (0..2)
                .map(|at| Predictor {
                    plan: &self.plan,
                    name: [ConfigurationName::FullRes, ConfigurationName::TwoD][at],
                    configuration: &self.configurations[at],
                    networks: &self.networks[at],
                    device: &device,
                })
                .collect();
            let members: Vec<Member<'_>> = (0..2)
                .map(|at| Member {
                    predictor: &predictors[at],
                    image: self.images[at].view(),
                    placement: &self.placements[at],
                })
                .collect();
            let need = Need::of(&members, false);
            let room = Room { bytes: bytes.unwrap_or(need.least), scratch };
            (labels(&members, Spacing([1.0; 3]), &room, on_tiles, None), need)
        }
    }

    #[test]
    fn little_memory_gives_the_labels_that_much_memory_gives() {
        let (fixture, folder) = (Fixture::new(), tempfile::tempdir().unwrap());
        let (all, need) = fixture.labels(Some(usize::MAX), folder.path());
        assert!(need.least < need.most, "{need:?}");
        let (least, _) = fixture.labels(None, folder.path());
        let all = all.unwrap();
        assert_eq!(least.unwrap(), all);
        assert!(all.iter().any(|&label| label != all[[0, 0, 0]]), "more than one class wins");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left in the scratch folder");

        let (refused, _) = fixture.labels(Some(need.least - 1), folder.path());
        let said = refused.unwrap_err().to_string();
        assert!(said.contains("raise `runtime.memory_gib`") && said.ends_with("to 1"), "{said}");
    }

    #[test]
    fn tiles_are_counted_to_the_last_one_and_a_stop_comes_before_the_next_batch() {
        let (fixture, folder) = (Fixture::new(), tempfile::tempdir().unwrap());
        let seen = std::cell::RefCell::new(Vec::<Tiles>::new());
        let watch = |stop_at: Option<usize>| {
            seen.borrow_mut().clear();
            let on_tiles = |tiles| {
                seen.borrow_mut().push(tiles);
                if stop_at == Some(seen.borrow().len()) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            (fixture.watched(Some(0), folder.path(), &on_tiles).0, fixture.watched(None, folder.path(), &on_tiles).0)
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
            let (_, stopped) = watch(Some(stop_at));
            assert!(matches!(stopped, Err(PredictError::Stopped)));
            assert_eq!(seen.borrow().as_slice(), &all[..stop_at]);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left in the scratch folder");
        let (_, ended) = watch(Some(all.len()));
        assert_eq!(ended.unwrap(), whole.unwrap(), "after the last tile there is nothing to stop");
    }

    #[test]
    fn a_device_without_memory_is_named_with_the_configuration() {
        let (fixture, device) = (Fixture::new(), cpu());
        let name = ConfigurationName::FullRes;
        let configuration = &fixture.plan.configurations[&name];
        let predictor =
            Predictor { plan: &fixture.plan, name, configuration, networks: &fixture.networks[0], device: &device };
        let said = predictor.failed(DeviceFailure::OutOfMemory("can't allocate buffer".to_owned())).to_string();
        let expected = "the device is out of memory (can't allocate buffer) predicting with `3d_fullres` (patch 40 × 56 × 40, batch 9)";
        assert!(said.starts_with(expected) && said.contains("1.5 GiB estimated for its training"), "{said}");
    }

    #[test]
    #[allow(clippy::float_cmp, reason = "the values are copied, not computed")]
    fn probabilities_on_disk_are_those_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let room = Room { bytes: 0, scratch: folder.path() };
        let shape = [2, 3, 4, 5];
        let values = Array4::from_shape_fn(shape, |(class, z, y, x)| (class * 1000 + z * 100 + y * 10 + x) as f32);
        let mut kept = [true, false].map(|in_memory| Probabilities::new(shape, in_memory, &room).unwrap());
        for probabilities in &mut kept {
            for z in 0..3 {
                probabilities.set(z, values.index_axis(Axis(1), z)).unwrap();
            }
            assert_eq!(probabilities.classes(), 2);
            for class in 0..2 {
                assert_eq!(probabilities.class(class).unwrap(), values.index_axis(Axis(0), class));
            }
        }
    }
}
