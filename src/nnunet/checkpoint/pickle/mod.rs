//! Reads the pickles that PyTorch writes, without running them.
//!
//! A pickle is a program for a stack machine; a hostile one calls any function. Here, no call is made: dictionaries, lists, tuples,
//! texts, numbers and tensors, of which checkpoints consist, become values, and the result of every other call is a value that only
//! names it. Other instructions than those of [`machine`] are errors.
//!
//! The memory is proportional to the length of the pickle, whatever it contains. Values are never copied, only referred to, so a value
//! that is used a million times is stored once. A file in which this matters is not even hostile: the losses and scores of a training
//! of 4000 epochs are half a million `NumPy` scalars that share their types.
//!
//! Source: `pickletools.py` of `CPython` 3.12; `torch/serialization.py` of PyTorch 2.8.

mod error;
mod machine;
mod value;

#[cfg(test)]
mod tests;

pub(super) use self::machine::unpickle;
pub(super) use self::value::{Id, Pickle, Value, text};
