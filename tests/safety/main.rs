//! The user's files are safe, every result is based on intact and current inputs, and a closed output stream ends nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

#[path = "../common/mod.rs"]
mod common;
mod damage;
mod folds;
mod outputs;
mod streams;
mod workplace;
