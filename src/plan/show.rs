//! A plan as it is in effect, and where each of its values comes from.

use std::fmt::Write as _;

use toml::{Table, Value};

use crate::plan::layer::join;
use crate::plan::load::{Layers, LoadedPlan};
use crate::plan::write::{Entry, walk};

/// Column of the origins; longer values push theirs to the right.
const COLUMN: usize = 56;

/// What is shown of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Also the values that are the defaults' alone.
    pub resolved: bool,
    /// Layer, file and line of each value, as a comment behind it.
    pub origin: bool,
}

/// A plan in effect, as TOML.
pub fn text(loaded: &LoadedPlan, shown: Shown) -> String {
    let table = Table::try_from(&loaded.plan).expect("a plan is numbers, texts, lists and tables of them");
    let table = if shown.resolved { table } else { without_defaults(&table, "", &loaded.layers) };
    let mut out = String::new();
    walk(&table, "", &mut |entry| match entry {
        Entry::Heading(path) => _ = writeln!(out, "{}[{path}]", if out.is_empty() { "" } else { "\n" }),
        Entry::Value { path, key, value } => {
            let line = format!("{key} = {value}");
            let _ = match origin(path, &loaded.layers).filter(|_| shown.origin) {
                Some(origin) => writeln!(out, "{line:COLUMN$}  # {origin}"),
                None => writeln!(out, "{line}"),
            };
        }
    });
    out
}

/// The layer that set a value, with the line where it is a file's: `default`, `plan.toml:12`, `--set`.
pub fn origin(path: &str, layers: &Layers) -> Option<String> {
    let (layer, place) = layers.origin(path)?;
    Some(layer.named(place))
}

fn without_defaults(table: &Table, path: &str, layers: &Layers) -> Table {
    let kept = |(key, value): (&String, &Value)| {
        let path = join(path, key);
        match value {
            Value::Table(inner) => {
                let inner = without_defaults(inner, &path, layers);
                Some((key.clone(), Value::Table(inner)))
                    .filter(|(_, inner)| inner.as_table().is_some_and(|t| !t.is_empty()))
            }
            Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_) => Some((key.clone(), value.clone())).filter(|_| !layers.is_default(&path)),
        }
    };
    table.iter().filter_map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::load::load;

    fn variant() -> (tempfile::TempDir, LoadedPlan) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("base.toml"), include_str!("example.toml")).unwrap();
        let path = folder.path().join("plan.toml");
        std::fs::write(&path, "extends = \"base.toml\"\n\n[train]\nbatches = 3\n").unwrap();
        let loaded = load(&path, &["runtime.device=cuda:0".to_owned()]).unwrap();
        (folder, loaded)
    }

    #[test]
    fn each_value_names_the_layer_and_line_that_set_it() {
        let (folder, loaded) = variant();
        let said = text(&loaded, Shown { resolved: true, origin: true });
        let said = said.replace(&format!("{}/", folder.path().display()), "");
        let line = |start: &str| said.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
        assert!(line("batches = 3").ends_with("  # plan.toml:4"), "{said}");
        assert!(line("factor").ends_with("  # base.toml:85"), "{said}");
        assert!(line("device").ends_with("  # --set runtime.device=cuda:0"), "{said}");
    }

    #[test]
    fn what_is_shown_whole_is_the_plan() {
        let (_folder, loaded) = variant();
        let shown = text(&loaded, Shown { resolved: true, origin: true });
        assert_eq!(toml::from_str::<crate::plan::schema::Plan>(&shown).unwrap(), loaded.plan);
    }

    #[test]
    fn defaults_alone_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.toml");
        let example = include_str!("example.toml");
        let (head, tail) = example.split_once("[network]").unwrap();
        let kept = tail.split_once("[postprocess]").unwrap().1;
        std::fs::write(&path, format!("{head}[postprocess]{kept}")).unwrap();
        let shown = text(&load(&path, &[]).unwrap(), Shown::default());
        assert!(shown.contains("patch_size = [40, 56, 40]") && !shown.contains("leaky_slope"), "{shown}");
    }
}
