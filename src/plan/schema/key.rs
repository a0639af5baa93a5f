//! The declaration of a key: everything else about it follows from this.
//!
//! The recipe's defaults and their comments, the JSON Schema, the structure and range checks, `explain`, the stage digests and the
//! list of keys that the planner writes are all derived from these declarations.

use crate::plan::schema::range::{ANY, Range};
use crate::plan::schema::stage::Stage;

/// Source of a key: arXiv:1809.10486, section 2.1 (network architecture).
pub(super) const PAPER_2_1: &str = "paper, 2.1";
/// Source of a key: arXiv:1809.10486, section 2.2 (preprocessing).
pub(super) const PAPER_2_2: &str = "paper, 2.2";
/// Source of a key: arXiv:1809.10486, section 2.3 (training).
pub(super) const PAPER_2_3: &str = "paper, 2.3";
/// Source of a key: arXiv:1809.10486, section 2.4 (inference).
pub(super) const PAPER_2_4: &str = "paper, 2.4";
/// Source of a key: arXiv:1809.10486, section 2.5 (post-processing).
pub(super) const PAPER_2_5: &str = "paper, 2.5";
/// Source of a key that the paper leaves open: nnU-Net's first public commit, 6150f1b0 of April 2019.
pub(super) const FIRST_COMMIT: &str = "nnU-Net commit 6150f1b0";
/// Source of a key that nnU-Net has from version 2 on: `nnunetv2` 2.8.1.
pub(super) const NNUNET_V2: &str = "nnU-Net v2.8.1";

/// Who decides on the value of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecidedBy {
    /// The recipe: the value is the same for every data set.
    Recipe,
    /// The planner's rules, from the measurements of the data set.
    Planner,
    /// The data set: the value is measured.
    Measurement,
    /// The user, or the files of the data set.
    Person,
}

/// The type of a value.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A whole number, 0 or more.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Switch,
    /// A string.
    Text,
    /// A folder, or a list of folders.
    Folders,
    /// The smallest and the largest of a range of numbers.
    Interval,
    /// A list of any length.
    List(&'static Kind),
    /// A list with a fixed number of entries.
    Array(&'static Kind, usize),
    /// One of some strings.
    Choice(&'static [Choice]),
    /// The key `kind` of a table with variants.
    VariantName(&'static [Variant]),
    /// Names of classes by label.
    Labels,
    /// A table of keys.
    Table(&'static [Key]),
    /// Tables of the same keys, by name.
    Named(&'static [Choice], &'static [Key]),
    /// A table whose key `kind` decides on its other keys.
    Variants(&'static [Variant]),
}

/// One of some strings.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// The string.
    pub name: &'static str,
    pub(super) doc: &'static str,
}

impl Choice {
    /// Its meaning.
    pub fn meaning(&self) -> String {
        one_line(self.doc)
    }
}

/// A variant of a table.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// Its `kind`.
    pub choice: Choice,
    /// Its other keys.
    pub keys: &'static [Key],
}

/// One key of a plan.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name in its table.
    pub name: &'static str,
    meaning: &'static str,
    /// The type of its value.
    pub kind: Kind,
    /// The range of its value, or of each number in it.
    pub range: Range,
    /// Unit of its value; empty for counts and texts.
    pub unit: &'static str,
    /// Where its default comes from; empty if there is nothing to cite.
    pub source: &'static str,
    /// The recipe's value as TOML, or the recipe's `kind` of a table with variants.
    pub default: Option<&'static str>,
    /// Whether it may be missing although it has no default.
    pub is_optional: bool,
    /// Who decides on its value.
    pub decided_by: DecidedBy,
    /// The first stage whose result depends on it.
    pub stage: Stage,
}

impl Key {
    /// A key of the recipe without default, range, unit and source.
    pub(in crate::plan) const fn new(name: &'static str, meaning: &'static str, kind: Kind, stage: Stage) -> Self {
        Self {
            name,
            meaning,
            kind,
            range: ANY,
            unit: "",
            source: "",
            default: None,
            is_optional: false,
            decided_by: DecidedBy::Recipe,
            stage,
        }
    }

    pub(in crate::plan) const fn default(self, toml: &'static str) -> Self {
        Self { default: Some(toml), ..self }
    }

    pub(in crate::plan) const fn range(self, range: Range) -> Self {
        Self { range, ..self }
    }

    pub(in crate::plan) const fn unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    pub(in crate::plan) const fn source(self, source: &'static str) -> Self {
        Self { source, ..self }
    }

    pub(in crate::plan) const fn decided_by(self, decided_by: DecidedBy) -> Self {
        Self { decided_by, ..self }
    }

    pub(in crate::plan) const fn stage(self, stage: Stage) -> Self {
        Self { stage, ..self }
    }

    pub(in crate::plan) const fn optional(self, is_optional: bool) -> Self {
        Self { is_optional, ..self }
    }

    pub(in crate::plan) const fn kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    pub(in crate::plan) const fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Its meaning, in one or more sentences.
    pub fn meaning(&self) -> String {
        one_line(self.meaning)
    }

    /// Whether a sweep may vary it: a key that no stage depends on would give identical variants.
    pub fn may_be_swept(&self) -> bool {
        self.stage != Stage::Nothing
    }
}

/// The words of a doc comment on one line.
fn one_line(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}
