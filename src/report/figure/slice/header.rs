//! The header of a PNG image of slices: title and names of the classes in their colours, on black.

use std::collections::BTreeMap;

use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::prelude::DrawingBackend;
use plotters::style::WHITE;

use crate::report::figure::slice::renderer::class_colour;
use crate::report::figure::text::draw_pixel_text;

/// Where the header is, in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) left: i32,
    /// Middle of the title.
    pub(super) title_y: i32,
    /// Middle of the names.
    pub(super) classes_y: i32,
    pub(super) text_size: i32,
}

impl Header {
    /// Draws the header; returns where the next word after the names may begin.
    pub(super) fn draw<B: DrawingBackend>(
        self,
        area: &DrawingArea<B, Shift>,
        title: &str,
        classes: &BTreeMap<u8, String>,
    ) -> Result<i32, String> {
        draw_pixel_text(area, title, (self.left, self.title_y), (self.text_size, WHITE))?;
        let mut left = self.left;
        for (class, name) in (1..).zip(classes.values()) {
            let style = (self.text_size, class_colour(class));
            left += draw_pixel_text(area, name, (left, self.classes_y), style)? + self.text_size;
        }
        Ok(left)
    }
}
