//! `[network]`: settings of all networks.

use crate::plan::schema::declare::{choices, table};
use crate::plan::schema::key::{FIRST_COMMIT, NNUNET_V2, PAPER_2_1};
use crate::plan::schema::range::{FRACTION, POSITIVE};

table! {
    /// Settings of all networks.
    pub struct Network decides Train {
        /// Slope of the leaky ReLU for negative values.
        leaky_relu_slope: f64 { default: "0.01", range: FRACTION, source: PAPER_2_1 },
        /// Epsilon of the instance normalisation.
        instance_norm_eps: f64 { default: "0.00001", range: POSITIVE, source: FIRST_COMMIT },
        /// Blocks of the encoder.
        block: EncoderBlock { default: "\"plain\"", source: PAPER_2_1 },
        /// Downsampling in the encoder.
        downsampling: Downsampling { default: "\"max_pool\"", source: PAPER_2_1 },
        /// Bias of the transposed convolutions. nnU-Net has it from v2 on.
        upsampling_bias: bool { default: "false", source: FIRST_COMMIT },
        /// Bias of the final convolution. nnU-Net has it from v2 on.
        head_bias: bool { default: "false", source: FIRST_COMMIT },
        /// Deep supervision: whether the decoder has a final convolution at every resolution, and the loss is the weighted sum of
        /// theirs. Predictions use the finest one.
        deep_supervision: bool { default: "false", source: NNUNET_V2 },
        /// Precision of convolutions and activations. The 16-bit ones are for GPUs; on a CPU they are slower.
        precision: Precision { default: "\"f32\"", source: PAPER_2_1 },
    }
}

choices! {
    /// Blocks of the encoder.
    pub enum EncoderBlock {
        /// convolution, instance normalisation and leaky ReLU.
        Plain = "plain",
        /// residual: two of them, the second without leaky ReLU, added to the input of the block, then leaky ReLU. The first
        /// resolution begins with one plain block (nnU-Net's `ResidualEncoderUNet`).
        Residual = "residual",
    }
}

choices! {
    /// Downsampling in the encoder.
    pub enum Downsampling {
        /// max pooling.
        MaxPool = "max_pool",
        /// a stride in the first convolution of the coarser resolution.
        StridedConvolution = "strided_convolution",
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
