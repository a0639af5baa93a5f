//! Writing a figure of a report, at the width of a journal's column and of its page.

use crate::report::error::ReportError;
use crate::report::figure::canvas::{Plot, with_ending, write_sized};
use crate::report::figure::style::{COLUMN_MM, PAGE_MM, Size};
use crate::report::folder::ReportFolder;
use crate::store::remove_if_present;

/// A figure that was drawn.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// Its name, from which those of its files follow.
    pub name: String,
    pub caption: String,
    /// The figure at column width, as SVG.
    pub svg: String,
    pub kind: Kind,
}

/// Kinds of figures, which a report shows in different sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Results, overlaid trainings, plans.
    Drawing,
    /// Slices of cases: a drawing that contains images.
    Slices,
    /// A single training.
    Training,
}

impl Figure {
    /// Path of the file at column width within a report's folder, with `/` between folders.
    pub(crate) fn column_file(&self, ending: &str) -> String {
        format!("figures/{}-{COLUMN_MM}mm.{ending}", self.name)
    }
}

/// The heights of a figure, mm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heights {
    /// At column width.
    pub column: f64,
    /// At page width.
    pub page: f64,
}

/// Where the figures of a run are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FigureFolder<'a> {
    /// Prefix of the names, which distinguishes the figures of several runs.
    pub prefix: &'a str,
    pub folder: &'a ReportFolder,
}

impl FigureFolder<'_> {
    /// Draws a figure at both widths.
    ///
    /// # Errors
    ///
    /// If it cannot be drawn or written.
    pub(crate) fn draw(
        self,
        plot: &impl Plot,
        name: &str,
        caption: String,
        heights: Heights,
    ) -> Result<Figure, ReportError> {
        let name = format!("{}{name}", self.prefix);
        let size = |width: u32, height_mm: f64| Size { width_mm: f64::from(width), height_mm };
        let svg = write_sized(plot, size(COLUMN_MM, heights.column), &self.folder.figure(&name, COLUMN_MM))?;
        write_sized(plot, size(PAGE_MM, heights.page), &self.folder.figure(&name, PAGE_MM))?;
        Ok(Figure { name, caption, svg, kind: Kind::Drawing })
    }

    /// Removes a figure of an earlier report, if it exists.
    ///
    /// # Errors
    ///
    /// If it exists and cannot be removed.
    pub(crate) fn remove(self, name: &str) -> Result<(), ReportError> {
        for width in [COLUMN_MM, PAGE_MM] {
            let stem = self.folder.figure(&format!("{}{name}", self.prefix), width);
            for ending in ["svg", "png"] {
                remove_if_present(&with_ending(&stem, ending))?;
            }
        }
        Ok(())
    }
}
