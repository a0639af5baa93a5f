//! Types of elements in checkpoints, and their conversion to 32-bit floats.

use burn::tensor::{bf16, f16};

/// Floating-point types of PyTorch's storages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    F64,
    F32,
    F16,
    Bf16,
}

impl Element {
    /// The type of a storage class, such as `torch.FloatStorage`; `None` if it holds no floats.
    pub(super) fn of_storage(class: &str) -> Option<Self> {
        match class.strip_prefix("torch.")? {
            "DoubleStorage" => Some(Self::F64),
            "FloatStorage" => Some(Self::F32),
            "HalfStorage" => Some(Self::F16),
            "BFloat16Storage" => Some(Self::Bf16),
            _ => None,
        }
    }

    /// Bytes per element.
    pub(super) fn size(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// The element at `index` of little-endian bytes.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub(super) fn read(self, bytes: &[u8], index: usize) -> f32 {
        let at = index * self.size();
        match self {
            Self::F64 => f64::from_le_bytes(fixed(bytes, at)) as f32,
            Self::F32 => f32::from_le_bytes(fixed(bytes, at)),
            Self::F16 => f16::from_le_bytes(fixed(bytes, at)).to_f32(),
            Self::Bf16 => bf16::from_le_bytes(fixed(bytes, at)).to_f32(),
        }
    }
}

fn fixed<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..].first_chunk().copied().expect("the storage has the element")
}
