//! The content of a report, which HTML and Markdown show.

use crate::report::figure::output::{Figure, Kind};
use crate::report::figure::slice::cases::ViewerCase;
use crate::report::record::RunRecord;
use crate::report::table::Table;

/// A report of one or more runs.
pub(crate) struct Report<'a> {
    pub sections: Vec<Section<'a>>,
    /// One table per metric.
    pub scores: Vec<Table>,
    /// Model selection, paired differences, ranking stability.
    pub comparisons: Vec<Table>,
}

/// One run of a report.
pub(crate) struct Section<'a> {
    pub record: &'a RunRecord,
    pub figures: Vec<Figure>,
    /// Its best, median and worst cases. `None` if images are excluded from the report.
    pub cases: Option<Vec<ViewerCase>>,
    /// Notes on what is missing.
    pub notes: Vec<String>,
    /// Its methods paragraph.
    pub methods: String,
}

impl Report<'_> {
    /// Names of the runs.
    pub(super) fn title(&self) -> String {
        self.sections.iter().map(Section::name).collect::<Vec<_>>().join(", ")
    }
}

impl Section<'_> {
    pub(super) fn name(&self) -> &str {
        &self.record.plan.name
    }

    /// All figures but those of single trainings.
    pub(super) fn main_figures(&self) -> impl Iterator<Item = &Figure> {
        self.figures.iter().filter(|figure| figure.kind != Kind::Training)
    }

    /// The figures of single trainings.
    pub(super) fn single_trainings(&self) -> impl Iterator<Item = &Figure> {
        self.figures.iter().filter(|figure| figure.kind == Kind::Training)
    }
}
