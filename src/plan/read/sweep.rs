//! Sweeps: one plan for several experiments that differ in a few values.
//!
//! `[[sweep]]` is a list of axes. An axis names one or more keys, each with a list of values. The lists of an axis have the same
//! length and vary together; the axes form a grid. Each combination is a variant: a whole plan with a name, and so a run folder, of
//! its own. Variants share whatever does not depend on the swept keys, such as their preprocessed cases.

use std::ops::Range;

use toml::{Table, Value};

use crate::plan::name::{in_name, short_keys, variant_name};
use crate::plan::read::diagnostic::Diagnostic;
use crate::plan::read::layer::{Layer, Position, Source};
use crate::plan::read::layers::{EXTENDS, Layers, SWEEP};
use crate::plan::read::loaded::LoadedPlan;
use crate::plan::read::resolve::resolve;
use crate::plan::schema::lookup::{find, join};
use crate::units::counted;

/// Maximum number of variants of a plan: more are probably a mistake.
const MAX_VARIANTS: usize = 1000;

/// One swept key.
#[derive(Clone, Debug)]
struct Swept {
    /// The key.
    key: String,
    /// Path of its list, below `sweep`.
    path: String,
    /// Its values.
    values: Vec<Value>,
}

/// Keys that vary together.
type Axis = Vec<Swept>;

/// The variants of a plan, in the order of the lists, the last axis fastest.
///
/// # Errors
///
/// All errors of the axes, and all errors that a value causes, at the position of the value.
pub(super) fn expand(base: &LoadedPlan, sweep: &Value) -> Result<Vec<LoadedPlan>, Vec<Diagnostic>> {
    let layers = &base.layers;
    let axes = axes(sweep, layers)?;
    let keys: Vec<&str> = axes.iter().flatten().map(|swept| swept.key.as_str()).collect();
    let short = short_keys(&keys);
    let mut variants: Vec<LoadedPlan> = Vec::new();
    let mut errors: Vec<Diagnostic> = Vec::new();
    for indices in combinations(&axes) {
        let chosen: Vec<(&Swept, usize)> =
            axes.iter().zip(indices).flat_map(|(axis, at)| axis.iter().map(move |swept| (swept, at))).collect();
        let pairs: Vec<String> = chosen
            .iter()
            .zip(&short)
            .map(|((swept, at), key)| format!("{key}={}", in_name(&swept.values[*at].to_string())))
            .collect();
        let name = variant_name(&base.plan.name, &pairs);
        match variant(base, &chosen, &name) {
            Ok(variant) if variants.iter().any(|other| other.plan.name == name) => {
                let message = format!("two variants of the sweep are called `{}`", variant.plan.name);
                errors.push(layers.at_value(SWEEP, message, "expected values that differ"));
                break;
            }
            Ok(variant) => variants.push(variant),
            Err(found) => {
                for error in found {
                    if !errors.iter().any(|known| known.is_same(&error)) {
                        errors.push(error);
                    }
                }
            }
        }
    }
    if errors.is_empty() { Ok(variants) } else { Err(errors) }
}

fn axes(sweep: &Value, layers: &Layers) -> Result<Vec<Axis>, Vec<Diagnostic>> {
    let mut errors = Vec::new();
    let mut axes: Vec<Axis> = Vec::new();
    let tables = sweep.as_array().and_then(|all| all.iter().map(Value::as_table).collect::<Option<Vec<&Table>>>());
    let Some(tables) = tables else {
        let error = layers.at_value(SWEEP, "`sweep` is not a list of tables", "expected a table per axis");
        return Err(vec![
            error
                .help("write `[[sweep]]`, and below it keys with lists, such as `train.batches_per_epoch = [50, 100]`"),
        ]);
    };
    for (at, table) in tables.into_iter().enumerate() {
        let mut axis = Vec::new();
        collect(table, "", &join(SWEEP, &at.to_string()), &mut axis);
        if axis.is_empty() {
            errors.push(layers.at_key(
                &join(SWEEP, &at.to_string()),
                "an axis without keys",
                "expected a key with a list",
            ));
        }
        axes.push(
            axis.into_iter().filter_map(|found| found.map_err(|key| errors.push(no_list(&key, layers))).ok()).collect(),
        );
    }
    errors.extend(axes.iter().filter_map(|axis| uneven(axis, layers)));
    let all: Vec<&Swept> = axes.iter().flatten().collect();
    for (at, swept) in all.iter().enumerate() {
        errors.extend(not_swept(swept, layers));
        errors.extend(also_set(swept, layers));
        if all[..at].iter().any(|other| other.key == swept.key) {
            let message = format!("`{}` is in the sweep twice", swept.key);
            errors.push(layers.at_key(&swept.path, message, "expected each key once"));
        }
    }
    let count = axes.iter().filter_map(|axis| axis.first()).map(|swept| swept.values.len().max(1)).product::<usize>();
    if count > MAX_VARIANTS {
        let message = format!("the sweep has {count} variants");
        errors.push(layers.at_value(SWEEP, message, format!("expected at most {MAX_VARIANTS}")));
    }
    if errors.is_empty() { Ok(axes) } else { Err(errors) }
}

