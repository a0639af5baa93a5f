//! The meaning of a key of a plan, from its declaration and the planner's reasons, and a search in names and meanings.

use std::fmt;

use crate::plan::read::nearest;
use crate::plan::rules::published::tasks;
use crate::plan::schema::key::{DecidedBy, Key, Kind};
use crate::plan::schema::lookup::{ANY_NAME, Declared, declared, find, top_keys};
use crate::plan::schema::{ConfigurationName, Stage, recipe};

/// Maximum width of the lines of an explanation, letters.
const WIDTH: usize = 100;
/// Words of the field for keys whose names and meanings do not contain them.
const SYNONYMS: [(&str, &str); 9] = [
    ("lr", "learning rate"),
    ("tta", "mirroring"),
    ("overlap", "tile_step_fraction"),
    ("early stopping", "train.stopping"),
    ("epochs", "max_epochs"),
    ("scheduler", "train.schedule"),
    ("gpu", "device"),
    ("crossvalidation", "split"),
    ("dropout", "network"),
];

/// A key of a plan, explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Its path, such as `train.batches_per_epoch` or `configurations.NAME.patch_size`; empty for the plan itself.
    pub path: String,
    /// Its meaning, with unit and source.
    pub meaning: String,
    /// Type and range of its value; `None` for a table.
    pub kind: Option<String>,
    /// Unit of its value, if it has one.
    pub unit: Option<&'static str>,
    /// The recipe's value, if there is one.
    pub default: Option<String>,
    /// Who decides on its value.
    pub decided_by: Option<&'static str>,
    /// The first stage whose result depends on it.
    pub stage: Option<Stage>,
    /// The planner's reason, for the paper's hippocampus.
    pub reason: Option<String>,
    /// The strings that it may be, or the keys of a table, each with its meaning.
    pub parts: Vec<(String, String)>,
}

/// The keys that a text asks for: by path, by name, or by words of their meanings. Without a text, the tables of a plan.
///
/// # Errors
///
/// The nearest known keys, if nothing is found.
pub fn explain(asked: Option<&str>) -> Result<Vec<Explained>, Vec<String>> {
    let Some(asked) = asked.map(str::trim) else { return Ok(vec![whole_plan()]) };
    let known = declared();
    let path = generic_path(asked);
    let named = |one: &&Declared| one.path == path || one.key.name == asked;
    let mut found: Vec<&Declared> = known.iter().filter(named).collect();
    if found.is_empty() {
        let meant = SYNONYMS.iter().find(|(word, _)| *word == asked.to_lowercase()).map(|(_, words)| *words);
        found = search(meant.unwrap_or(asked), &known);
    }
    if !found.is_empty() {
        return Ok(found.into_iter().map(explained).collect());
    }
    let last = asked.rsplit('.').next().unwrap_or(asked);
    let names: Vec<&str> = known.iter().map(|one| one.key.name).collect();
    let near = nearest(last, &names);
    Err(known.iter().filter(|one| Some(one.key.name) == near).map(|one| one.path.clone()).collect())
}

/// The path of a key with `NAME` for the name of a configuration.
fn generic_path(asked: &str) -> String {
    let is_name = |part: &str| ConfigurationName::ALL.iter().any(|name| name.as_str() == part);
    match asked.split('.').collect::<Vec<_>>().as_slice() {
        ["configurations", name, rest @ ..] if is_name(name) => {
            [&["configurations", ANY_NAME], rest].concat().join(".")
        }
        _ => asked.to_owned(),
    }
}

/// The keys whose path, meaning or choices contain all words, those whose path contains them first.
fn search<'a>(asked: &str, known: &'a [Declared]) -> Vec<&'a Declared> {
    let words: Vec<String> = asked.to_lowercase().split_whitespace().map(str::to_owned).collect();
    // Short words are parts of too many others.
    let contains = |text: &str| {
        let parts: Vec<&str> = text.split(|letter: char| !letter.is_alphanumeric()).collect();
        let has =
            |word: &String| if word.len() < 4 { parts.contains(&word.as_str()) } else { text.contains(word.as_str()) };
        words.iter().all(has)
    };
    let in_path =
        |one: &&Declared| contains(&one.path.replace(['_', '.'], " ").to_lowercase()) || one.path.contains(asked);
    let in_text = |one: &&Declared| contains(&one.key.comment().to_lowercase());
    let paths: Vec<&Declared> = known.iter().filter(in_path).collect();
    if paths.is_empty() { known.iter().filter(in_text).collect() } else { paths }
}

fn whole_plan() -> Explained {
    Explained {
        path: String::new(),
        meaning: "All keys of a plan. `segplan explain TABLE` lists the keys of a table, `segplan explain WORDS` searches them."
            .to_owned(),
        kind: None,
        unit: None,
        default: None,
        decided_by: None,
        stage: None,
        reason: None,
        parts: parts(top_keys()),
    }
}

fn parts(keys: &[Key]) -> Vec<(String, String)> {
    keys.iter().map(|key| (key.name.to_owned(), key.meaning())).collect()
}

