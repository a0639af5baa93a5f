//! Tensors in safetensors files: written whole, with a checksum, and read through a memory map.
//!
//! The checksum covers everything that a reader uses: metadata, names, types, shapes and elements. It is XXH3, which runs as fast
//! as memory can be read and notices any damage that nobody made on purpose. A file without one was written by a version that
//! did not know it: it is read, and [`TensorFile::is_verified`] says so.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytemuck::Pod;
use memmap2::Mmap;
use safetensors::{Dtype, SafeTensorError, SafeTensors, View};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use xxhash_rust::xxh3::Xxh3;

/// The one metadata key of our files. A single key keeps the header's bytes the same on every run.
const METADATA_KEY: &str = "segplan";
/// What the metadata begin with: the checksum's name, then 16 hexadecimal digits, a space, and the value as JSON.
const CHECKSUM: &str = "xxh3:";

/// A tensor file could not be written or read.
#[derive(Debug, Error)]
pub enum TensorFileError {
    /// The operating system refused.
    #[error("cannot open `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not what it claims to be.
    #[error("`{}` is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Element types that a tensor file holds.
pub trait Element: Pod {
    /// The type's name in the file.
    const DTYPE: Dtype;
}

impl Element for f32 {
    const DTYPE: Dtype = Dtype::F32;
}

impl Element for i16 {
    const DTYPE: Dtype = Dtype::I16;
}

impl Element for u8 {
    const DTYPE: Dtype = Dtype::U8;
}

impl Element for u32 {
    const DTYPE: Dtype = Dtype::U32;
}

/// A tensor about to be written: shape, and elements in row-major order.
#[derive(Debug)]
pub struct TensorData<'a> {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Cow<'a, [u8]>,
}

impl<'a> TensorData<'a> {
    /// A tensor that borrows its elements.
    ///
    /// # Panics
    ///
    /// When the shape does not hold as many elements as there are.
    pub fn new<T: Element>(shape: &[usize], elements: &'a [T]) -> Self {
        assert_eq!(shape.iter().product::<usize>(), elements.len(), "elements of a tensor of shape {shape:?}");
        Self { dtype: T::DTYPE, shape: shape.to_vec(), bytes: Cow::Borrowed(bytemuck::cast_slice(elements)) }
    }
}

impl View for &TensorData<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// What a reader sees of a tensor: name, type, shape, bytes.
type Seen<'a> = (&'a str, Dtype, &'a [usize], &'a [u8]);

/// Checksum of a file: of its metadata value as JSON, and of its tensors in the order of their names.
fn checksum<'a>(metadata: &str, tensors: impl Iterator<Item = Seen<'a>>) -> String {
    let mut hash = Xxh3::new();
    let mut add = |bytes: &[u8]| {
        // The length first, so that no byte can move from one part to the next.
        hash.update(&(bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    add(metadata.as_bytes());
    for (name, dtype, shape, bytes) in tensors {
        add(name.as_bytes());
        add(format!("{dtype:?} {shape:?}").as_bytes());
        add(bytes);
    }
    format!("{CHECKSUM}{:016x}", hash.digest())
}

/// Writes tensors and one metadata value; the file is the old one or the whole new one at every instant.
///
/// # Errors
///
/// When the folder or the file cannot be written.
pub fn write(
    path: &Path,
    tensors: &BTreeMap<String, TensorData<'_>>,
    metadata: &impl Serialize,
) -> Result<(), TensorFileError> {
    let fail = |source| TensorFileError::Io { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    let metadata = serde_json::to_string(metadata).map_err(|error| fail(error.into()))?;
    let seen = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor.dtype, &*tensor.shape, &*tensor.bytes));
    let metadata = format!("{} {metadata}", checksum(&metadata, seen));
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), metadata)]);
    safetensors::serialize_to_file(tensors.iter(), Some(metadata), path).map_err(|error| match error {
        SafeTensorError::IoError(source) => fail(source),
        other => fail(io::Error::other(other)),
    })
}

/// An open tensor file. Elements are read from the memory map, without a copy.
#[derive(Debug)]
pub struct TensorFile {
    path: PathBuf,
    map: Mmap,
    tensors: BTreeMap<String, (Dtype, Vec<usize>, Range<usize>)>,
    metadata: String,
    checksum: Option<String>,
}

impl TensorFile {
    /// Opens a file, and checks its header against its length and everything that it holds against its checksum.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, or is damaged.
    pub fn open(path: &Path) -> Result<Self, TensorFileError> {
        let file = Self::peek(path)?;
        let Some(expected) = &file.checksum else { return Ok(file) };
        let seen = file
            .tensors
            .iter()
            .map(|(name, (dtype, shape, range))| (name.as_str(), *dtype, &**shape, &file.map[range.clone()]));
        let found = checksum(&file.metadata, seen);
        if found == *expected {
            return Ok(file);
        }
        Err(file.damaged(format!("its checksum is {found}; expected {expected}")))
    }

    /// Opens a file for what its metadata say, and checks no more than its header against its length: no element is read.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, or is not a whole tensor file.
    pub fn peek(path: &Path) -> Result<Self, TensorFileError> {
        let fail = |source| TensorFileError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(fail)?;
        let map = map(&file).map_err(fail)?;
        let damaged =
            |error: SafeTensorError| TensorFileError::Damaged { path: path.to_owned(), reason: error.to_string() };
        let (_, header) = SafeTensors::read_metadata(&map).map_err(damaged)?;
        let base = map.as_ptr() as usize;
        let parsed = SafeTensors::deserialize(&map).map_err(damaged)?;
        let tensors = parsed
            .iter()
            .map(|(name, view)| {
                let start = view.data().as_ptr() as usize - base;
                (name.to_owned(), (view.dtype(), view.shape().to_vec(), start..start + view.data().len()))
            })
            .collect();
        let metadata = header.metadata().as_ref().and_then(|all| all.get(METADATA_KEY)).cloned().unwrap_or_default();
        let (checksum, metadata) = match metadata.split_once(' ') {
            Some((checksum, value)) if checksum.starts_with(CHECKSUM) => (Some(checksum.to_owned()), value.to_owned()),
            _ => (None, metadata),
        };
        Ok(Self { path: path.to_owned(), map, tensors, metadata, checksum })
    }

