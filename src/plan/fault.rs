//! What is wrong with a plan: every fault at once, each pointed at in the layer that it stands in.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use miette::{Diagnostic, LabeledSpan, NamedSource, Severity, SourceCode};
use thiserror::Error;

use crate::plan::layer::{Layer, Source};
use crate::units::counted;

/// One fault of a plan, or something that may be meant and is worth a look.
#[derive(Clone, Debug)]
pub struct Fault {
    severity: Severity,
    message: String,
    label: String,
    help: Option<String>,
    spot: Option<(NamedSource<String>, Range<usize>)>,
}

impl Fault {
    /// A fault that stands at a place of a layer. `label` is written under the caret.
    pub fn at(layer: &Layer, place: Range<usize>, message: impl Into<String>, label: impl Into<String>) -> Self {
        let source = NamedSource::new(layer.source.to_string(), layer.text.clone());
        let spot = Some((source, place));
        Self { severity: Severity::Error, message: message.into(), label: label.into(), help: None, spot }
    }

    /// A fault that stands nowhere, such as a missing key.
    pub fn nowhere(message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, message: message.into(), label: String::new(), help: None, spot: None }
    }

    /// Whether another fault says the same of the same place.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let place = |fault: &Self| fault.spot.as_ref().map(|(source, place)| (source.name().to_owned(), place.clone()));
        (&self.message, &self.label, place(self)) == (&other.message, &other.label, place(other))
    }

    /// What to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same as a warning: the plan can be run as it is.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Whether the plan can be run as it is.
    pub fn is_warning(&self) -> bool {
        self.severity < Severity::Error
    }

    /// Whether it stands in such a layer, or in none.
    pub(super) fn is_of(&self, source: &Source) -> bool {
        self.place().is_none_or(|(name, _)| name == source.to_string())
    }

    /// The layer that it stands in, and the byte of its text.
    pub(super) fn place(&self) -> Option<(&str, usize)> {
        self.spot.as_ref().map(|(source, place)| (source.name(), place.start))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl Diagnostic for Fault {
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
        let (_, place) = self.spot.as_ref()?;
        let label = LabeledSpan::new(Some(self.label.clone()), place.start, place.len());
        Some(Box::new(std::iter::once(label)))
    }
}

/// A plan cannot be used.
#[derive(Debug, Error)]
pub enum PlanError {
    /// A file cannot be read.
    #[error("cannot read the plan `{}`: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Plans that extend each other in a circle.
    #[error("`extends` goes in a circle: {}", chain.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(" → "))]
    Circle {
        /// The files, from the first to the one that closes the circle.
        chain: Vec<PathBuf>,
    },
    /// The plan has faults. A single one speaks for itself.
    #[error("{}", heading(faults))]
    Faults {
        /// All of them, and what else is worth a look.
        faults: Vec<Fault>,
    },
}

/// The fault itself where it is alone, or else how many there are.
fn heading(faults: &[Fault]) -> String {
    match faults {
        [fault] => fault.to_string(),
        faults => format!("the plan has {}", number_of(faults)),
    }
}

fn number_of(faults: &[Fault]) -> String {
    let warnings = faults.iter().filter(|fault| fault.is_warning()).count();
    let faults = counted(faults.len() - warnings, "fault");
    if warnings == 0 { faults } else { format!("{faults} and {}", counted(warnings, "warning")) }
}

impl PlanError {
    /// The fault that is the only one.
    fn alone(&self) -> Option<&Fault> {
        match self {
            Self::Faults { faults } => faults.first().filter(|_| faults.len() == 1),
            Self::Unreadable { .. } | Self::Circle { .. } => None,
        }
    }
}

impl Diagnostic for PlanError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        match self {
            Self::Unreadable { .. } => Some(Box::new("`segplan plan DATASET -o FILE` writes the plan of a data set")),
            Self::Circle { .. } => None,
            Self::Faults { .. } => Diagnostic::help(self.alone()?),
        }
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.alone()?.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.alone()?.labels()
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        match self {
            Self::Faults { faults } if faults.len() != 1 => {
                Some(Box::new(faults.iter().map(|fault| fault as &dyn Diagnostic)))
            }
            Self::Unreadable { .. } | Self::Circle { .. } | Self::Faults { .. } => None,
        }
    }
}
