//! The plan: its schema, the 2018 rules that make it, and its way in and out of TOML.

pub mod schema;

pub mod check;
pub mod digest;
pub mod fault;
mod form;
pub mod layer;
pub mod load;
pub mod make;
pub mod rules;
mod validate;
pub mod write;
