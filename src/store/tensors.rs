//! Tensors in safetensors files: written whole, read through a memory map.

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

/// The one metadata key of our files. A single key keeps the header's bytes the same on every run.
const METADATA_KEY: &str = "segplan";

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
    #[error("`{}` is damaged: {reason}; remove it and run again", path.display())]
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
}

impl TensorFile {
    /// Opens a file and checks its header against its length.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, or is not a whole tensor file.
    pub fn open(path: &Path) -> Result<Self, TensorFileError> {
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
        Ok(Self { path: path.to_owned(), map, tensors, metadata })
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
