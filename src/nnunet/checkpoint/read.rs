//! Reads a checkpoint.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use crate::network::weights::HostTensor;
use crate::nnunet::archive::{Archive, ArchiveError};
use crate::nnunet::checkpoint::aliases::canonical_name;
use crate::nnunet::checkpoint::error::CheckpointError;
use crate::nnunet::checkpoint::pickle::{Pickle, Value, text, unpickle};
use crate::nnunet::checkpoint::storages::Storages;
use crate::nnunet::checkpoint::view::View;
use crate::nnunet::checkpoint::{Checkpoint, PICKLE};

/// Largest pickle, bytes. 4000 epochs of 117 classes make one of 32 MB.
const MAX_PICKLE: u64 = 256 << 20;
/// Statistics of layers that batch normalisation has and instance normalisation lacks.
const BATCH_NORM: [&str; 3] = [".running_mean", ".running_var", ".num_batches_tracked"];

/// Why the content of a file is refused.
enum Refusal {
    Damaged(String),
    Unsupported(String),
}

impl From<ArchiveError> for Refusal {
    fn from(error: ArchiveError) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl Checkpoint {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// As [`Self::read_from`], and when the file cannot be opened.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let file = File::open(path).map_err(|source| CheckpointError::Io { path: path.to_owned(), source })?;
        Self::read_from(BufReader::new(file), path)
    }

    /// Reads a checkpoint; errors name `origin` as the file. Nothing in the file is executed, and the memory that is used at once is at
    /// most [`MEMORY_FACTOR`](super::MEMORY_FACTOR) times its size, whatever it contains.
    ///
    /// # Errors
    ///
    /// When the file is damaged, is no checkpoint of nnU-Net v2, or has tensors of a type that segplan's networks lack.
    pub fn read_from(reader: impl Read + Seek, origin: &Path) -> Result<Self, CheckpointError> {
        read(reader).map_err(|refusal| {
            let path = origin.to_owned();
            match refusal {
                Refusal::Damaged(reason) => CheckpointError::Damaged { path, reason },
                Refusal::Unsupported(reason) => CheckpointError::Unsupported { path, reason },
            }
        })
    }
}

fn read(reader: impl Read + Seek) -> Result<Checkpoint, Refusal> {
    let mut archive = Archive::open(reader)?;
    // The folder of all entries has the name of the file when it was saved.
    let is_pickle = |name: &str| name.strip_suffix(PICKLE).is_some_and(|root| root.is_empty() || root.ends_with('/'));
    let entry = archive.entries().iter().filter(|entry| is_pickle(&entry.name)).min_by_key(|entry| entry.name.len());
    let entry = entry.ok_or_else(|| Refusal::Damaged(format!("it has no `{PICKLE}`")))?.clone();
    if entry.size > MAX_PICKLE {
        return Err(Refusal::Damaged(format!(
            "its `{PICKLE}` has {} bytes; at most {MAX_PICKLE} are read",
            entry.size
        )));
    }
    let root = entry.name.strip_suffix(PICKLE).unwrap_or_default();
    check_byte_order(&mut archive, root)?;
    let bytes = archive.read_stored(&entry)?;
    let pickle = unpickle(&bytes).map_err(|error| Refusal::Damaged(format!("its `{PICKLE}`, {error}")))?;
    let field = |dict: &Value<'_>, key: &str| {
        let found = pickle.entry(dict, key).and_then(text);
        found.map(str::to_owned).ok_or_else(|| Refusal::Damaged(format!("`{key}` is no text")))
    };
    let arguments = pickle.entry(pickle.root(), "init_args");
    let arguments = arguments.ok_or_else(|| Refusal::Damaged("it has no `init_args`".to_owned()))?;
    Ok(Checkpoint {
        trainer: field(pickle.root(), "trainer_name")?,
        configuration: field(arguments, "configuration")?,
        fold: match pickle.entry(arguments, "fold") {
            Some(Value::Int(fold)) => fold.to_string(),
            _ => field(arguments, "fold")?,
        },
        mirror_axes: read_mirror_axes(&pickle)?,
        weights: read_weights(&pickle, &mut Storages::new(&mut archive, root))?,
    })
}

/// Refuses files of big-endian machines. Files without a byte order are of versions that had one only.
fn check_byte_order<R: Read + Seek>(archive: &mut Archive<R>, root: &str) -> Result<(), Refusal> {
    let name = format!("{root}byteorder");
    let Some(entry) = archive.entries().iter().find(|entry| entry.name == name).cloned() else { return Ok(()) };
    if archive.read_stored(&entry)? == b"little" {
        return Ok(());
    }
    Err(Refusal::Unsupported("its numbers are not little-endian".to_owned()))
}

/// Axes along which predictions may be mirrored; `None` if there are none.
fn read_mirror_axes(pickle: &Pickle<'_>) -> Result<Option<Vec<usize>>, Refusal> {
    let key = "inference_allowed_mirroring_axes";
    match pickle.entry(pickle.root(), key) {
        None | Some(Value::None) => Ok(None),
        Some(axes) => {
            let axes = pickle.sizes(axes, 3).filter(|axes| axes.iter().all(|&axis| axis < 3));
            axes.map(Some).ok_or_else(|| Refusal::Damaged(format!("`{key}` is not a list of axes")))
        }
    }
}

fn read_weights<R: Read + Seek>(
    pickle: &Pickle<'_>,
    storages: &mut Storages<'_, R>,
) -> Result<BTreeMap<String, HostTensor>, Refusal> {
    let Some(Value::Dict(entries)) = pickle.entry(pickle.root(), "network_weights") else {
        return Err(Refusal::Damaged("it has no `network_weights`".to_owned()));
    };
    let mut weights = BTreeMap::new();
    for &(name, value) in entries {
        let Some(name) = pickle.text(name) else {
            return Err(Refusal::Damaged("the name of a tensor is no text".to_owned()));
        };
        let Some(name) = canonical_name(name) else { continue };
        if BATCH_NORM.iter().any(|end| name.ends_with(end)) {
            return Err(Refusal::Unsupported(format!("`{name}` is of batch normalisation")));
        }
        let Value::Tensor(arguments) = *pickle.get(value) else {
            let found = pickle.type_name(pickle.get(value));
            return Err(Refusal::Unsupported(format!("`{name}` is a `{found}`; expected a tensor")));
        };
        let view = View::of(pickle, arguments);
        let view = view.map_err(|reason| Refusal::Unsupported(format!("tensor `{name}`: {reason}")))?;
        let tensor = storages.tensor(&view);
        let tensor = tensor.map_err(|error| Refusal::Damaged(format!("tensor `{name}`: {error}")))?;
        if weights.insert(name.to_owned(), tensor).is_some() {
            return Err(Refusal::Damaged(format!("tensor `{name}` occurs twice")));
        }
    }
    Ok(weights)
}