/// The keys of an axis with their lists, or the paths of keys that have something else.
fn collect(table: &Table, key: &str, path: &str, found: &mut Vec<Result<Swept, String>>) {
    for (name, value) in table {
        let (key, path) = (join(key, name), join(path, name));
        match value {
            Value::Table(inner) => collect(inner, &key, &path, found),
            Value::Array(values) if !values.is_empty() => found.push(Ok(Swept { key, path, values: values.clone() })),
            Value::Array(_)
            | Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_) => found.push(Err(path)),
        }
    }
}

fn no_list(path: &str, layers: &Layers) -> Diagnostic {
    let message = "a key of the sweep without a list of values".to_owned();
    layers.at_value(path, message, "expected a list with a value per variant, such as `[0.001, 0.003]`")
}

/// Keys of one axis with lists of different lengths.
fn uneven(axis: &[Swept], layers: &Layers) -> Option<Diagnostic> {
    let first = axis.first()?;
    let other = axis.iter().find(|swept| swept.values.len() != first.values.len())?;
    let [one, two] = [other, first].map(|swept| counted(swept.values.len(), "value"));
    let message = format!("`{}` has {one}, and `{}` in the same axis has {two}", other.key, first.key);
    let error = layers.at_value(&other.path, message, "expected lists of the same length: they vary together");
    Some(error.help("separate `[[sweep]]` tables form a grid"))
}

/// A key on which no result depends: all its variants would be the same.
fn not_swept(swept: &Swept, layers: &Layers) -> Option<Diagnostic> {
    let is_refused = find(&swept.key).is_some_and(|key| !key.may_be_swept() && !key.kind.is_table());
    let is_refused = is_refused || [SWEEP, EXTENDS].contains(&swept.key.split('.').next().unwrap_or_default());
    let message = format!("`{}` cannot be in a sweep", swept.key);
    is_refused.then(|| layers.at_key(&swept.path, message, "no result depends on it: all variants would be the same"))
}

/// A swept key that the environment or the command line sets as well.
fn also_set(swept: &Swept, layers: &Layers) -> Option<Diagnostic> {
    let (layer, position) = layers.origin(&swept.key)?;
    let above = match layer.source {
        Source::Recipe | Source::File(_) => false,
        Source::Environment(_) | Source::Set => layer.decides(&swept.key).is_some(),
    };
    let message = format!("`{}` is in the sweep and is also set", swept.key);
    let error = || Diagnostic::at(layer, position.value.clone(), message, "the sweep sets it");
    above.then(|| error().help("remove it; `--variant` selects one value of the sweep"))
}

/// The index in the lists of each axis, for every variant.
fn combinations(axes: &[Axis]) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for axis in axes {
        let count = axis.first().map_or(0, |swept| swept.values.len());
        let longer = |indices: Vec<usize>| (0..count).map(move |at| [indices.clone(), vec![at]].concat());
        all = all.into_iter().flat_map(longer).collect();
    }
    if axes.is_empty() { Vec::new() } else { all }
}

fn variant(base: &LoadedPlan, chosen: &[(&Swept, usize)], name: &str) -> Result<LoadedPlan, Vec<Diagnostic>> {
    let mut upper = Vec::new();
    for (swept, at) in chosen {
        let layer = layer(swept, *at, &base.layers).ok_or_else(|| {
            let message = format!("`{}` is in no layer", swept.key);
            vec![Diagnostic::without_position(message)]
        })?;
        upper.push(layer);
    }
    let layers = base.layers.with(upper);
    let (plan, warnings) = resolve(&layers, Some(name))?;
    let swept = chosen.iter().map(|(swept, at)| format!("{}={}", swept.key, swept.values[*at])).collect();
    Ok(LoadedPlan { plan, input: base.input.clone(), layers, warnings, swept, variants: Vec::new() })
}

/// The layer of one value of a swept key. Its text is that of the layer that has the list.
fn layer(swept: &Swept, at: usize, layers: &Layers) -> Option<Layer> {
    let (holding, list) = layers.origin(&swept.path)?;
    let entry = join(&swept.path, &at.to_string());
    let span = |path: &str| holding.positions.get(path).map_or_else(|| list.value.clone(), |at| at.value.clone());
    let position = |value: Range<usize>| Position { key: list.key.clone(), value };
    let mut positions = std::collections::BTreeMap::from([(swept.key.clone(), position(span(&entry)))]);
    // The tables around the key get its position, so that an unknown one can be pointed at.
    for (dot, _) in swept.key.match_indices('.') {
        positions.insert(swept.key[..dot].to_owned(), position(span(&entry)));
    }
    let inside =
        holding.positions.range(format!("{entry}.")..).take_while(|(path, _)| path.starts_with(&format!("{entry}.")));
    positions.extend(inside.map(|(path, at)| (format!("{}{}", swept.key, &path[entry.len()..]), at.clone())));
    let mut values = Table::new();
    put(&mut values, &swept.key, &swept.values[at]);
    Some(Layer { source: holding.source.clone(), text: holding.text.clone(), values, positions })
}

/// Sets the value of a key by its path.
fn put(table: &mut Table, key: &str, value: &Value) {
    match key.split_once('.') {
        None => _ = table.insert(key.to_owned(), value.clone()),
        Some((first, rest)) => {
            let inner = table.entry(first.to_owned()).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
#[path = "sweep_tests.rs"]
mod tests;
