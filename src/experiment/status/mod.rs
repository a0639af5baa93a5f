//! The list of work of a plan with the state of each piece, its estimate, and what comes next. Nothing is written.

mod read;
mod text;

pub use self::read::{Entry, Status};
