//! The record beside label maps: which networks, settings and images they were predicted from.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::plan::edit::resolved_text;
use crate::plan::schema::ConfigurationName;
use crate::postprocess::Filter;
use crate::segment::model::Model;
use crate::segment::portable::portable;
use crate::segment::request::Request;
use crate::store::outputs::Outputs;
use crate::store::{StoreError, digest, read_text_if_present, write_atomic};
use crate::units::format_utc;

/// All predictions of a folder, the oldest first. A case that is predicted again is in the latest one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Predictions {
    predictions: Vec<Prediction>,
}

/// Cases that were predicted with the same model and settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Prediction {
    /// Version of segplan.
    segplan: String,
    /// When the record was written, UTC.
    date: String,
    /// Name of the experiment.
    model: String,
    /// Name of the run folder or of the package.
    model_file: String,
    /// Digest of everything that decides a segmentation.
    model_digest: String,
    /// SHA-256 of the plan with the settings below.
    plan_sha256: String,
    /// Changed keys of `[predict]`, as `KEY=VALUE`.
    settings: Vec<String>,
    /// The configurations that segmented; the mean of their probabilities decides.
    configurations: Vec<ConfigurationName>,
    networks: Vec<NetworkRecord>,
    postprocessing: Filter,
    /// Device, such as `cpu` or `cuda:0`.
    device: String,
    cases: BTreeMap<String, CaseRecord>,
}

/// A network that segmented, or that of a first stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct NetworkRecord {
    configuration: ConfigurationName,
    seed: u64,
    fold: usize,
    sha256: String,
}

/// A segmented case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CaseRecord {
    /// Name of its label map.
    pub(super) labels: String,
    /// Names of its images, without folders, and their SHA-256, in the order of the channels.
    pub(super) images: Vec<(String, String)>,
    /// Digest of the model and of the images.
    pub(super) digest: String,
}

impl Prediction {
    /// The record of a model and its settings, without cases.
    pub(super) fn new(request: &Request<'_>, model: &Model, device: &str) -> Self {
        let file = std::path::absolute(request.model).unwrap_or_else(|_| request.model.to_owned());
        let networks = model.networks.iter().map(|network| NetworkRecord {
            configuration: network.id.configuration,
            seed: network.id.seed,
            fold: network.id.fold,
            sha256: network.sha256.clone(),
        });
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self {
            segplan: env!("CARGO_PKG_VERSION").to_owned(),
            date: format_utc(now),
            model: model.plan.name.clone(),
            model_file: file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            model_digest: model.digest(),
            plan_sha256: digest(resolved_text(&portable(&model.plan)).as_bytes()),
            settings: request.settings.to_vec(),
            configurations: model.configurations.clone(),
            networks: networks.collect(),
            postprocessing: model.filter.clone(),
            device: device.to_owned(),
            cases: BTreeMap::new(),
        }
    }
}

impl Predictions {
    /// Adds segmented cases, and removes what was recorded of them before. A case with the same digest keeps its record.
    fn add(&mut self, prediction: Prediction, mut cases: BTreeMap<String, CaseRecord>) -> bool {
        cases.retain(|case, record| self.predictions.iter().all(|known| known.cases.get(case) != Some(record)));
        if cases.is_empty() {
            return false;
        }
        for known in &mut self.predictions {
            known.cases.retain(|case, _| !cases.contains_key(case));
        }
        self.predictions.retain(|known| !known.cases.is_empty());
        self.predictions.push(Prediction { cases, ..prediction });
        true
    }

    /// Adds segmented cases to the record of a folder. `name` is that of the record, `staging` the folder in which it is written first.
    pub(super) fn update(
        (folder, name): (&Path, &Path),
        staging: &Path,
        outputs: &Outputs,
        prediction: Prediction,
        cases: BTreeMap<String, CaseRecord>,
    ) -> Result<(), StoreError> {
        let text = read_text_if_present(&folder.join(name))?;
        // A damaged record is replaced: it is no input of anything.
        let mut all: Self = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        if !all.add(prediction, cases) {
            return Ok(());
        }
        let text = serde_json::to_string_pretty(&all).expect("a record holds texts and numbers") + "\n";
        write_atomic(&staging.join(name), text.as_bytes())?;
        outputs.keep(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prediction(date: &str) -> Prediction {
        Prediction {
            segplan: String::new(),
            date: date.to_owned(),
            model: String::new(),
            model_file: String::new(),
            model_digest: String::new(),
            plan_sha256: String::new(),
            settings: Vec::new(),
            configurations: vec![ConfigurationName::TwoD],
            networks: Vec::new(),
            postprocessing: Filter::default(),
            device: "cpu".to_owned(),
            cases: BTreeMap::new(),
        }
    }

    fn cases(all: &[(&str, &str)]) -> BTreeMap<String, CaseRecord> {
        let record = |digest: &str| CaseRecord { labels: String::new(), images: Vec::new(), digest: digest.to_owned() };
        all.iter().map(|&(case, digest)| (case.to_owned(), record(digest))).collect()
    }

    #[test]
    fn a_case_is_recorded_once_with_its_latest_settings() {
        let mut all = Predictions::default();
        assert!(!all.add(prediction("0"), cases(&[])));
        assert!(all.add(prediction("1"), cases(&[("a", "x"), ("b", "x")])));
        assert!(!all.add(prediction("2"), cases(&[("a", "x")])), "unchanged");
        assert!(all.add(prediction("3"), cases(&[("a", "y"), ("b", "x"), ("c", "y")])));
        let shown: Vec<(&str, Vec<&str>)> = all
            .predictions
            .iter()
            .map(|one| (one.date.as_str(), one.cases.keys().map(String::as_str).collect()))
            .collect();
        assert_eq!(shown, [("1", vec!["b"]), ("3", vec!["a", "c"])]);
        assert!(all.add(prediction("4"), cases(&[("b", "y")])));
        assert_eq!(all.predictions.len(), 2, "a prediction without cases is removed");
    }
}
