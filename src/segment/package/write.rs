//! Writes the package of a run.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Serialize;

use crate::evaluate::scores;
use crate::plan::edit::resolved_text;
use crate::plan::schema::ConfigurationName;
use crate::run::Listener;
use crate::run::folder::RunFolder;
use crate::run::postprocessing::Postprocessing;
use crate::segment::error::SegmentError;
use crate::segment::model::{Choice, Model};
use crate::segment::package::manifest::{
    EntryRecord, FORMAT, LICENCE, MANIFEST, MAX_TEXT, Manifest, PLAN, POSTPROCESSING, PackagedNetwork, SCORES,
    SELECTION, TRAINING_DATA,
};
use crate::segment::package::scores::{packaged_scores, scores_csv};
use crate::segment::portable::portable;
use crate::select::{SEPARATOR, Selection};
use crate::store::StoreError;
use crate::store::archive::{ArchiveWriter, write_archive};
use crate::store::tensors::TensorFile;

/// The licence of a package if none is given.
const NOT_STATED: &str = "not stated";

/// The licence of a package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Licence {
    /// None is stated.
    #[default]
    NotStated,
    /// An SPDX identifier, such as `CC-BY-4.0`.
    Spdx(String),
    /// The text of a licence.
    Text(String),
}

/// The part of a run that is packaged, and its licence.
#[derive(Clone, Debug)]
pub struct PackageRequest<'a> {
    /// The run folder.
    pub run: &'a Path,
    /// Path of the package.
    pub output: &'a Path,
    /// Configuration; by default the candidate with the best cross-validation.
    pub configuration: Option<ConfigurationName>,
    /// Folds, counted from 0; all trained ones if empty.
    pub folds: &'a [usize],
    /// The licence.
    pub licence: Licence,
}

/// A package that has been written.
#[derive(Clone, Debug)]
pub struct Packaged {
    /// Its configurations.
    pub configurations: Vec<ConfigurationName>,
    /// Number of its networks, with those of first stages.
    pub networks: usize,
    /// Its size, bytes.
    pub bytes: u64,
}

/// Writes the trained networks of a run, with everything that a prediction needs, into one file, which is replaced if it exists.
///
/// # Errors
///
/// If the folder is no run, a chosen network is not trained or damaged, or the file cannot be written.
pub fn write_package(request: &PackageRequest<'_>, listener: &dyn Listener) -> Result<Packaged, SegmentError> {
    let folder = RunFolder { root: request.run.to_owned() };
    if !folder.resolved_plan().is_file() {
        return Err(SegmentError::NoRun(request.run.display().to_string()));
    }
    let choice = Choice { configuration: request.configuration, folds: request.folds, settings: &[] };
    let model = Model::choose(&folder, choice, listener)?;
    for network in &model.networks {
        // The checksum of damaged weights would be recorded as that of the package.
        TensorFile::open(&folder.network(network.id).weights())?;
    }
    let texts = texts(&folder, &model, &request.licence)?;
    listener.begin("packaging", model.networks.len());
    let written = write_archive(request.output, |archive| fill(archive, &folder, &model, &texts, request, listener));
    listener.end();
    written?;
    let bytes = std::fs::metadata(request.output).map_or(0, |metadata| metadata.len());
    Ok(Packaged { configurations: model.configurations, networks: model.networks.len(), bytes })
}

/// All entries but the weights and the manifest, in their order.
fn texts(folder: &RunFolder, model: &Model, licence: &Licence) -> Result<Vec<(&'static str, String)>, SegmentError> {
    let is_packaged = |candidate: &str| {
        candidate.split(SEPARATOR).all(|name| model.networks.iter().any(|one| one.id.configuration.as_str() == name))
    };
    let mut decisions = Postprocessing::read(folder, model.plan.postprocess.rule)?;
    decisions.candidates.retain(|candidate, _| is_packaged(candidate));
    let licence = match licence {
        Licence::NotStated => format!("The licence of this model is {NOT_STATED}.\n"),
        Licence::Spdx(name) => format!("SPDX-License-Identifier: {name}\n"),
        Licence::Text(text) => text.clone(),
    };
    let mut texts = vec![
        (LICENCE, licence),
        (PLAN, resolved_text(&portable(&model.plan))),
        (POSTPROCESSING, json(&decisions)),
        (TRAINING_DATA, json(&model.training_data)),
    ];
    if folder.scores().is_file() {
        let scores = packaged_scores(scores::read(&folder.scores())?, &model.networks);
        texts.push((SELECTION, json(&Selection::of(&scores))));
        texts.push((SCORES, scores_csv(&scores)));
    }
    match texts.iter().find(|(_, text)| text.len() as u64 > MAX_TEXT) {
        Some((name, text)) => Err(SegmentError::LargeText { name, bytes: text.len(), limit: MAX_TEXT }),
        None => Ok(texts),
    }
}

fn fill(
    archive: &mut ArchiveWriter<'_>,
    folder: &RunFolder,
    model: &Model,
    texts: &[(&'static str, String)],
    request: &PackageRequest<'_>,
    listener: &dyn Listener,
) -> Result<(), SegmentError> {
    let mut entries = BTreeMap::new();
    let mut add = |name: &str, content: &mut dyn Read| -> Result<EntryRecord, StoreError> {
        let fail = |source| StoreError { verb: "write", path: request.output.to_owned(), source };
        let stored = archive.add(name, content).map_err(fail)?;
        Ok(EntryRecord { bytes: stored.bytes, sha256: stored.sha256 })
    };
    for (name, text) in texts {
        entries.insert((*name).to_owned(), add(name, &mut text.as_bytes())?);
    }
    let mut networks = Vec::new();
    for network in &model.networks {
        let packaged = PackagedNetwork::new(network.id);
        let path = folder.network(network.id).weights();
        let mut weights =
            File::open(&path).map_err(|source| StoreError { verb: "read", path: path.clone(), source })?;
        entries.insert(packaged.weights.clone(), add(&packaged.weights, &mut weights)?);
        networks.push(packaged);
        listener.advance();
    }
    let manifest = Manifest {
        format: FORMAT,
        segplan: env!("CARGO_PKG_VERSION").to_owned(),
        name: model.plan.name.clone(),
        licence: match &request.licence {
            Licence::NotStated => NOT_STATED.to_owned(),
            Licence::Spdx(name) => name.clone(),
            Licence::Text(_) => format!("see {LICENCE}"),
        },
        configurations: model.configurations.clone(),
        networks,
        entries,
    };
    add(MANIFEST, &mut json(&manifest).as_bytes())?;
    Ok(())
}

fn json(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value).expect("packages hold strings, finite numbers and lists of them");
    text + "\n"
}
