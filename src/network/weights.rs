//! Weight files: safetensors with the names of the parameters, such as `encoder.0.1.conv.weight`.
//!
//! The names are those of a PyTorch module with the same fields, so its `load_state_dict` accepts the file
//! (`tests/reference/ten_losses.py`). Values are exact. Checkpoints store the state of the optimizer in the same format.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use thiserror::Error;

use super::parameter_path::ParameterPath;
use super::unet::UNet;
use crate::store::tensors::{self, TensorFile, TensorFileError};

/// Weights could not be saved or loaded.
#[allow(missing_docs, reason = "the messages explain the fields")]
#[derive(Debug, Error)]
pub enum WeightsError {
    /// The file could not be read or written.
    #[error(transparent)]
    File(#[from] TensorFileError),
    /// The weights of a trained network are damaged.
    #[error(
        "{damage}; restore an intact copy, or delete the folder `{}` and run the plan again to retrain this network",
        folder.display()
    )]
    Damaged { damage: TensorFileError, folder: PathBuf },
    /// The file lacks a tensor of the network.
    #[error("missing tensor `{name}` in `{}`; the file belongs to another network", path.display())]
    Missing { path: PathBuf, name: String },
    /// The file has a tensor that the network does not have.
    #[error("unexpected tensor `{name}` in `{}`; the file belongs to another network", path.display())]
    Unexpected { path: PathBuf, name: String },
    /// A tensor has the wrong shape.
    #[error("tensor `{name}` in `{}` has shape {found:?}; expected {expected:?}", path.display())]
    Shape { path: PathBuf, name: String, expected: Vec<usize>, found: Vec<usize> },
}

/// A tensor of 32-bit floats in host memory.
#[derive(Clone, Debug, PartialEq)]
pub struct HostTensor {
    /// Edges, slowest first.
    pub shape: Vec<usize>,
    /// Values, last axis fastest.
    pub values: Vec<f32>,
}

/// Copies all parameters to the host, by name.
pub fn to_host(network: &UNet) -> BTreeMap<String, HostTensor> {
    let mut reader = Reader { path: ParameterPath::default(), tensors: BTreeMap::new() };
    network.visit(&mut reader);
    reader.tensors
}

/// Replaces all parameters of a network; names and shapes must match. Errors name `origin` as the file.
///
/// # Errors
///
/// When a tensor is missing, unexpected, or has the wrong shape.
pub fn from_host(network: UNet, tensors: BTreeMap<String, HostTensor>, origin: &Path) -> Result<UNet, WeightsError> {
    let mut writer = Writer { path: ParameterPath::default(), tensors, origin, error: None };
    let network = network.map(&mut writer);
    match (writer.error, writer.tensors.into_keys().next()) {
        (Some(error), _) => Err(error),
        (None, Some(name)) => Err(WeightsError::Unexpected { path: origin.to_owned(), name }),
        (None, None) => Ok(network),
    }
}

/// Writes the parameters of a network.
///
/// # Errors
///
/// When the file cannot be written.
pub fn save(network: &UNet, path: &Path) -> Result<(), WeightsError> {
    let tensors = to_host(network);
    Ok(tensors::write(path, &with_prefix("", &tensors).collect(), &())?)
}

/// Replaces the parameters of a network by those of a file; the network stays on its device.
///
/// # Errors
///
/// When the file cannot be read, is damaged, or belongs to another network.
pub fn load(network: UNet, path: &Path) -> Result<UNet, WeightsError> {
    let tensors = TensorFile::open(path).and_then(|file| read("", &file)).map_err(|error| match error {
        TensorFileError::Damaged { .. } => {
            WeightsError::Damaged { damage: error, folder: path.parent().unwrap_or(path).to_owned() }
        }
        TensorFileError::Io { .. } => WeightsError::File(error),
    })?;
    from_host(network, tensors, path)
}

/// Replaces the parameters of a network by those of an open file; the network stays on its device. Errors name `path` as the file.
///
/// # Errors
///
/// When a tensor does not hold 32-bit floats, or the file belongs to another network.
pub fn load_file(network: UNet, file: &TensorFile, path: &Path) -> Result<UNet, WeightsError> {
    from_host(network, read("", file)?, path)
}

/// Tensors to be written to a file, with `prefix` before each name.
pub fn with_prefix<'a>(
    prefix: &'a str,
    tensors: &'a BTreeMap<String, HostTensor>,
) -> impl Iterator<Item = (String, tensors::TensorData<'a>)> {
    tensors
        .iter()
        .map(move |(name, tensor)| (format!("{prefix}{name}"), tensors::TensorData::new(&tensor.shape, &tensor.values)))
}

