//! Slices of images with outlines of labels.

pub mod augmentation;
pub mod cases;
pub mod outline;
pub mod slice_figure;
pub mod slice_png;
