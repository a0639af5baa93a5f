//! A report as one page, as HTML and as Markdown.

pub mod html;
pub mod markdown;
