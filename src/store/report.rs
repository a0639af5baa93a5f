//! The files of a report on disk: one method per file name.

use std::path::{Path, PathBuf};

/// The folder of one report, `reports/<name>/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFolder {
    /// The folder itself.
    pub root: PathBuf,
}

impl ReportFolder {
    /// The report called `name` among `reports`.
    pub fn new(reports: &Path, name: &str) -> Self {
        Self { root: reports.join(name) }
    }

    /// The self-contained page.
    pub fn page(&self) -> PathBuf {
        self.root.join("index.html")
    }

    /// The report for a git host.
    pub fn markdown(&self) -> PathBuf {
        self.root.join("report.md")
    }

    /// The references of the methods paragraph.
    pub fn bibliography(&self) -> PathBuf {
        self.root.join("references.bib")
    }

    /// The methods paragraph.
    pub fn methods(&self) -> PathBuf {
        self.root.join("methods.md")
    }

    /// The reporting checklist.
    pub fn checklist(&self) -> PathBuf {
        self.root.join("claim-2024.md")
    }

    /// The files that every report has beside its tables and figures.
    pub fn always(&self) -> [PathBuf; 5] {
        [self.page(), self.markdown(), self.bibliography(), self.methods(), self.checklist()]
    }

    /// A table, without its extension.
    pub fn table(&self, name: &str) -> PathBuf {
        self.root.join("tables").join(name)
    }

    /// A figure of a given width, without its extension.
    pub fn figure(&self, name: &str, width_mm: u32) -> PathBuf {
        self.root.join("figures").join(format!("{name}-{width_mm}mm"))
    }
}
