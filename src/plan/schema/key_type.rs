//! Which type of value a Rust type is in a plan.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::plan::schema::key::{Key, Kind};
use crate::volume::{Shape, Spacing};

/// A Rust type of a value in a plan.
pub(super) trait KeyType {
    const KIND: Kind;
}

/// A Rust type of a table in a plan.
pub(super) trait Table {
    const KEYS: &'static [Key];
}

impl<T: Table> KeyType for T {
    const KIND: Kind = Kind::Table(T::KEYS);
}

macro_rules! key_types {
    ($($rust:ty: $kind:expr,)+) => { $(impl KeyType for $rust { const KIND: Kind = $kind; })+ };
}

key_types! {
    u8: Kind::Integer,
    u32: Kind::Integer,
    u64: Kind::Integer,
    usize: Kind::Integer,
    f64: Kind::Number,
    bool: Kind::Switch,
    String: Kind::Text,
    PathBuf: Kind::Text,
    [f64; 2]: Kind::Interval,
    [usize; 2]: Kind::Array(&Kind::Integer, 2),
    [usize; 3]: Kind::Array(&Kind::Integer, 3),
    [f64; 3]: Kind::Array(&Kind::Number, 3),
    Shape: Kind::Array(&Kind::Integer, 3),
    Spacing: Kind::Array(&Kind::Number, 3),
    BTreeMap<u8, String>: Kind::Labels,
}

impl<T: KeyType> KeyType for Vec<T> {
    const KIND: Kind = Kind::List(&T::KIND);
}

impl<T: KeyType> KeyType for Option<T> {
    const KIND: Kind = T::KIND;
}
