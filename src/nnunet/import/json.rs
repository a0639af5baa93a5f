//! Reads entries of nnU-Net's JSON files.

use serde_json::Value;

use crate::nnunet::import::error::ImportError;
use crate::nnunet::import::legacy::with_architecture;
use crate::volume::axes::slice_first;

/// A configuration with the entries that it inherits, in the format of nnU-Net 2.8.
pub(super) fn resolved(plans: &Value, name: &str) -> Option<Value> {
    let all = plans["configurations"].as_object()?;
    let mut entry = all.get(name)?.clone();
    // At most one step per configuration: a cycle of heirs ends there.
    for _ in 0..all.len() {
        let Some(parent) = entry["inherits_from"].as_str().and_then(|parent| all.get(parent)) else { break };
        let mut merged = parent.clone();
        let (Some(into), Some(own)) = (merged.as_object_mut(), entry.as_object()) else { break };
        into.extend(
            own.iter().filter(|(key, _)| *key != "inherits_from").map(|(key, value)| (key.clone(), value.clone())),
        );
        entry = merged;
    }
    Some(with_architecture(entry))
}

pub(super) fn wrong(entry: &str, expected: &'static str) -> ImportError {
    ImportError::Entry { entry: entry.to_owned(), expected }
}

pub(super) fn numbers<T: Copy + Default>(value: &Value, read: fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    value.as_array()?.iter().map(read).collect()
}

pub(super) fn whole(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok()
}

/// The order of axes in nnU-Net's preprocessed cases.
pub(super) fn axes(plans: &Value) -> Result<[usize; 3], ImportError> {
    let written = numbers(&plans["transpose_forward"], whole).and_then(|axes| <[usize; 3]>::try_from(axes).ok());
    written
        .filter(|axes| axes[0] < 3 && *axes == slice_first(axes[0]))
        .ok_or_else(|| wrong("transpose_forward", "an order of three axes in which only the first one has been moved"))
}
