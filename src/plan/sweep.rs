//! Sweeps: one plan that stands for several experiments, which differ in a few values.
//!
//! `[[sweep]]` is a list of axes. An axis names one or more keys, each with a list of values; the lists of an axis are as long
//! as each other and go together, and the axes are crossed. Each combination is a variant: a whole plan, with a name and so
//! a run folder of its own. What variants have in common above the swept keys, such as their prepared cases, they share.

use std::ops::Range;

use toml::{Table, Value};

use crate::plan::fault::Fault;
use crate::plan::layer::{Layer, Place, Source, join};
use crate::plan::load::{Layers, LoadedPlan, checked};
use crate::store::digest;

/// The table of a plan file that holds the axes.
pub(super) const TABLE: &str = "sweep";
/// Tables whose values are no part of what is learnt, so that variants of them would be the same networks.
const NOT_SWEPT: [&str; 7] = ["schema", "name", "extends", TABLE, "run", "rules", "runtime"];
/// Most variants of a plan: more are a slip of the pen.
const MOST: usize = 1000;
/// Longest name of a variant, letters; a longer one ends in a digest of its values instead.
const LONGEST_NAME: usize = 100;

/// One swept key.
#[derive(Clone, Debug)]
struct Swept {
    /// The key.
    key: String,
    /// Where its list stands: the path of it below `sweep`.
    place: String,
    /// Its values.
    values: Vec<Value>,
}

/// Keys whose values go together.
type Axis = Vec<Swept>;

/// The variants of a plan, in the order of the lists, the last axis fastest.
///
/// # Errors
///
/// Every fault of the axes, and every fault that a value causes, pointed at where the value stands.
pub(super) fn expand(base: &LoadedPlan, sweep: &Value) -> Result<Vec<LoadedPlan>, Vec<Fault>> {
    let layers = &base.layers;
    let axes = axes(sweep, layers)?;
    let keys: Vec<&str> = axes.iter().flatten().map(|swept| swept.key.as_str()).collect();
    let short = short_keys(&keys);
    let mut variants: Vec<LoadedPlan> = Vec::new();
    let mut faults: Vec<Fault> = Vec::new();
    for places in combinations(&axes) {
        let chosen: Vec<(&Swept, usize)> =
            axes.iter().zip(places).flat_map(|(axis, at)| axis.iter().map(move |swept| (swept, at))).collect();
        let pairs: Vec<String> = chosen
            .iter()
            .zip(&short)
            .map(|((swept, at), key)| format!("{key}={}", in_name(&swept.values[*at].to_string())))
            .collect();
        let name = variant_name(&base.plan.name, &pairs);
        match variant(base, &chosen, &name) {
            Ok(variant) if variants.iter().any(|other| other.plan.name == name) => {
                let message = format!("two variants of the sweep are called `{}`", variant.plan.name);
                faults.push(layers.fault_at_value(TABLE, message, "expected values that differ"));
                break;
            }
            Ok(variant) => variants.push(variant),
            Err(found) => {
                for fault in found {
                    if !faults.iter().any(|known| known.is_same(&fault)) {
                        faults.push(fault);
                    }
                }
            }
        }
    }
    if faults.is_empty() { Ok(variants) } else { Err(faults) }
}

/// The shortest ends of some keys that tell them apart: `batches` of `train.batches_per_epoch`.
pub fn short_keys(keys: &[&str]) -> Vec<String> {
    let end = |key: &str, parts: usize| {
        let all: Vec<&str> = key.split('.').collect();
        all[all.len().saturating_sub(parts)..].join(".")
    };
    let shortest = |key: &&str| {
        let alone = |parts: &usize| keys.iter().filter(|other| end(other, *parts) == end(key, *parts)).count() == 1;
        (1..=key.split('.').count()).find(alone).map_or_else(|| (*key).to_owned(), |parts| end(key, parts))
    };
    keys.iter().map(shortest).collect()
}

/// The name of a variant of an experiment: `NAME-key=value-key=value`, which every file system takes.
pub fn variant_name(experiment: &str, pairs: &[String]) -> String {
    let name = format!("{experiment}-{}", pairs.join("-"));
    if name.len() <= LONGEST_NAME { name } else { format!("{experiment}-{}", &digest(name.as_bytes())[..12]) }
}

/// A value, as written in TOML, as a part of a file name: letters, digits, signs and points; everything else becomes `_`.
pub fn in_name(text: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "-.".contains(letter);
    text.split(|letter: char| !plain(letter)).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_")
}

fn axes(sweep: &Value, layers: &Layers) -> Result<Vec<Axis>, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut axes: Vec<Axis> = Vec::new();
    let tables = sweep.as_array().and_then(|all| all.iter().map(Value::as_table).collect::<Option<Vec<&Table>>>());
    let Some(tables) = tables else {
        let fault = layers.fault_at_value(TABLE, "`sweep` is not a list of tables", "expected one table an axis");
        return Err(vec![
            fault
                .help("write `[[sweep]]`, and below it keys with lists, such as `train.batches_per_epoch = [50, 100]`"),
        ]);
    };
    for (at, table) in tables.into_iter().enumerate() {
        let mut axis = Vec::new();
        collect(table, "", &join(TABLE, &at.to_string()), &mut axis);
        if axis.is_empty() {
            faults.push(layers.fault_at_key(
                &join(TABLE, &at.to_string()),
                "an axis of no key",
                "expected a key with a list",
            ));
        }
        axes.push(
            axis.into_iter().filter_map(|found| found.map_err(|key| faults.push(no_list(&key, layers))).ok()).collect(),
        );
    }
    faults.extend(axes.iter().filter_map(|axis| uneven(axis, layers)));
    let all: Vec<&Swept> = axes.iter().flatten().collect();
    for (at, swept) in all.iter().enumerate() {
        faults.extend(not_swept(swept, layers));
        faults.extend(also_set(swept, layers));
        if all[..at].iter().any(|other| other.key == swept.key) {
            let message = format!("`{}` is swept twice", swept.key);
            faults.push(layers.fault_at_key(&swept.place, message, "expected each key once"));
        }
    }
    let count = axes.iter().filter_map(|axis| axis.first()).map(|swept| swept.values.len().max(1)).product::<usize>();
    if count > MOST {
        let message = format!("the sweep has {count} variants");
        faults.push(layers.fault_at_value(TABLE, message, format!("expected at most {MOST}")));
    }
    if faults.is_empty() { Ok(axes) } else { Err(faults) }
}

