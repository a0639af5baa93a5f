//! The list of work: every piece of work of a plan, its order and what it needs. Nothing else knows an order or a dependency;
//! `status`, `--dry-run`, the forecast, the runner and its failures read this list.
//!
//! Source: arXiv:1809.10486, 2.1 (the second stage of the cascade is trained on predictions of the first) and 2.6 (ensembles of
//! two configurations, and the choice by cross-validation).

mod list;
mod piece;

pub(super) use self::list::list_work;
pub use self::piece::{Members, Piece, Work};
