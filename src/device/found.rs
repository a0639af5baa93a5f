//! The devices that this machine has, and what they say of themselves.
//!
//! Input: nothing but the machine. Output: names that a plan may use, best first. Deliberately absent: a choice.

use burn::tensor::Device;
#[cfg(feature = "wgpu")]
use burn::tensor::DeviceKind;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
use burn::tensor::DeviceType;

use super::Backend;

/// A device of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name in a plan, such as `wgpu:0`.
    pub name: String,
    /// What the part calls itself.
    pub part: Option<String>,
    /// Bytes that it has for tensors.
    pub memory: Option<u64>,
    /// Its driver and that driver's version.
    pub driver: Option<String>,
}

/// Names of the devices of this machine that this build can use, in the order in which backends are documented.
pub fn names() -> Vec<String> {
    all().into_iter().map(|(name, _)| name).collect()
}

/// The same with what is known of each. Opens every device.
pub fn described() -> Vec<Found> {
    let described = |(name, device): (String, Device)| {
        let part = part(&device);
        let driver = part.as_deref().and_then(|part| driver(&name, part));
        Found { name, memory: memory(&device), driver, part }
    };
    all().into_iter().map(described).collect()
}

fn all() -> Vec<(String, Device)> {
    let of_backend = |backend: Backend| {
        let name = move |number| match backend {
            Backend::Flex => backend.name().to_owned(),
            Backend::Wgpu | Backend::Vulkan | Backend::Cuda => format!("{}:{number}", backend.name()),
        };
        devices(backend).into_iter().enumerate().map(move |(number, device)| (name(number), device))
    };
    Backend::ALL.into_iter().flat_map(of_backend).collect()
}

/// The devices of a backend, best first; none where it is not compiled in.
#[allow(clippy::match_same_arms, reason = "the arms differ in a build that has the backends")]
pub(super) fn devices(backend: Backend) -> Vec<Device> {
    match backend {
        Backend::Flex => cfg_select! { feature = "flex" => { vec![Device::flex()] } _ => { Vec::new() } },
        Backend::Wgpu => cfg_select! {
            feature = "wgpu" => { best_first(Device::enumerate(DeviceType::Wgpu).into_vec(), Device::wgpu) }
            _ => { Vec::new() }
        },
        Backend::Vulkan => cfg_select! {
            feature = "vulkan" => { best_first(Device::enumerate(DeviceType::Vulkan).into_vec(), Device::vulkan) }
            _ => { Vec::new() }
        },
        Backend::Cuda => cfg_select! {
            feature = "cuda" => { Device::enumerate(DeviceType::Cuda).into_vec() }
            _ => { Vec::new() }
        },
    }
}

/// Graphics cards, then integrated ones, then virtual ones, then software, then whatever else there is.
#[cfg(feature = "wgpu")]
fn best_first(found: Vec<Device>, of: fn(DeviceKind) -> Device) -> Vec<Device> {
    let kinds: [fn(usize) -> DeviceKind; 4] =
        [DeviceKind::DiscreteGpu, DeviceKind::IntegratedGpu, DeviceKind::VirtualGpu, |_| DeviceKind::Cpu];
    let candidates = kinds.into_iter().flat_map(|kind| (0..found.len()).map(move |number| of(kind(number))));
    let mut sorted: Vec<Device> = Vec::new();
    for device in candidates.filter(|device| found.contains(device)).chain(found.iter().cloned()) {
        if !sorted.contains(&device) {
            sorted.push(device);
        }
    }
    sorted
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn part(device: &Device) -> Option<String> {
    device.identity().map(|identity| identity.name)
}

#[cfg(not(any(feature = "wgpu", feature = "cuda")))]
fn part(_: &Device) -> Option<String> {
    None
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn memory(device: &Device) -> Option<u64> {
    match device.as_dispatch() {
        burn::backend::DispatchDevice::Cube(device) => device.client().properties().memory.max_memory(),
        _ => None,
    }
}

#[cfg(not(any(feature = "wgpu", feature = "cuda")))]
fn memory(_: &Device) -> Option<u64> {
    None
}

/// Driver of the part of that name, as the graphics API tells it; the CUDA backend does not.
#[cfg(feature = "wgpu")]
fn driver(name: &str, part: &str) -> Option<String> {
    use burn::backend::wgpu::wgpu::{Adapter, Backends, Instance, InstanceDescriptor};
    if name.starts_with(Backend::Cuda.name()) {
        return None;
    }
    let instance = Instance::new(InstanceDescriptor::new_without_display_handle());
    let adapters = burn::tensor::try_read_sync(instance.enumerate_adapters(Backends::all()))?;
    let info = adapters.iter().map(Adapter::get_info).find(|info| info.name == part)?;
    let driver = format!("{} {}", info.driver, info.driver_info).trim().to_owned();
    (!driver.is_empty()).then_some(driver)
}

#[cfg(not(feature = "wgpu"))]
fn driver(_: &str, _: &str) -> Option<String> {
    None
}
