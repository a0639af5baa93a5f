//! What environment and command line have put over the files of a plan.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::plan::layer::{Layer, Source, join};
use crate::plan::load::Layers;

/// A value that is of no file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// Path of the key, such as `train.batches_per_epoch`.
    pub key: String,
    /// The value, as TOML.
    pub value: String,
    /// What set it: `--set`, or the name of a variable of the environment.
    pub by: String,
    /// What it stands in place of; none where no layer below has the key.
    pub over: Option<Below>,
}

/// The value of the layer below.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Below {
    /// The value, as TOML.
    pub value: String,
    /// File and line, or what else set it.
    pub by: String,
    /// What kind of value it is and the new one is not, such as `float`; none where both are of a kind.
    pub other_type: Option<Cow<'static, str>>,
}

impl fmt::Display for Override {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} = {} by {}", self.key, self.value, self.by)?;
        match &self.over {
            Some(Below { value, by, other_type: None }) if by == "default" => write!(out, "; the default is {value}"),
            None => write!(out, "; added: nothing else has this key"),
            Some(Below { value, by, other_type: None }) => write!(out, "; {by} has {value}"),
            Some(Below { value, by, other_type: Some(kind) }) => write!(out, "; {by} has the {kind} {value}"),
        }
    }
}

/// All values that are of no file, in the order in which they were put over each other.
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
    use crate::plan::load::load;

    #[test]
    fn what_is_added_and_what_is_of_another_type_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.toml");
        std::fs::write(&path, include_str!("example.toml")).unwrap();
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
        let line = |key: &str| include_str!("example.toml").lines().position(|line| line.starts_with(key)).unwrap() + 1;
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
                "data.labels.3 = \"Liver\" by --set; added: nothing else has this key",
            ]
        );
    }
}