    /// Whether the file carries a checksum, which [`open`](Self::open) has compared.
    pub fn is_verified(&self) -> bool {
        self.checksum.is_some()
    }

    /// Names of all tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Shape and elements of a tensor.
    ///
    /// # Errors
    ///
    /// When there is no such tensor or it is of another type.
    pub fn tensor<T: Element>(&self, name: &str) -> Result<(&[usize], &[T]), TensorFileError> {
        let (dtype, shape, range) =
            self.tensors.get(name).ok_or_else(|| self.damaged(format!("it has no tensor `{name}`")))?;
        if *dtype != T::DTYPE {
            return Err(self.damaged(format!("tensor `{name}` is {dtype:?}; expected {:?}", T::DTYPE)));
        }
        let elements = bytemuck::try_cast_slice(&self.map[range.clone()])
            .map_err(|error| self.damaged(format!("tensor `{name}` is not aligned ({error})")))?;
        Ok((shape, elements))
    }

    /// The metadata value.
    ///
    /// # Errors
    ///
    /// When it is not of the expected form.
    pub fn metadata<T: DeserializeOwned>(&self) -> Result<T, TensorFileError> {
        serde_json::from_str(&self.metadata).map_err(|error| self.damaged(format!("its metadata: {error}")))
    }

    /// An error that says what is wrong with this file.
    pub fn damaged(&self, reason: String) -> TensorFileError {
        TensorFileError::Damaged { path: self.path.clone(), reason }
    }
}

#[expect(unsafe_code, reason = "a memory map is how prepared cases are read without a copy")]
fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: our files are replaced by renaming and never changed in place, so the mapped bytes stay as they are.
    unsafe { Mmap::map(file) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("case.safetensors");
        let image = [0.5_f32, -1.0, 2.0, 3.5];
        let labels = [-1_i16, 0, 2, 1];
        let tensors = BTreeMap::from([
            ("image".to_owned(), TensorData::new(&[1, 2, 2], &image)),
            ("labels".to_owned(), TensorData::new(&[2, 2], &labels)),
        ]);
        write(&path, &tensors, &"stamp").unwrap();
        let file = TensorFile::open(&path).unwrap();
        assert_eq!(file.tensor::<f32>("image").unwrap(), (&[1, 2, 2][..], &image[..]));
        assert_eq!(file.tensor::<i16>("labels").unwrap(), (&[2, 2][..], &labels[..]));
        assert_eq!(file.metadata::<String>().unwrap(), "stamp");
        assert!(file.tensor::<f32>("labels").unwrap_err().to_string().contains("expected F32"));
        assert!(file.tensor::<f32>("mask").unwrap_err().to_string().contains("no tensor `mask`"));
    }

    #[test]
    fn every_changed_byte_of_a_file_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("case.safetensors");
        let (image, labels) = ([0.5_f32, -1.0, 2.0, 3.5], [-1_i16, 0, 2, 1]);
        let tensors = BTreeMap::from([
            ("image".to_owned(), TensorData::new(&[1, 2, 2], &image)),
            ("labels".to_owned(), TensorData::new(&[2, 2], &labels)),
        ]);
        write(&path, &tensors, &("stamp", 1.5)).unwrap();
        let whole = fs::read(&path).unwrap();
        let mut unnoticed = Vec::new();
        for at in 0..whole.len() {
            for bit in [0, 3, 7] {
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << bit;
                fs::write(&path, &bytes).unwrap();
                let read = TensorFile::open(&path).and_then(|file| {
                    let values = (file.tensor::<f32>("image")?.1.to_vec(), file.tensor::<i16>("labels")?.1.to_vec());
                    Ok((file.metadata::<(String, f64)>()?, values))
                });
                if read.is_ok() {
                    unnoticed.push((at, bit));
                }
            }
        }
        // Padding of the header, which no reader uses.
        let padding = |at: &usize| whole[*at] == b' ' && *at >= 8;
        unnoticed.retain(|(at, _)| !padding(at));
        assert!(unnoticed.is_empty(), "{unnoticed:?} of {} bytes", whole.len());
        assert!(TensorFile::peek(&path).is_ok(), "the last byte is an element's, which is not looked at");
    }

    #[test]
    fn a_file_of_a_version_without_checksums_is_read_and_is_not_called_verified() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.safetensors");
        let image = TensorData::new(&[1], &[2.5_f32]);
        let metadata = HashMap::from([(METADATA_KEY.to_owned(), "{\"source\":\"a b\"}".to_owned())]);
        safetensors::serialize_to_file([("image", &image)], Some(metadata), &path).unwrap();
        let file = TensorFile::open(&path).unwrap();
        assert_eq!(file.metadata::<BTreeMap<String, String>>().unwrap()["source"], "a b");
        assert_eq!((file.tensor::<f32>("image").unwrap().1, file.is_verified()), (&[2.5_f32][..], false));
    }

    #[test]
    fn a_truncated_file_is_damaged_and_not_a_panic() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("case.safetensors");
        let tensors = BTreeMap::from([("image".to_owned(), TensorData::new(&[4], &[1.0_f32; 4]))]);
        write(&path, &tensors, &()).unwrap();
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
        assert!(matches!(TensorFile::open(&path), Err(TensorFileError::Damaged { .. })));
    }
}
