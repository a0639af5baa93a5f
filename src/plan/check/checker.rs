//! Collects what is wrong with the values of a plan, each at its position.

use std::fmt::Display;

use crate::plan::read::diagnostic::Diagnostic;
use crate::plan::read::layers::Layers;
use crate::plan::read::structure::Structure;
use crate::plan::schema::configuration::ConfigurationName;
use crate::plan::schema::lookup::join;

/// Collects diagnostics about a plan. Values that stand in for unusable ones are not reported again.
pub(super) struct Checker<'a> {
    layers: &'a Layers,
    structure: &'a Structure,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(layers: &'a Layers, structure: &'a Structure) -> Self {
        Self { layers, structure, diagnostics: Vec::new() }
    }

    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }

    /// Reports an error unless `is_right`.
    pub(super) fn require(
        &mut self,
        is_right: bool,
        path: &str,
        message: impl Into<String>,
        expected: impl Into<String>,
    ) {
        if !is_right {
            let error = self.at(path, message, expected);
            self.report(path, error);
        }
    }

    /// Reports an error, with what to write instead, unless `is_right`.
    pub(super) fn require_or(&mut self, is_right: bool, path: &str, message: String, expected: &str, help: String) {
        if !is_right {
            let error = self.at(path, message, expected).help(help);
            self.report(path, error);
        }
    }

    /// Reports a warning, with what to write if the value is not intended, unless `is_right`.
    pub(super) fn warn(&mut self, is_right: bool, path: &str, message: String, expected: &str, help: String) {
        if !is_right {
            let warning = self.at(path, message, expected).help(help).warning();
            self.report(path, warning);
        }
    }

    fn at(&self, path: &str, message: impl Into<String>, expected: impl Into<String>) -> Diagnostic {
        self.layers.at_value(&self.structure.as_written(path), message, expected)
    }

    fn report(&mut self, path: &str, diagnostic: Diagnostic) {
        if self.structure.is_own(path) {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Whether all of these keys have usable values, so that they can be compared with each other.
    pub(super) fn are_usable(&self, paths: &[&str]) -> bool {
        paths.iter().all(|path| self.structure.is_own(path))
    }

    /// The path that the uppermost layer sets: the one that was changed last. The first of several.
    pub(super) fn last_set<'p>(&self, paths: [&'p str; 2]) -> &'p str {
        let layer = |path: &str| {
            let origin = self.layers.origin(&self.structure.as_written(path));
            origin.map_or(0, |(layer, _)| self.layers.index_of(&layer.source.to_string()))
        };
        if layer(paths[1]) > layer(paths[0]) { paths[1] } else { paths[0] }
    }

    /// Requires a list with at least one entry, each of them once.
    pub(super) fn distinct<T: PartialEq + Display>(&mut self, path: &str, values: &[T]) {
        self.require(!values.is_empty(), path, format!("`{path}` is empty"), "expected at least one entry");
        for (at, value) in values.iter().enumerate() {
            let is_new = !values[..at].contains(value);
            let message = format!("`{path}` contains {value} twice");
            self.require(is_new, &join(path, &at.to_string()), message, "expected each entry once");
        }
    }
}

/// Path of a key of a configuration.
pub(super) fn key(name: ConfigurationName, field: &str) -> String {
    format!("configurations.{name}.{field}")
}
