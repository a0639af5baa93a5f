//! The plan: its schema, the 2018 rules that make it, and its way in and out of TOML.

pub mod schema;

pub mod apply;
pub mod check;
pub mod diff;
pub mod digest;
pub mod edit;
pub mod explain;
pub mod fault;
pub mod fit;
mod form;
pub mod keys;
pub mod layer;
mod lines;
pub mod load;
pub mod make;
pub mod name;
pub mod notes;
pub mod origin;
pub mod overrides;
pub mod patients;
pub mod published;
mod reasons;
pub mod rules;
pub mod show;
pub mod sweep;
pub mod tolerance;
pub mod unplannable;
pub mod update;
mod validate;
pub mod write;
