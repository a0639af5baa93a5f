//! Weights in and out: safetensors with readable names, such as `encoder.0.1.conv.weight`.
//!
//! Input: a network, and for loading a file. Output: a file, or the network with the file's weights. The optimiser keeps its
//! state in the same kind of file. Values are written bit for bit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use thiserror::Error;

use super::UNet;
use crate::store::tensors::{self, TensorFile, TensorFileError};

/// Weights could not be saved or loaded.
#[derive(Debug, Error)]
pub enum WeightsError {
    /// The file could not be read or written.
    #[error(transparent)]
    File(#[from] TensorFileError),
    /// The weights of a trained network are damaged.
    #[error(
        "{damage}; put an intact copy back, or remove the folder `{}` and run the plan again, which trains this network anew",
        folder.display()
    )]
    Damaged {
        /// What is wrong with the file.
        damage: TensorFileError,
        /// Its folder.
        folder: PathBuf,
    },
    /// A tensor of the network is not in the file.
    #[error("`{}` has no tensor `{name}`; it was written for another network", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// Name of the tensor.
        name: String,
    },
    /// The file has a tensor that the network has not.
    #[error("`{}` has a tensor `{name}` that the network has not; it was written for another network", path.display())]
    Unexpected {
        /// The file.
        path: PathBuf,
        /// Name of the tensor.
        name: String,
    },
    /// A tensor has another shape than in the network.
    #[error("tensor `{name}` in `{}` is {found:?}; the network needs {expected:?}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// Name of the tensor.
        name: String,
        /// Shape in the network.
        expected: Vec<usize>,
        /// Shape in the file.
        found: Vec<usize>,
    },
}

/// A tensor in host memory.
#[derive(Clone, Debug, PartialEq)]
pub struct HostTensor {
    /// Edges, slowest first.
    pub shape: Vec<usize>,
    /// Values, last axis fastest.
    pub values: Vec<f32>,
}

/// All parameters by name, copied to the host.
pub fn to_host(network: &UNet) -> BTreeMap<String, HostTensor> {
    let mut reader = Reader { path: Vec::new(), tensors: BTreeMap::new() };
    network.visit(&mut reader);
    reader.tensors
}

/// The network with other values; names and shapes must be exactly the network's. `origin` is named in errors.
///
/// # Errors
///
/// When a tensor is missing, unknown, or of another shape.
pub fn from_host(network: UNet, tensors: BTreeMap<String, HostTensor>, origin: &Path) -> Result<UNet, WeightsError> {
    let mut writer = Writer { path: Vec::new(), tensors, origin, fault: None };
    let network = network.map(&mut writer);
    match (writer.fault, writer.tensors.into_keys().next()) {
        (Some(fault), _) => Err(fault),
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
    Ok(tensors::write(path, &borrowed("", &tensors).collect(), &())?)
}

/// The network with the weights of a file, on the device that it is on.
///
/// # Errors
///
/// When the file cannot be read, is damaged, or was written for another network.
pub fn load(network: UNet, path: &Path) -> Result<UNet, WeightsError> {
    let tensors = TensorFile::open(path).and_then(|file| read("", &file)).map_err(|error| match error {
        TensorFileError::Damaged { .. } => {
            WeightsError::Damaged { damage: error, folder: path.parent().unwrap_or(path).to_owned() }
        }
        TensorFileError::Io { .. } => WeightsError::File(error),
    })?;
    from_host(network, tensors, path)
}

/// Tensors as they are written to a file, their names behind `prefix`.
pub fn borrowed<'a>(
    prefix: &'a str,
    tensors: &'a BTreeMap<String, HostTensor>,
) -> impl Iterator<Item = (String, tensors::TensorData<'a>)> {
    tensors
        .iter()
        .map(move |(name, tensor)| (format!("{prefix}{name}"), tensors::TensorData::new(&tensor.shape, &tensor.values)))
}

/// The tensors of a file whose names begin with `prefix`, by the rest of their names.
///
/// # Errors
///
/// When one of them is not of 32-bit floats.
pub fn read(prefix: &str, file: &TensorFile) -> Result<BTreeMap<String, HostTensor>, TensorFileError> {
    let names = file.names().filter_map(|name| Some((name, name.strip_prefix(prefix)?)));
    names
        .map(|(name, rest)| {
            let (shape, values) = file.tensor::<f32>(name)?;
            Ok((rest.to_owned(), HostTensor { shape: shape.to_vec(), values: values.to_vec() }))
        })
        .collect()
}