fn explained(one: &Declared) -> Explained {
    let key = one.key;
    let first_line = key.comment().lines().next().unwrap_or_default().to_owned();
    let parts = match key.kind {
        Kind::Table(keys) | Kind::Named(_, keys) => parts(keys),
        Kind::List(Kind::Table(keys)) => parts(keys),
        Kind::Variants(variants) => {
            let kinds = variants.iter().map(|variant| {
                let keys: Vec<&str> = variant.keys.iter().map(|key| key.name).collect();
                let keys = if keys.is_empty() { String::new() } else { format!(" Keys: {}.", keys.join(", ")) };
                (format!("kind = \"{}\"", variant.choice.name), format!("{}{keys}", variant.choice.meaning()))
            });
            kinds.collect()
        }
        _ => key.kind.choices().iter().map(|choice| (format!("\"{}\"", choice.name), choice.meaning())).collect(),
    };
    let is_table = key.kind.is_table();
    let variant = one.variant.map(|kind| format!(" For `kind = \"{kind}\"`.")).unwrap_or_default();
    Explained {
        path: one.path.clone(),
        meaning: format!("{first_line}{variant}"),
        kind: (!is_table).then(|| type_and_range(&key)),
        unit: Some(key.unit).filter(|unit| !unit.is_empty()),
        default: key.default.filter(|_| !is_table).map(str::to_owned),
        decided_by: Some(decided_by(key.decided_by)).filter(|_| !is_table),
        stage: Some(key.stage).filter(|_| !is_table),
        reason: reason(&one.path),
        parts,
    }
}

fn type_and_range(key: &Key) -> String {
    let range = key.range.to_string();
    if range.is_empty() { key.kind.to_string() } else { format!("{} ({range})", key.kind) }
}

fn decided_by(decided_by: DecidedBy) -> &'static str {
    match decided_by {
        DecidedBy::Recipe => "the recipe",
        DecidedBy::Planner => "the planning rules",
        DecidedBy::Measurement => "the data set (measured)",
        DecidedBy::Person => "you, or the files of the data set",
    }
}

/// The planner's reason for a key, for the paper's hippocampus.
fn reason(path: &str) -> Option<String> {
    if find(path)?.decided_by != DecidedBy::Planner {
        return None;
    }
    let planned = tasks().remove("task04")?.plan("hippocampus", &recipe::rules());
    planned.reasons.get(&path.replace(ANY_NAME, ConfigurationName::FullRes.as_str())).cloned()
}

impl fmt::Display for Explained {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}", if self.path.is_empty() { "A plan" } else { &self.path })?;
        paragraph(out, "", &self.meaning)?;
        let stage = self.stage.map(|stage| match stage {
            Stage::Nothing => "no stage: it changes no result".to_owned(),
            stage => stage.to_string(),
        });
        let rows = [
            ("type", self.kind.clone()),
            ("unit", self.unit.map(str::to_owned)),
            ("recipe", self.default.clone()),
            ("decided by", self.decided_by.map(str::to_owned)),
            ("affects", stage),
            ("example", self.reason.as_ref().map(|reason| format!("the paper's hippocampus: {reason}"))),
        ];
        for (heading, text) in rows {
            if let Some(text) = text {
                paragraph(out, &format!("{heading:11}"), &text)?;
            }
        }
        for (name, meaning) in &self.parts {
            paragraph(out, &format!("{name:30} "), meaning)?;
        }
        Ok(())
    }
}

/// A heading and a text, wrapped so that the column of the heading stays empty.
fn paragraph(out: &mut fmt::Formatter<'_>, heading: &str, text: &str) -> fmt::Result {
    let indent = 2 + heading.chars().count();
    let mut column = indent;
    write!(out, "  {heading}")?;
    for (at, word) in text.split_whitespace().enumerate() {
        let length = word.chars().count();
        if at > 0 && column + 1 + length > WIDTH {
            write!(out, "\n{:indent$}", "")?;
            column = indent;
        } else if at > 0 {
            write!(out, " ")?;
            column += 1;
        }
        write!(out, "{word}")?;
        column += length;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explanation(asked: &str) -> String {
        explain(Some(asked)).unwrap().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn keys_tables_and_choices_in_words() {
        let asked =
            ["configurations.2d.batch_size", "patience_epochs", "batch_dice", "rule", "train.stopping", "predict"];
        insta::assert_snapshot!(asked.map(explanation).join("\n"));
    }

    #[test]
    fn a_misspelt_key_has_near_ones() {
        assert_eq!(explain(Some("train.lerning_rate")).unwrap_err(), ["train.learning_rate"]);
        assert_eq!(explain(Some("pach_size")).unwrap_err(), ["configurations.NAME.patch_size"]);
        assert!(explain(Some("zzzzzzzz")).unwrap_err().is_empty());
    }

    #[test]
    fn words_of_the_field_are_found() {
        let first = |asked: &str| explain(Some(asked)).unwrap()[0].path.clone();
        assert_eq!(first("learning rate"), "train.learning_rate");
        assert_eq!(first("lr"), "train.learning_rate");
        assert_eq!(first("early stopping"), "train.stopping");
        assert_eq!(first("amsgrad"), "train.optimizer.amsgrad");
        assert_eq!(first("surface Dice"), "evaluate.surface_tolerance_mm");
        assert_eq!(first("epochs"), "train.max_epochs");
    }
}
