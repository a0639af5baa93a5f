//! All layers of a plan, lowest first: the recipe, the files that the plan extends, the plan, `SEGPLAN_TABLE__KEY` in the
//! environment, `--set KEY=VALUE`. Tables are merged key by key; any other value replaces the one below it.

use figment::Figment;
use figment::providers::Serialized;
use toml::{Table, Value};

use crate::plan::read::diagnostic::Diagnostic;
use crate::plan::read::layer::{Layer, Position, Source};
use crate::plan::schema::key::Kind;
use crate::plan::schema::lookup::{find, join};
use crate::plan::schema::recipe;

/// The table of a plan file that holds the axes of a sweep.
pub(in crate::plan) const SWEEP: &str = "sweep";
/// The key of a plan file that names the file it extends.
pub(in crate::plan) const EXTENDS: &str = "extends";

/// All layers of a plan, lowest first. The lowest is the recipe, with the defaults of the variants that the others choose.
#[derive(Clone, Debug)]
pub struct Layers(Vec<Layer>);

impl Layers {
    /// These layers on top of the recipe.
    pub(in crate::plan) fn on_recipe(upper: Vec<Layer>) -> Self {
        let chosen = |table: &str| {
            let path = join(table, "kind");
            upper.iter().rev().find_map(|layer| Some(layer.value(&path)?.as_str()?.to_owned()))
        };
        let text = recipe::text(&chosen);
        let recipe = Layer::of_toml(Source::Recipe, text).expect("a test reads the recipe");
        Self(std::iter::once(recipe).chain(upper).collect())
    }

    /// The same layers with another one on top.
    pub(in crate::plan) fn with(&self, upper: impl IntoIterator<Item = Layer>) -> Self {
        Self::on_recipe(self.0.iter().skip(1).cloned().chain(upper).collect())
    }

    /// The uppermost layer that sets a key, and where: for an entry of a list, the layer that has the list.
    ///
    /// A key that no layer has is searched for in the table that should hold it.
    pub fn origin(&self, path: &str) -> Option<(&Layer, &Position)> {
        let found = self.0.iter().rev().find_map(|layer| Some((layer, layer.decides(path)?)));
        found.or_else(|| self.origin(path.rsplit_once('.')?.0))
    }

    /// All layers, lowest first.
    pub(in crate::plan) fn all(&self) -> &[Layer] {
        &self.0
    }

    /// Whether no layer but the recipe sets a key.
    pub fn is_default(&self, path: &str) -> bool {
        self.origin(path).is_none_or(|(layer, _)| layer.source == Source::Recipe)
    }

    /// Index of the layer of this name, from the lowest.
    pub(in crate::plan) fn index_of(&self, source: &str) -> usize {
        self.0.iter().position(|layer| layer.source.to_string() == source).unwrap_or(self.0.len())
    }

    /// The value of each key in the uppermost layer that has it, without `extends` and `[[sweep]]`.
    pub(in crate::plan) fn merged(&self) -> Table {
        let mut merged = Table::new();
        for (index, layer) in self.0.iter().enumerate() {
            let mut values = layer.values.clone();
            drop_other_variants(&mut values, &merge(&self.0[index + 1..]), "");
            merged = merge_tables([merged, values]);
        }
        merged.remove(EXTENDS);
        merged.remove(SWEEP);
        merged
    }

    /// The axes of a sweep, in the uppermost layer that has any.
    pub(in crate::plan) fn sweep(&self) -> Option<Value> {
        self.0.iter().rev().find_map(|layer| layer.values.get(SWEEP)).cloned()
    }

    /// A diagnostic at the value of a key.
    pub fn at_value(&self, path: &str, message: impl Into<String>, label: impl Into<String>) -> Diagnostic {
        match self.origin(path) {
            Some((layer, position)) => Diagnostic::at(layer, position.value.clone(), message, label),
            None => Diagnostic::without_position(message),
        }
    }

    /// A diagnostic at a key itself.
    pub fn at_key(&self, path: &str, message: impl Into<String>, label: impl Into<String>) -> Diagnostic {
        match self.origin(path) {
            Some((layer, position)) => Diagnostic::at(layer, position.key.clone(), message, label),
            None => Diagnostic::without_position(message),
        }
    }
}

/// The value of each key in the uppermost of some layers.
fn merge(layers: &[Layer]) -> Table {
    merge_tables(layers.iter().map(|layer| layer.values.clone()))
}

fn merge_tables(tables: impl IntoIterator<Item = Table>) -> Table {
    let merged = tables.into_iter().fold(Figment::new(), |below, above| below.merge(Serialized::defaults(above)));
    merged.extract().expect("layers are TOML, and so are their values together")
}

/// Removes the keys of another variant from a layer, wherever the layers above it choose a `kind` that does not have them.
fn drop_other_variants(below: &mut Table, above: &Table, path: &str) {
    if let Some(kind) = above.get("kind").and_then(Value::as_str) {
        retain_variant(below, kind, path);
    }
    for (key, value) in above {
        if let (Some(Value::Table(below)), Value::Table(above)) = (below.get_mut(key), value) {
            drop_other_variants(below, above, &join(path, key));
        }
    }
}

/// Keeps the keys of a table that the variant `kind` has, and those that no variant has.
fn retain_variant(table: &mut Table, kind: &str, path: &str) {
    let Some(Kind::Variants(variants)) = find(path).map(|key| key.kind) else { return };
    let has = |kind: &str, name: &str| {
        let variant = variants.iter().find(|variant| variant.choice.name == kind);
        variant.is_some_and(|variant| variant.keys.iter().any(|key| key.name == name))
    };
    let is_of_another = |name: &str| variants.iter().any(|variant| has(variant.choice.name, name));
    table.retain(|name, _| name == "kind" || has(kind, name) || !is_of_another(name));
}
