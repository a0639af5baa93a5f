//! `[network]`: settings of all networks.

use crate::plan::schema::declare::{choices, table};
use crate::plan::schema::key::{FIRST_COMMIT, PAPER_2_1};
use crate::plan::schema::range::{FRACTION, POSITIVE};

table! {
    /// Settings of all networks.
    pub struct Network decides Train {
        /// Slope of the leaky ReLU for negative values.
        leaky_relu_slope: f64 { default: "0.01", range: FRACTION, source: PAPER_2_1 },
        /// Epsilon of the instance normalisation.
        instance_norm_eps: f64 { default: "0.00001", range: POSITIVE, source: FIRST_COMMIT },
        /// Precision of convolutions and activations. The 16-bit ones are for GPUs; on a CPU they are slower.
        precision: Precision { default: "\"f32\"", source: PAPER_2_1 },
    }
}

choices! {
    /// Precision of convolutions and activations; everything else is computed in 32 bits.
    pub enum Precision {
        /// 32-bit floating point.
        F32 = "f32",
        /// bfloat16.
        Bf16 = "bf16",
        /// 16-bit floating point with dynamic loss scaling.
        F16 = "f16",
    }
}