/// Reads the tensors of a file whose names begin with `prefix`, which is removed.
///
/// # Errors
///
/// When a tensor does not hold 32-bit floats.
pub fn read(prefix: &str, file: &TensorFile) -> Result<BTreeMap<String, HostTensor>, TensorFileError> {
    let names = file.names().filter_map(|name| Some((name, name.strip_prefix(prefix)?)));
    names
        .map(|(name, rest)| {
            let (shape, values) = file.tensor::<f32>(name)?;
            Ok((rest.to_owned(), HostTensor { shape: shape.to_vec(), values: values.to_vec() }))
        })
        .collect()
}

/// Copies the values of a tensor to the host.
pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("all parameters are 32-bit floats")
}

struct Reader {
    path: ParameterPath,
    tensors: BTreeMap<String, HostTensor>,
}

impl ModuleVisitor for Reader {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val().inner();
        let shape = tensor.dims().to_vec();
        self.tensors.insert(self.path.to_string(), HostTensor { shape, values: values(tensor) });
    }
}

struct Writer<'a> {
    path: ParameterPath,
    tensors: BTreeMap<String, HostTensor>,
    origin: &'a Path,
    error: Option<WeightsError>,
}

impl ModuleMapper for Writer<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, old, mapper) = param.consume();
        let name = self.path.to_string();
        let expected = old.dims();
        let new = match self.tensors.remove(&name) {
            Some(found) if found.shape == expected => {
                let new = Tensor::from_data(TensorData::new(found.values, found.shape), &old.device());
                new.set_require_grad(old.is_require_grad())
            }
            Some(found) => {
                let error = WeightsError::Shape {
                    path: self.origin.to_owned(),
                    name,
                    expected: expected.to_vec(),
                    found: found.shape,
                };
                self.error.get_or_insert(error);
                old
            }
            None => {
                self.error.get_or_insert(WeightsError::Missing { path: self.origin.to_owned(), name });
                old
            }
        };
        Param::from_mapped_value(id, new, mapper)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::network::testing::{cpu, tiny};

    #[test]
    fn weights_survive_saving_and_loading_exactly() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (path, again) = (folder.path().join("a/weights.safetensors"), folder.path().join("again.safetensors"));
        let network = tiny(1, &cpu());
        save(&network, &path).expect("written");
        let loaded = load(tiny(2, &cpu()), &path).expect("the same shapes");
        assert_eq!(to_host(&loaded), to_host(&network));
        save(&loaded, &again).expect("written");
        assert_eq!(fs::read(&path).expect("a file"), fs::read(&again).expect("a file"));
    }

    #[test]
    fn tensor_names_are_the_paths_of_the_fields() {
        let names = to_host(&tiny(1, &cpu())).into_keys().collect::<Vec<_>>();
        for name in [
            "encoder.0.1.conv.weight",
            "encoder.2.0.norm.bias",
            "upsample.1.weight",
            "decoder.0.0.conv.bias",
            "head.weight",
        ] {
            assert!(names.iter().any(|known| known == name), "`{name}` is not in {names:?}");
        }
    }

    #[test]
    fn a_file_of_another_network_is_refused_by_tensor_name() {
        let origin = Path::new("some.safetensors");
        let tensors = to_host(&tiny(1, &cpu()));
        let refuse = |tensors| from_host(tiny(2, &cpu()), tensors, origin).expect_err("refused").to_string();

        let mut fewer = tensors.clone();
        fewer.remove("upsample.0.weight");
        let expected = "missing tensor `upsample.0.weight` in `some.safetensors`; the file belongs to another network";
        assert_eq!(refuse(fewer), expected);

        let mut more = tensors.clone();
        more.insert("head.bias".to_owned(), HostTensor { shape: vec![1], values: vec![0.0] });
        assert!(refuse(more).starts_with("unexpected tensor `head.bias` in `some.safetensors`"));

        let mut reshaped = tensors;
        reshaped.insert("head.weight".to_owned(), HostTensor { shape: vec![2], values: vec![0.0; 2] });
        assert_eq!(
            refuse(reshaped),
            "tensor `head.weight` in `some.safetensors` has shape [2]; expected [3, 4, 1, 1, 1]"
        );
    }

    #[test]
    fn a_truncated_or_changed_file_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("weights.safetensors");
        save(&tiny(1, &cpu()), &path).expect("written");
        let intact = fs::read(&path).expect("a file");
        fs::write(&path, &intact[..intact.len() - 1]).expect("written");
        let message = load(tiny(1, &cpu()), &path).expect_err("truncated").to_string();
        assert!(message.contains("is damaged"), "{message}");
        let mut changed = intact;
        *changed.last_mut().expect("not empty") ^= 1;
        fs::write(&path, &changed).expect("written");
        let message = load(tiny(1, &cpu()), &path).expect_err("changed").to_string();
        assert!(message.contains("its checksum is") && message.contains("to retrain this network"), "{message}");
        let message = load(tiny(1, &cpu()), &folder.path().join("absent")).expect_err("absent").to_string();
        assert!(message.starts_with("cannot open `"), "{message}");
    }
}
