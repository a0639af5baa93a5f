//! The backends that a plan can name, and which of them this build has.

use std::fmt;

/// A compute backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Backend {
    /// The processor, by Burn's `flex` backend and the kernels of this crate.
    Cpu,
    /// GPUs through `wgpu`: Vulkan, Metal or DirectX 12.
    Wgpu,
    /// GPUs through `wgpu` with kernels compiled to SPIR-V.
    Vulkan,
    /// NVIDIA GPUs.
    Cuda,
}

impl Backend {
    /// All backends, in the order in which they are listed.
    pub const ALL: [Self; 4] = [Self::Cpu, Self::Wgpu, Self::Vulkan, Self::Cuda];

    /// The name in a plan.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Wgpu => "wgpu",
            Self::Vulkan => "vulkan",
            Self::Cuda => "cuda",
        }
    }

    /// The cargo feature that adds the backend to a build.
    pub fn feature(self) -> &'static str {
        match self {
            Self::Cpu => "flex",
            Self::Wgpu | Self::Vulkan | Self::Cuda => self.name(),
        }
    }

    /// The backend of a name in a plan; `flex` is an alias of `cpu`.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|backend| backend.name() == name || backend.feature() == name)
    }

    /// Whether this is the processor itself, whose memory is that of the process.
    pub fn is_cpu(self) -> bool {
        self == Self::Cpu
    }

    /// Whether its devices are numbered, as in `cuda:1`.
    pub fn has_indices(self) -> bool {
        !self.is_cpu()
    }

    /// Whether this build contains the backend.
    pub fn is_compiled(self) -> bool {
        match self {
            Self::Cpu => cfg!(feature = "flex"),
            Self::Wgpu => cfg!(feature = "wgpu"),
            Self::Vulkan => cfg!(feature = "vulkan"),
            Self::Cuda => cfg!(feature = "cuda"),
        }
    }

    /// Names of the backends of this build.
    pub fn compiled_names() -> Vec<&'static str> {
        Self::ALL.into_iter().filter(|backend| backend.is_compiled()).map(Self::name).collect()
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}
