//! The values of a plan in effect, and where each of them comes from.

use std::fmt::Write as _;

use crate::plan::compare::changed::changed_by_hand;
use crate::plan::edit::write::{Entry, as_table, filtered, walk};
use crate::plan::read::layers::Layers;
use crate::plan::read::loaded::LoadedPlan;

/// Column of the comments; those of longer values are further right.
const COLUMN: usize = 56;

/// Which values are shown, and with what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Also the values of the recipe.
    pub resolved: bool,
    /// Only values that differ from those of the rules and the recipe, each with the value that these give.
    pub changed: bool,
    /// Layer, file and line of each value, as a comment behind it.
    pub origin: bool,
}

/// The values of a plan in effect, as TOML.
pub fn show(loaded: &LoadedPlan, options: Options) -> String {
    let changed = changed_by_hand(&loaded.plan);
    let change = |path: &str| changed.iter().find(|change| change.key == path);
    let is_shown = |path: &str| match (options.changed, options.resolved) {
        (true, _) => change(path).is_some(),
        (false, resolved) => resolved || !loaded.layers.is_default(path),
    };
    let table = filtered(&as_table(&loaded.plan), "", &|path, _| is_shown(path));
    let mut out = String::new();
    walk(&table, "", &mut |entry| match entry {
        Entry::Heading(path) => _ = writeln!(out, "{}[{path}]", if out.is_empty() { "" } else { "\n" }),
        Entry::Value { path, key, value } => {
            let line = format!("{key} = {value}");
            let given = change(path).filter(|_| options.changed);
            let given = given.map(|change| format!("{}: {}", change.by.name(), change.given));
            let origin = origin(path, &loaded.layers).filter(|_| options.origin);
            let notes: Vec<String> = given.into_iter().chain(origin).collect();
            let _ = match notes.as_slice() {
                [] => writeln!(out, "{line}"),
                notes => writeln!(out, "{line:COLUMN$}  # {}", notes.join("; ")),
            };
        }
    });
    out
}

/// The layer that sets a value, with the line of a file: `recipe`, `plan.toml:12`, `--set train.max_epochs=10`.
pub fn origin(path: &str, layers: &Layers) -> Option<String> {
    let (layer, position) = layers.origin(path)?;
    Some(layer.named(position))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::read::load::load;
    use crate::plan::testing::example_text;

    fn variant() -> (tempfile::TempDir, LoadedPlan) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("base.toml"), example_text()).unwrap();
        let path = folder.path().join("plan.toml");
        std::fs::write(&path, "extends = \"base.toml\"\n\n[train]\nbatches_per_epoch = 3\n").unwrap();
        let loaded = load(&path, &["runtime.device=cuda:0".to_owned()]).unwrap();
        (folder, loaded)
    }

    #[test]
    fn each_value_names_the_layer_and_line_that_set_it() {
        let (folder, loaded) = variant();
        let said = show(&loaded, Options { resolved: true, origin: true, changed: false });
        let said = said.replace(&format!("{}/", folder.path().display()), "");
        let line = |start: &str| said.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
        assert!(line("batches_per_epoch = 3").ends_with("  # plan.toml:4"), "{said}");
        let factor = 1 + example_text().lines().position(|line| line.starts_with("factor")).unwrap();
        assert!(line("factor").ends_with(&format!("  # base.toml:{factor}")), "{said}");
        assert!(line("device").ends_with("  # --set runtime.device=cuda:0"), "{said}");
    }

    #[test]
    fn the_resolved_text_reads_back_as_the_same_plan() {
        let (_folder, loaded) = variant();
        let shown = show(&loaded, Options { resolved: true, origin: true, changed: false });
        assert_eq!(toml::from_str::<crate::plan::schema::Plan>(&shown).unwrap(), loaded.plan);
    }

    #[test]
    fn values_of_the_recipe_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.toml");
        let text = example_text();
        let (head, tail) = text.split_once("[network]").unwrap();
        std::fs::write(&path, format!("{head}[postprocess]{}", tail.split_once("[postprocess]").unwrap().1)).unwrap();
        let shown = show(&load(&path, &[]).unwrap(), Options::default());
        assert!(shown.contains("patch_size = [40, 56, 40]") && !shown.contains("leaky_relu_slope"), "{shown}");
    }

    #[test]
    fn changed_values_are_shown_with_those_of_the_rules_and_the_recipe() {
        let (_folder, loaded) = variant();
        let shown = show(&loaded, Options { changed: true, ..Options::default() });
        let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("batches_per_epoch = 3 # the recipe: 250"), "{shown}");
        assert!(!shown.contains("patch_size") && !shown.contains("learning_rate"), "{shown}");
    }
}
