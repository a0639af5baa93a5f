//! A report as one page: HTML for a browser, Markdown for a git host.

mod data;
mod html;
mod markdown;
mod section;

pub(crate) use self::html::write_html;
pub(crate) use self::markdown::write_markdown;
pub(crate) use self::section::{Report, Section};
