//! Random transforms of training patches: elastic deformation, rotation, scaling, gamma correction, mirroring.
//!
//! One file per transform, with `draw` (from the ranges of its table in the plan), `apply` and `describe`. Input: a patch with its
//! surroundings and a [`Draw`]. Output: the patch that the network sees. All randomness is in the draw; applying it is pure. The
//! first stage's classes in the cascade move with the labels; their [`FirstStageCorruption`] is drawn afterwards. Deliberately
//! absent: which patch is cut out (`sampler`), and threads: each patch is processed by one thread. Source: arXiv:1809.10486, 2.3.
//!
//! Differs: the paper does not print the ranges, and states no probabilities. Both are those of nnU-Net commit 6150f1b0; until
//! October 2018 batchgenerators applied elastic deformation, rotation, scaling and gamma to every sample.

mod axes;
mod component_removal;
mod coordinates;
mod corruption;
mod elastic;
mod enlargement;
mod gamma;
mod labels;
mod mirroring;
mod morphology;
#[cfg(test)]
mod oracle;
mod random;
mod rotation;
mod scaling;
mod scratch;
mod smooth_noise;
mod spatial;
#[allow(clippy::inline_always, reason = "a call for each tap of each voxel would cost more than the tap")]
mod spline;
#[cfg(test)]
mod tests;
mod text;
mod warp;

use ndarray::{Array3, Axis, s};

pub use self::axes::AxisNames;
pub use self::component_removal::ComponentRemoval;
pub use self::corruption::FirstStageCorruption;
pub use self::elastic::Elastic;
pub use self::enlargement::{enlarged_patch, loaded_size};
pub use self::morphology::{Morphology, Operation};
pub use self::rotation::Angles;
pub use self::spatial::Spatial;

use self::warp::Warp;
use crate::plan::schema::{Augment, AugmentationKind, Configuration, ConfigurationName, Plan};
use crate::random::Rng;
use crate::train::patch::{Patch, PatchSizes};
use crate::volume::Shape;

/// The random part of the augmentation of one patch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draw {
    /// Elastic deformation, rotation and scaling, which are one resampling.
    pub spatial: Spatial,
    /// Exponent of the gamma correction of each channel; `None` if the transform was not drawn.
    pub gamma: Option<Vec<f64>>,
    /// Mirrored axes, `[z, y, x]`.
    pub mirror: [bool; 3],
}

impl Draw {
    /// The drawn transforms, one line each.
    pub fn describe(&self, axes: AxisNames) -> Vec<String> {
        let Self { spatial: Spatial { elastic, rotation, scale }, gamma, mirror } = self;
        let transforms = [
            elastic.map(Elastic::describe),
            rotation.map(|angles| rotation::describe_draw(angles, axes)),
            scale.map(scaling::describe_draw),
            gamma.as_deref().map(gamma::describe_draw),
            mirroring::describe_draw(*mirror, axes),
        ];
        transforms.into_iter().flatten().collect()
    }
}

/// The random transforms of one configuration.
#[derive(Clone, Debug)]
pub struct Augmenter {
    augment: Augment,
    kind: AugmentationKind,
    max_angle: f64,
    warp: Warp,
}

impl Augmenter {
    /// The transforms of a plan for one configuration.
    pub fn new(augment: &Augment, configuration: &Configuration) -> Self {
        let sizes = PatchSizes { loaded: loaded_size(augment, configuration), patch: configuration.patch_size };
        let slice_axis = match configuration.augmentation {
            AugmentationKind::ThreeD => None,
            AugmentationKind::TwoD | AugmentationKind::Dummy2d => Some(configuration.augmented_axis()),
        };
        Self {
            augment: augment.clone(),
            kind: configuration.augmentation,
            max_angle: rotation::max_angle(&augment.rotation, configuration),
            warp: Warp { sizes, slice_axis, label_order: augment.label_order },
        }
    }

    /// Sizes of a patch before and after [`apply`](Self::apply).
    pub fn sizes(&self) -> PatchSizes {
        self.warp.sizes
    }

    /// Size of the patch that [`apply`](Self::apply) takes, `[z, y, x]`.
    pub fn loaded_size(&self) -> Shape {
        self.warp.sizes.loaded
    }

