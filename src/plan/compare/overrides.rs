//! Values that the environment and the command line set.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::plan::read::layer::{Layer, Source};
use crate::plan::read::layers::Layers;
use crate::plan::schema::lookup::join;

/// A value from outside of the files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// Path of the key, such as `train.batches_per_epoch`.
    pub key: String,
    /// The value, as TOML.
    pub value: String,
    /// `--set`, or the name of an environment variable.
    pub by: String,
    /// The value that it replaces; `None` if no layer below has the key.
    pub over: Option<Below>,
}

/// A value that is replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Below {
    /// The value, as TOML.
    pub value: String,
    /// File and line, or another layer.
    pub by: String,
    /// Its TOML type, such as `float`, if the new value has another one.
    pub other_type: Option<Cow<'static, str>>,
}

impl fmt::Display for Override {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} = {} by {}", self.key, self.value, self.by)?;
        match &self.over {
            Some(Below { value, by, other_type: None }) if by == "recipe" => write!(out, "; the recipe has {value}"),
            None => write!(out, "; no other layer has this key"),
            Some(Below { value, by, other_type: None }) => write!(out, "; {by} has {value}"),
            Some(Below { value, by, other_type: Some(kind) }) => write!(out, "; {by} has the {kind} {value}"),
        }
    }
}

/// All values from outside of the files, lowest layer first.
pub fn overrides(layers: &Layers) -> Vec<Override> {
    let all = layers.all();
    let mut found = Vec::new();
    for (at, layer) in all.iter().enumerate() {
        if matches!(layer.source, Source::Environment(_) | Source::Set) {
            collect(&layer.values, "", layer, &all[..at], &mut found);
        }
    }
    found
}

fn collect(table: &Table, prefix: &str, layer: &Layer, below: &[Layer], found: &mut Vec<Override>) {
    for (key, value) in table {
        let path = join(prefix, key);
        if let Value::Table(inner) = value {
            collect(inner, &path, layer, below, found);
            continue;
        }
        let over = below.iter().rev().find_map(|layer| {
            let before = layer.value(&path)?;
            let other_type = Some(before.type_str()).filter(|kind| *kind != value.type_str()).map(Cow::Borrowed);
            Some(Below { value: before.to_string(), by: layer.named(layer.decides(&path)?), other_type })
        });
        found.push(Override { value: value.to_string(), by: layer.source.to_string(), over, key: path });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::read::load::load;
    use crate::plan::testing::example_text;

    #[test]
    fn overrides_name_the_replaced_values_and_their_types() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.toml");
        std::fs::write(&path, example_text()).unwrap();
        let set = [
            "train.batches_per_epoch=7",
            "train.batches_per_epoch=8",
            "predict.tile_step_fraction=1",
            "data.labels.3=Liver",
        ]
        .map(str::to_owned);
        let loaded = load(&path, &set).unwrap();
        let said: Vec<String> = overrides(&loaded.layers).iter().map(ToString::to_string).collect();
        let said = said.join("\n").replace(&format!("{}/", folder.path().display()), "");
        let line = |key: &str| example_text().lines().position(|line| line.starts_with(key)).unwrap() + 1;
        assert_eq!(
            said.lines().collect::<Vec<_>>(),
            [
                format!("train.batches_per_epoch = 7 by --set; plan.toml:{} has 250", line("batches_per_epoch"))
                    .as_str(),
                "train.batches_per_epoch = 8 by --set; --set train.batches_per_epoch=7 has 7",
                &format!(
                    "predict.tile_step_fraction = 1 by --set; plan.toml:{} has the float 0.5",
                    line("tile_step_fraction")
                ),
                "data.labels.3 = \"Liver\" by --set; no other layer has this key",
            ]
        );
    }
}
