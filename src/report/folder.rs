//! The layout of a report on disk: one method per file.

use std::path::{Path, PathBuf};

/// The folder of a report, `reports/<name>/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReportFolder {
    pub root: PathBuf,
}

impl ReportFolder {
    /// The report of a name within the folder of reports.
    pub(crate) fn new(reports: &Path, name: &str) -> Self {
        Self { root: reports.join(name) }
    }

    /// The self-contained page.
    pub(crate) fn page(&self) -> PathBuf {
        self.root.join("index.html")
    }

    /// The report for a git host.
    pub(crate) fn markdown(&self) -> PathBuf {
        self.root.join("report.md")
    }

    /// The works that the methods paragraph cites.
    pub(crate) fn bibliography(&self) -> PathBuf {
        self.root.join("references.bib")
    }

    /// The methods paragraph.
    pub(crate) fn methods(&self) -> PathBuf {
        self.root.join("methods.md")
    }

    /// The reporting checklist.
    pub(crate) fn checklist(&self) -> PathBuf {
        self.root.join("claim-2024.md")
    }

    /// The files that every report has besides its tables and figures.
    pub(crate) fn always(&self) -> [PathBuf; 5] {
        [self.page(), self.markdown(), self.bibliography(), self.methods(), self.checklist()]
    }

    /// The folder of the tables.
    pub(crate) fn tables(&self) -> PathBuf {
        self.root.join("tables")
    }

    /// A figure of a width, without ending.
    pub(crate) fn figure(&self, name: &str, width_mm: u32) -> PathBuf {
        self.root.join("figures").join(format!("{name}-{width_mm}mm"))
    }
}