/// The keys of an axis with their lists; keys with something else as the path of that.
fn collect(table: &Table, key: &str, place: &str, found: &mut Vec<Result<Swept, String>>) {
    for (name, value) in table {
        let (key, place) = (join(key, name), join(place, name));
        match value {
            Value::Table(inner) => collect(inner, &key, &place, found),
            Value::Array(values) if !values.is_empty() => found.push(Ok(Swept { key, place, values: values.clone() })),
            Value::Array(_)
            | Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_) => found.push(Err(place)),
        }
    }
}

fn no_list(place: &str, layers: &Layers) -> Fault {
    let message = "a swept key without a list of values".to_owned();
    layers.fault_at_value(place, message, "expected a list with a value for each variant, such as `[0.001, 0.003]`")
}

/// Keys of one axis with lists of different lengths.
fn uneven(axis: &[Swept], layers: &Layers) -> Option<Fault> {
    let first = axis.first()?;
    let other = axis.iter().find(|swept| swept.values.len() != first.values.len())?;
    let (one, two) = (other.values.len(), first.values.len());
    let message =
        format!("the list of `{}` is {one} long, and that of `{}` in the same axis {two}", other.key, first.key);
    let fault = layers.fault_at_value(&other.place, message, "expected lists of one length: they go together");
    Some(fault.help("a `[[sweep]]` of its own for each key crosses them"))
}

fn not_swept(swept: &Swept, layers: &Layers) -> Option<Fault> {
    let table = swept.key.split('.').next().unwrap_or(&swept.key);
    let message = format!("`{}` cannot be swept", swept.key);
    let expected = "it is no part of what is learnt: all variants would be the same";
    NOT_SWEPT.contains(&table).then(|| layers.fault_at_key(&swept.place, message, expected))
}

/// A swept key that the environment or the command line sets too.
fn also_set(swept: &Swept, layers: &Layers) -> Option<Fault> {
    let (layer, place) = layers.origin(&swept.key)?;
    let above = match layer.source {
        Source::Defaults | Source::File(_) => false,
        Source::Environment(_) | Source::Set => layer.decides(&swept.key).is_some(),
    };
    let message = format!("`{}` is swept, and set as well", swept.key);
    let fault = || Fault::at(layer, place.value.clone(), message, "the variants decide on it");
    above.then(|| fault().help("leave it out; `--variant` chooses one of the values of the sweep"))
}

/// The place in each axis's lists, for every variant.
fn combinations(axes: &[Axis]) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for axis in axes {
        let count = axis.first().map_or(0, |swept| swept.values.len());
        let longer = |places: Vec<usize>| (0..count).map(move |at| [places.clone(), vec![at]].concat());
        all = all.into_iter().flat_map(longer).collect();
    }
    if axes.is_empty() { Vec::new() } else { all }
}

fn variant(base: &LoadedPlan, chosen: &[(&Swept, usize)], name: &str) -> Result<LoadedPlan, Vec<Fault>> {
    let mut layers = base.layers.clone();
    for (swept, at) in chosen {
        let layer = layer(swept, *at, &base.layers).ok_or_else(|| {
            let message = format!("`{}` stands nowhere", swept.key);
            vec![Fault::nowhere(message)]
        })?;
        layers.push(layer);
    }
    let (plan, warnings) = checked(&layers, Some(name))?;
    let swept = chosen.iter().map(|(swept, at)| format!("{}={}", swept.key, swept.values[*at])).collect();
    Ok(LoadedPlan { plan, input: base.input.clone(), layers, warnings, swept, variants: Vec::new() })
}

/// The layer of one value of a swept key: its text is that of the layer that has the list.
fn layer(swept: &Swept, at: usize, layers: &Layers) -> Option<Layer> {
    let (holding, list) = layers.origin(&swept.place)?;
    let entry = join(&swept.place, &at.to_string());
    let span = |path: &str| holding.places.get(path).map_or_else(|| list.value.clone(), |place| place.value.clone());
    let place = |value: Range<usize>| Place { key: list.key.clone(), value };
    let mut places = std::collections::BTreeMap::from([(swept.key.clone(), place(span(&entry)))]);
    // The tables on the way stand where the key does, so that an unknown one can be pointed at.
    for (dot, _) in swept.key.match_indices('.') {
        places.insert(swept.key[..dot].to_owned(), place(span(&entry)));
    }
    let inside =
        holding.places.range(format!("{entry}.")..).take_while(|(path, _)| path.starts_with(&format!("{entry}.")));
    places.extend(inside.map(|(path, at)| (format!("{}{}", swept.key, &path[entry.len()..]), at.clone())));
    let mut values = Table::new();
    put(&mut values, &swept.key, &swept.values[at]);
    Some(Layer { source: holding.source.clone(), text: holding.text.clone(), values, places })
}

/// Puts a value at the path of a key.
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
mod tests;