    /// Draws the transforms of a patch with this number of channels.
    ///
    /// All transforms share one stream of random numbers, so that the order of the draws is part of the result: a draw that is
    /// inserted, removed or moved changes the weights of every plan. A new transform draws last, and only if its
    /// probability is above 0: plans without it keep their weights.
    pub fn draw(&self, channels: usize, rng: &mut Rng) -> Draw {
        // The other tables corrupt the first stage's labels (`corruption`).
        let Augment {
            label_order: _,
            elastic,
            rotation,
            scaling,
            gamma,
            mirroring,
            morphology: _,
            component_removal: _,
        } = &self.augment;
        Draw {
            spatial: Spatial {
                elastic: elastic::draw(elastic, self.kind, rng),
                rotation: rotation::draw(rotation, self.max_angle, self.kind, rng),
                scale: scaling::draw(scaling, rng),
            },
            gamma: gamma::draw(gamma, channels, rng),
            mirror: mirroring::draw(mirroring, self.kind, rng),
        }
    }

    /// Applies the spatial transform, then gamma correction, then mirroring. Labels stay encoded as in the case, see
    /// [`to_network_input`](crate::train::patch::to_network_input). `loaded` has the size [`loaded_size`](Self::loaded_size).
    ///
    /// # Panics
    ///
    /// If `loaded` has another size, or the draw is for another number of channels.
    pub fn apply(&self, draw: &Draw, loaded: &Patch) -> Patch {
        let Draw { spatial, gamma, mirror } = draw;
        let [z, y, x] = self.loaded_size().0;
        assert_eq!(loaded.labels.dim(), (z, y, x), "the labels have the loaded size");
        assert_eq!(&loaded.image.shape()[1..], [z, y, x], "the image has the loaded size");
        let mut patch =
            if spatial.is_identity() { centre(loaded, self.sizes()) } else { self.warp.apply(spatial, loaded) };
        if let Some(exponents) = gamma {
            assert_eq!(exponents.len(), patch.image.len_of(Axis(0)), "one exponent per channel");
            for (mut channel, &exponent) in patch.image.outer_iter_mut().zip(exponents) {
                gamma::apply(channel.as_slice_mut().expect("a new array is contiguous"), exponent);
            }
        }
        mirroring::apply(patch, *mirror)
    }
}

/// The middle of a loaded patch.
fn centre(loaded: &Patch, sizes: PatchSizes) -> Patch {
    let [z, y, x] = std::array::from_fn(|axis| {
        let start = (sizes.loaded.0[axis] - sizes.patch.0[axis]) / 2;
        start..start + sizes.patch.0[axis]
    });
    let middle =
        |labels: &Array3<i16>| labels.slice(s![z.clone(), y.clone(), x.clone()]).as_standard_layout().into_owned();
    Patch {
        image: loaded.image.slice(s![.., z.clone(), y.clone(), x.clone()]).as_standard_layout().into_owned(),
        labels: middle(&loaded.labels),
        first_stage: loaded.first_stage.as_ref().map(middle),
    }
}

/// The augmentation of the configurations that a plan runs, as sentences of a methods paragraph. Transforms that are not used are
/// not mentioned.
pub fn describe(plan: &Plan) -> String {
    let Augment { label_order: _, elastic, rotation, scaling, gamma, mirroring, morphology: _, component_removal: _ } =
        &plan.augment;
    let run = &plan.run.configurations;
    let configurations: Vec<&Configuration> = run.iter().filter_map(|name| plan.configurations.get(name)).collect();
    let transforms = [
        elastic::describe(elastic, &configurations),
        rotation::describe(rotation, &configurations),
        scaling::describe(scaling),
        gamma::describe(gamma),
        mirroring::describe(mirroring),
    ];
    let transforms: Vec<String> = transforms.into_iter().flatten().collect();
    let patches = match transforms.split_last() {
        None => "Training patches were not augmented.".to_owned(),
        Some((only, [])) => format!("Training patches were augmented by {only}."),
        Some((last, others)) => format!("Training patches were augmented by {} and {last}.", others.join(", ")),
    };
    let corruption = run.contains(&ConfigurationName::Cascade).then(|| corruption::describe(&plan.augment)).flatten();
    std::iter::once(patches).chain(corruption).collect::<Vec<_>>().join(" ")
}
