//! Tensors in safetensors files, written atomically with a checksum and read through a memory map.
//!
//! The checksum covers everything that a reader uses: metadata, names, types, shapes and elements. It is XXH3, which
//! runs at the speed of memory and detects accidental damage. A file without a checksum, written by an earlier version,
//! is accepted; [`TensorFile::is_verified`] reports that.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytemuck::Pod;
use memmap2::{Mmap, MmapMut};
use safetensors::{Dtype, SafeTensorError, SafeTensors, View};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use xxhash_rust::xxh3::Xxh3;

/// The only metadata key of our files: with several keys, their order would differ from run to run.
const METADATA_KEY: &str = "segplan";
/// Start of the metadata, followed by 16 hexadecimal digits, a space, and the value as JSON.
const CHECKSUM: &str = "xxh3:";

/// A tensor file could not be written or read.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the message of each variant describes its fields")]
pub enum TensorFileError {
    /// The operating system refused.
    #[error("cannot open `{}`: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// The file is damaged, or is no tensor file.
    #[error("`{}` is damaged: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
}

/// Element types of tensor files.
pub trait Element: Pod {
    /// The type in the file.
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

/// A tensor to write: shape, and elements in row-major order.
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
    /// If the number of elements does not fit the shape.
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

/// The parts of a tensor that the checksum covers.
struct Checked<'a> {
    name: &'a str,
    dtype: Dtype,
    shape: &'a [usize],
    bytes: &'a [u8],
}

/// Checksum of a file: its metadata value as JSON, and its tensors sorted by name.
fn checksum<'a>(metadata: &str, tensors: impl Iterator<Item = Checked<'a>>) -> String {
    let mut hash = Xxh3::new();
    let mut add = |bytes: &[u8]| {
        // The length comes first, so no byte can move from one part to the next unnoticed.
        hash.update(&(bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    add(metadata.as_bytes());
    for Checked { name, dtype, shape, bytes } in tensors {
        add(name.as_bytes());
        add(format!("{dtype:?} {shape:?}").as_bytes());
        add(bytes);
    }
    format!("{CHECKSUM}{:016x}", hash.digest())
}

/// Writes tensors and one metadata value. Atomic: at every instant, the file is the old one or the complete new one.
///
/// # Errors
///
/// If the folder or the file cannot be written.
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
    let checked = tensors.iter().map(|(name, tensor)| Checked {
        name,
        dtype: tensor.dtype,
        shape: &tensor.shape,
        bytes: &tensor.bytes,
    });
    let metadata = format!("{} {metadata}", checksum(&metadata, checked));
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), metadata)]);
    safetensors::serialize_to_file(tensors.iter(), Some(metadata), path).map_err(|error| match error {
        SafeTensorError::IoError(source) => fail(source),
        other => fail(io::Error::other(other)),
    })
}

/// An open tensor file. Elements are read from the memory map without a copy.
#[derive(Debug)]
pub struct TensorFile {
    path: PathBuf,
    map: Mmap,
    tensors: BTreeMap<String, (Dtype, Vec<usize>, Range<usize>)>,
    metadata: String,
    checksum: Option<String>,
}

impl TensorFile {
    /// Opens a file, checks its header against its length, and verifies its checksum.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened, or is damaged.
    pub fn open(path: &Path) -> Result<Self, TensorFileError> {
        Self::peek(path)?.verified()
    }

    /// Opens a file for its metadata. Checks its header against its length, and reads no element.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened, or is no complete tensor file.
    pub fn peek(path: &Path) -> Result<Self, TensorFileError> {
        let fail = |source| TensorFileError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(fail)?;
        Self::of_map(path, map(&file).map_err(fail)?)
    }

    /// Reads a file of this many bytes from memory, which `fill` writes, with the checks of [`open`](Self::open). Errors name `path`.
    ///
    /// # Errors
    ///
    /// If `fill` fails, or the file is damaged.
    pub fn from_memory<E: From<TensorFileError>>(
        path: &Path,
        bytes: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let fail = |source| TensorFileError::Io { path: path.to_owned(), source };
        // Pages are aligned for elements of every type.
        let mut memory = MmapMut::map_anon(bytes).map_err(fail)?;
        fill(&mut memory)?;
        let map = memory.make_read_only().map_err(fail)?;
        Ok(Self::of_map(path, map)?.verified()?)
    }

    /// Checks the header against the length.
    fn of_map(path: &Path, map: Mmap) -> Result<Self, TensorFileError> {
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

    /// Verifies the checksum, if there is one.
    fn verified(self) -> Result<Self, TensorFileError> {
        let Some(expected) = &self.checksum else { return Ok(self) };
        let checked = self.tensors.iter().map(|(name, (dtype, shape, range))| Checked {
            name,
            dtype: *dtype,
            shape,
            bytes: &self.map[range.clone()],
        });
        let found = checksum(&self.metadata, checked);
        if found == *expected {
            return Ok(self);
        }
        Err(self.damaged(format!("its checksum is {found}; expected {expected}")))
    }

    /// Whether the file has a checksum, which [`open`](Self::open) has verified.
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
    /// If there is no such tensor, or it has another type.
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
    /// If it does not have the expected form.
    pub fn metadata<T: DeserializeOwned>(&self) -> Result<T, TensorFileError> {
        serde_json::from_str(&self.metadata).map_err(|error| self.damaged(format!("its metadata: {error}")))
    }

    /// The error that this file is damaged.
    pub fn damaged(&self, reason: String) -> TensorFileError {
        TensorFileError::Damaged { path: self.path.clone(), reason }
    }
}

#[expect(unsafe_code, reason = "prepared cases are read without a copy through a memory map")]
fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: our files are replaced by renaming and never modified in place, so the mapped bytes do not change.
    unsafe { Mmap::map(file) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_and_metadata_are_read_back() {
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
    fn every_changed_byte_of_a_file_is_detected() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("case.safetensors");
        let (image, labels) = ([0.5_f32, -1.0, 2.0, 3.5], [-1_i16, 0, 2, 1]);
        let tensors = BTreeMap::from([
            ("image".to_owned(), TensorData::new(&[1, 2, 2], &image)),
            ("labels".to_owned(), TensorData::new(&[2, 2], &labels)),
        ]);
        write(&path, &tensors, &("stamp", 1.5)).unwrap();
        let whole = fs::read(&path).unwrap();
        let mut undetected = Vec::new();
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
                    undetected.push((at, bit));
                }
            }
        }
        // Padding of the header.
        let padding = |at: &usize| whole[*at] == b' ' && *at >= 8;
        undetected.retain(|(at, _)| !padding(at));
        assert!(undetected.is_empty(), "{undetected:?} of {} bytes", whole.len());
        assert!(TensorFile::peek(&path).is_ok(), "the last byte belongs to an element, which is not read");
    }

    #[test]
    fn a_file_without_a_checksum_is_read_but_not_verified() {
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
