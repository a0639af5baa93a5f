//! Errors and warnings about a plan, each with its position in the layer that it is about.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use miette::{LabeledSpan, NamedSource, Severity, SourceCode};
use thiserror::Error;

use crate::plan::read::layer::{Layer, Source};
use crate::units::counted;

/// An error or a warning about a plan.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    severity: Severity,
    message: String,
    label: String,
    help: Option<String>,
    spot: Option<(NamedSource<Arc<str>>, Range<usize>)>,
}

impl Diagnostic {
    /// An error at a position of a layer. `label` is written under the caret.
    pub fn at(layer: &Layer, position: Range<usize>, message: impl Into<String>, label: impl Into<String>) -> Self {
        let source = NamedSource::new(layer.source.to_string(), layer.text.clone());
        let spot = Some((source, position));
        Self { severity: Severity::Error, message: message.into(), label: label.into(), help: None, spot }
    }

    /// An error without a position, such as a missing key.
    pub fn without_position(message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, message: message.into(), label: String::new(), help: None, spot: None }
    }

    /// Whether another diagnostic has the same text and position.
    pub(in crate::plan) fn is_same(&self, other: &Self) -> bool {
        let position = |one: &Self| one.spot.as_ref().map(|(source, at)| (source.name().to_owned(), at.clone()));
        (&self.message, &self.label, position(self)) == (&other.message, &other.label, position(other))
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Turns the error into a warning: the plan can be run as it is.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Whether it is a warning: the plan can be run as it is.
    pub fn is_warning(&self) -> bool {
        self.severity < Severity::Error
    }

    /// Whether it is about this layer, or has no position.
    pub(in crate::plan) fn is_of(&self, source: &Source) -> bool {
        self.position().is_none_or(|(name, _)| name == source.to_string())
    }

    /// The layer that it is about, and the byte offset in the text of that layer.
    pub(in crate::plan) fn position(&self) -> Option<(&str, usize)> {
        self.spot.as_ref().map(|(source, at)| (source.name(), at.start))
    }
}

impl Diagnostic {
    /// The same text on one line, without the source around its position.
    fn collapsed(self) -> Self {
        Self { message: self.one_line(), label: String::new(), help: None, spot: None, severity: self.severity }
    }

    /// The diagnostic on one line: layer and line, message, help.
    pub fn one_line(&self) -> String {
        let position = self.spot.as_ref().map_or_else(String::new, |(source, position)| {
            let line = source.inner()[..position.start.min(source.inner().len())].matches('\n').count() + 1;
            let name = source.name();
            // Layers other than files have a single line.
            if name.starts_with('-') || name.contains("variable ") {
                format!("{name}: ")
            } else {
                format!("{name}:{line}: ")
            }
        });
        let help = self.help.as_ref().map_or_else(String::new, |help| format!("; {help}"));
        format!("{position}{}{help}", self.message)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for Diagnostic {}

impl miette::Diagnostic for Diagnostic {
    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.spot.as_ref().map(|(source, _)| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (_, at) = self.spot.as_ref()?;
        let label = LabeledSpan::new(Some(self.label.clone()), at.start, at.len());
        Some(Box::new(std::iter::once(label)))
    }
}

/// A plan that cannot be used.
#[derive(Debug, Error)]
pub enum PlanError {
    /// A file cannot be read.
    #[error("cannot read the plan `{}`: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        reason: String,
        /// The plan that extends it, if one does.
        extended_by: Option<PathBuf>,
    },
    /// Plans that extend each other in a cycle.
    #[error("`extends` forms a cycle: {}", chain.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(" → "))]
    Cycle {
        /// The files, from the first to the one that closes the cycle.
        chain: Vec<PathBuf>,
    },
    /// The plan has errors. A single diagnostic is shown without a heading.
    #[error("{}", heading(diagnostics))]
    Invalid {
        /// All errors and warnings, errors first.
        diagnostics: Vec<Diagnostic>,
    },
}

/// The diagnostic itself if it is the only one, or else how many there are.
fn heading(diagnostics: &[Diagnostic]) -> String {
    match diagnostics {
        [only] => only.to_string(),
        all => {
            let warnings = all.iter().filter(|one| one.is_warning()).count();
            let errors = counted(all.len() - warnings, "error");
            match warnings {
                0 => format!("the plan has {errors}"),
                warnings => format!("the plan has {errors} and {}", counted(warnings, "warning")),
            }
        }
    }
}

impl PlanError {
    /// A plan with these errors and warnings: errors first, warnings on one line each.
    pub fn invalid(diagnostics: Vec<Diagnostic>) -> Self {
        let (warnings, mut diagnostics): (Vec<_>, Vec<_>) = diagnostics.into_iter().partition(Diagnostic::is_warning);
        diagnostics.extend(warnings.into_iter().map(Diagnostic::collapsed));
        Self::Invalid { diagnostics }
    }

    fn only(&self) -> Option<&Diagnostic> {
        match self {
            Self::Invalid { diagnostics } => diagnostics.first().filter(|_| diagnostics.len() == 1),
            Self::Unreadable { .. } | Self::Cycle { .. } => None,
        }
    }
}

impl miette::Diagnostic for PlanError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        match self {
            Self::Unreadable { extended_by: Some(plan), .. } => {
                Some(Box::new(format!("`{}` extends it: correct `extends` there", plan.display())))
            }
            Self::Unreadable { extended_by: None, .. } => {
                Some(Box::new("`segplan plan DATASET -o FILE` writes the plan of a data set"))
            }
            Self::Cycle { .. } => None,
            Self::Invalid { .. } => miette::Diagnostic::help(self.only()?),
        }
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.only()?.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.only()?.labels()
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        match self {
            Self::Invalid { diagnostics } if diagnostics.len() != 1 => {
                Some(Box::new(diagnostics.iter().map(|one| one as &dyn miette::Diagnostic)))
            }
            Self::Unreadable { .. } | Self::Cycle { .. } | Self::Invalid { .. } => None,
        }
    }
}
