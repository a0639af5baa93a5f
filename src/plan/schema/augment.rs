//! `[augment]`: random transforms of training patches, a table per transform.

use crate::plan::schema::declare::table;
use crate::plan::schema::key::FIRST_COMMIT;
use crate::plan::schema::range::{AT_LEAST_0, FRACTION, POSITIVE, one_of};

table! {
    /// Random transforms of training patches. Source: arXiv:1809.10486, 2.3, which names them; values of nnU-Net commit 6150f1b0.
    pub struct Augment decides Train {
        /// Interpolation of labels: 0 is nearest neighbour, 1 is linear on the mask of each label.
        label_order: u8 { default: "1", range: one_of(&[0, 1]), source: FIRST_COMMIT },
        /// Elastic deformation.
        elastic: Elastic {},
        /// Rotation.
        rotation: Rotation {},
        /// Scaling.
        scaling: Scaling {},
        /// Gamma transform of intensities.
        gamma: Gamma {},
        /// Mirroring.
        mirroring: Mirroring {},
        /// Cascade: morphology of the first stage's labels.
        morphology: Morphology {},
        /// Cascade: removal of components of the first stage's labels.
        component_removal: ComponentRemoval {},
    }
}

table! {
    /// Elastic deformation.
    pub struct Elastic decides Train {
        /// Probability of elastic deformation per sample.
        probability: f64 { default: "0.2", range: FRACTION, source: FIRST_COMMIT },
        /// Range of the amplitude of the elastic deformation in 3D (minimum, maximum).
        alpha_3d_voxels: [f64; 2] { default: "[0.0, 900.0]", range: AT_LEAST_0, unit: "voxels", source: FIRST_COMMIT },
        /// Range of the amplitude of the elastic deformation in 2D (minimum, maximum).
        alpha_2d_voxels: [f64; 2] { default: "[0.0, 200.0]", range: AT_LEAST_0, unit: "pixels", source: FIRST_COMMIT },
        /// Range of the standard deviation of the Gaussian that smooths the displacements (minimum, maximum).
        sigma_voxels: [f64; 2] { default: "[9.0, 13.0]", range: POSITIVE, unit: "voxels", source: FIRST_COMMIT },
    }
}

table! {
    /// Rotation.
    pub struct Rotation decides Train {
        /// Probability of rotation per sample.
        probability: f64 { default: "0.2", range: FRACTION, source: FIRST_COMMIT },
        /// Maximum rotation about each axis in 3D.
        max_degrees_3d: f64 { default: "15.0", range: AT_LEAST_0, unit: "degrees", source: FIRST_COMMIT },
        /// Maximum rotation in 2D. Patches whose longer edge is more than 1.5 times the shorter use the angle of 3D.
        max_degrees_2d: f64 { default: "180.0", range: AT_LEAST_0, unit: "degrees", source: FIRST_COMMIT },
    }
}

table! {
    /// Scaling.
    pub struct Scaling decides Train {
        /// Probability of scaling per sample.
        probability: f64 { default: "0.2", range: FRACTION, source: FIRST_COMMIT },
        /// Range of the scale factor (minimum, maximum). Above 1 zooms out.
        range: [f64; 2] { default: "[0.85, 1.25]", range: POSITIVE, source: FIRST_COMMIT },
    }
}

table! {
    /// Gamma transform of intensities.
    pub struct Gamma decides Train {
        /// Probability of the gamma transform per sample.
        probability: f64 { default: "0.3", range: FRACTION, source: FIRST_COMMIT },
        /// Range of the exponent of the gamma transform (minimum, maximum).
        range: [f64; 2] { default: "[0.7, 1.5]", range: POSITIVE, source: FIRST_COMMIT },
    }
}

table! {
    /// Mirroring.
    pub struct Mirroring decides Train {
        /// Probability of mirroring per axis.
        probability: f64 { default: "0.5", range: FRACTION, source: FIRST_COMMIT },
    }
}

table! {
    /// Morphology of the first stage's labels, in the second stage of the cascade: erosion, dilation, opening or closing.
    pub struct Morphology decides Train {
        /// Probability per sample that the first stage's labels are eroded, dilated, opened or closed. Cascade only.
        probability: f64 { default: "0.4", range: FRACTION, source: FIRST_COMMIT },
        /// Range of the radius of the structuring element, a ball (minimum, maximum). Cascade only.
        radius_voxels: [f64; 2] { default: "[1.0, 8.0]", range: AT_LEAST_0, unit: "voxels", source: FIRST_COMMIT },
    }
}

table! {
    /// Removal of a connected component of each of the first stage's labels, in the second stage of the cascade.
    pub struct ComponentRemoval decides Train {
        /// Probability per sample that a connected component of each of the first stage's labels is removed. Cascade only.
        probability: f64 { default: "0.2", range: FRACTION, source: FIRST_COMMIT },
        /// Maximum size of a component that is removed, as a fraction of the patch. Cascade only.
        max_patch_fraction: f64 { default: "0.15", range: FRACTION, source: FIRST_COMMIT },
    }
}
