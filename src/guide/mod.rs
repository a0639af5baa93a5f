//! The guide: pages for maintainers and curious users. Each is a Markdown file in `src/guide/`.

#[doc = include_str!("method.md")]
pub mod method {}

#[doc = include_str!("architecture.md")]
pub mod architecture {}

#[doc = include_str!("extending.md")]
pub mod extending {}

#[doc = include_str!("decisions.md")]
pub mod decisions {}
