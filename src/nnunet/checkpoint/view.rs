//! A tensor as a view of a storage: where its elements are.

use crate::nnunet::checkpoint::element::Element;
use crate::nnunet::checkpoint::pickle::{Id, Pickle, Value};

/// Largest number of axes of a tensor; a transposed convolution has 5.
const MAX_AXES: usize = 8;

/// Elements of a storage that form a tensor. All of them exist, and none is used twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    /// Name of the storage.
    pub(super) storage: String,
    pub(super) element: Element,
    /// Number of elements of the storage.
    pub(super) storage_length: usize,
    /// Edges, slowest first.
    pub(super) shape: Vec<usize>,
    /// Number of elements of the tensor.
    pub(super) length: usize,
    offset: usize,
    strides: Vec<usize>,
}

impl View {
    /// The view that the arguments of `_rebuild_tensor_v2` describe: storage, offset, shape, strides, and more.
    ///
    /// # Errors
    ///
    /// Why they describe none.
    pub(super) fn of(pickle: &Pickle<'_>, arguments: Id) -> Result<Self, String> {
        let Some(&[storage, offset, shape, strides, ..]) = pickle.tuple(arguments) else {
            return Err("it lacks a storage, offset, shape or strides".to_owned());
        };
        let Value::Storage(identifier) = *pickle.get(storage) else {
            return Err(format!("its storage is a {}", pickle.type_name(pickle.get(storage))));
        };
        let Some(&[_, class, key, _, length, ..]) = pickle.tuple(identifier) else {
            return Err("its storage lacks a type, name or length".to_owned());
        };
        let class = pickle.type_name(pickle.get(class));
        let element = Element::of_storage(&class).ok_or_else(|| format!("it is stored as `{class}`"))?;
        let sizes = |id, what| {
            let sizes = pickle.sizes(pickle.get(id), MAX_AXES);
            sizes.ok_or_else(|| format!("its {what} is not a list of at most {MAX_AXES} integers from 0"))
        };
        let view = Self {
            storage: pickle.text(key).ok_or("the name of its storage is no text")?.to_owned(),
            element,
            storage_length: pickle.size(length).ok_or("the length of its storage is no integer from 0")?,
            shape: sizes(shape, "shape")?,
            length: 0,
            offset: pickle.size(offset).ok_or("its offset is no integer from 0")?,
            strides: sizes(strides, "stride")?,
        };
        view.checked()
    }

    /// Sets the number of elements, if the elements exist and none is used twice.
    fn checked(mut self) -> Result<Self, String> {
        if self.shape.len() != self.strides.len() {
            return Err(format!("it has {} axes and {} strides", self.shape.len(), self.strides.len()));
        }
        let length = self.shape.iter().try_fold(1_usize, |length, &edge| length.checked_mul(edge));
        let too_large = || format!("shape {:?} and strides {:?} do not fit its storage", self.shape, self.strides);
        let length = length.ok_or_else(too_large)?;
        if length > 0 {
            let last = self.shape.iter().zip(&self.strides).try_fold(0_usize, |last, (&edge, &stride)| {
                (edge - 1).checked_mul(stride).and_then(|step| last.checked_add(step))
            });
            // Fewer elements than the tensor has would be used repeatedly.
            let fits = last.and_then(|last| Some((last, last.checked_add(self.offset)?)));
            if fits.is_none_or(|(last, end)| end >= self.storage_length || last + 1 < length) {
                return Err(too_large());
            }
        }
        self.length = length;
        Ok(self)
    }

    /// The elements in row-major order, from the bytes of the storage.
    pub(super) fn read(&self, bytes: &[u8]) -> Vec<f32> {
        let mut values = Vec::with_capacity(self.length);
        let mut index = vec![0; self.shape.len()];
        for _ in 0..self.length {
            let at: usize = index.iter().zip(&self.strides).map(|(index, stride)| index * stride).sum();
            values.push(self.element.read(bytes, self.offset + at));
            for (index, edge) in index.iter_mut().zip(&self.shape).rev() {
                *index += 1;
                if *index < *edge {
                    break;
                }
                *index = 0;
            }
        }
        values
    }
}