/// The values of a tensor, in host memory.
pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("all tensors of the network are 32-bit floats")
}

struct Reader {
    path: Vec<String>,
    tensors: BTreeMap<String, HostTensor>,
}

impl ModuleVisitor for Reader {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val().inner();
        let shape = tensor.dims().to_vec();
        self.tensors.insert(self.path.join("."), HostTensor { shape, values: values(tensor) });
    }
}

struct Writer<'a> {
    path: Vec<String>,
    tensors: BTreeMap<String, HostTensor>,
    origin: &'a Path,
    fault: Option<WeightsError>,
}

impl ModuleMapper for Writer<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, old, mapper) = param.consume();
        let name = self.path.join(".");
        let expected = old.dims();
        let new = match self.tensors.remove(&name) {
            Some(found) if found.shape == expected => {
                let new = Tensor::from_data(TensorData::new(found.values, found.shape), &old.device());
                new.set_require_grad(old.is_require_grad())
            }
            Some(found) => {
                let fault = WeightsError::Shape {
                    path: self.origin.to_owned(),
                    name,
                    expected: expected.to_vec(),
                    found: found.shape,
                };
                self.fault.get_or_insert(fault);
                old
            }
            None => {
                self.fault.get_or_insert(WeightsError::Missing { path: self.origin.to_owned(), name });
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
    fn a_network_survives_its_file_bit_for_bit() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (path, again) = (folder.path().join("a/weights.safetensors"), folder.path().join("again.safetensors"));
        let network = tiny(1, &cpu());
        save(&network, &path).expect("written");
        let loaded = load(tiny(2, &cpu()), &path).expect("the same shapes");
        assert_eq!(to_host(&loaded), to_host(&network));
        save(&loaded, &again).expect("written");
        assert_eq!(fs::read(&path).expect("there"), fs::read(&again).expect("there"));
    }

    #[test]
    fn names_can_be_read() {
        let names = to_host(&tiny(1, &cpu())).into_keys().collect::<Vec<_>>();
        for name in
            ["encoder.0.1.conv.weight", "encoder.2.0.norm.gamma", "up.1.weight", "decoder.0.0.conv.bias", "head.weight"]
        {
            assert!(names.iter().any(|known| known == name), "`{name}` is not in {names:?}");
        }
    }

    #[test]
    fn a_file_of_another_network_is_refused_with_the_tensor() {
        let origin = Path::new("some.safetensors");
        let tensors = to_host(&tiny(1, &cpu()));
        let refuse = |tensors| from_host(tiny(2, &cpu()), tensors, origin).expect_err("refused").to_string();

        let mut fewer = tensors.clone();
        fewer.remove("up.0.weight");
        assert_eq!(refuse(fewer), "`some.safetensors` has no tensor `up.0.weight`; it was written for another network");

        let mut more = tensors.clone();
        more.insert("head.bias".to_owned(), HostTensor { shape: vec![1], values: vec![0.0] });
        assert!(refuse(more).contains("a tensor `head.bias` that the network has not"));

        let mut reshaped = tensors;
        reshaped.insert("head.weight".to_owned(), HostTensor { shape: vec![2], values: vec![0.0; 2] });
        assert_eq!(
            refuse(reshaped),
            "tensor `head.weight` in `some.safetensors` is [2]; the network needs [3, 4, 1, 1, 1]"
        );
    }

    #[test]
    fn a_cut_file_is_not_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("weights.safetensors");
        save(&tiny(1, &cpu()), &path).expect("written");
        let whole = fs::read(&path).expect("there");
        fs::write(&path, &whole[..whole.len() - 1]).expect("written");
        let message = load(tiny(1, &cpu()), &path).expect_err("cut").to_string();
        assert!(message.contains("is damaged"), "{message}");
        let mut changed = whole;
        *changed.last_mut().expect("not empty") ^= 1;
        fs::write(&path, &changed).expect("written");
        let message = load(tiny(1, &cpu()), &path).expect_err("changed").to_string();
        assert!(message.contains("its checksum is") && message.contains("trains this network anew"), "{message}");
        let message = load(tiny(1, &cpu()), &folder.path().join("absent")).expect_err("absent").to_string();
        assert!(message.starts_with("cannot open `"), "{message}");
    }
}
