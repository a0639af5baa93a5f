//! Slices through images with the outlines of labels: PNG images, figures, the viewer of the page.

pub(crate) mod augmentation;
pub(crate) mod cases;
mod header;
mod outline;
mod plane;
mod renderer;
pub(crate) mod slice_figure;
pub(crate) mod slice_png;
