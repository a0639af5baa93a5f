//! A plan as a TOML file, and edits of such a file.

mod comments;
mod line_endings;
pub mod set;
pub mod update;
pub mod write;

pub use self::set::{EditError, set};
pub use self::update::{Update, update};
pub use self::write::{SCHEMA_FILE, Scope, file_text, resolved_text};
