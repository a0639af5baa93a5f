//! All networks of an experiment, one after the other, and what is decided on by all of them together.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;

use crate::dataset::Dataset;
use crate::evaluate::scores::{self, Score};
use crate::evaluate::summary::summarize;
use crate::experiment::events::{Events, NetworkId};
use crate::experiment::failures::Failures;
use crate::experiment::fold::{Fold, Progress};
use crate::experiment::postprocessing::settle;
use crate::experiment::splits::Split;
use crate::experiment::state::FoldState;
use crate::experiment::{ExperimentError, Options, Outcome, Stage, Summary, ensemble, first_stage, record};
use crate::plan::digest::stage_digests;
use crate::plan::schema::{ConfigurationName, Plan};
use crate::select::Selection;
use crate::store::folder::{RunFolder, prepared_folder};

/// An experiment whose cases are prepared and split.
pub(super) struct Experiment<'a> {
    pub(super) plan: &'a Plan,
    pub(super) dataset: Dataset,
    /// Digest of what the data set's files hold.
    pub(super) data: String,
    pub(super) splits: Vec<Split>,
    pub(super) folder: RunFolder,
    pub(super) device: Device,
    pub(super) events: &'a dyn Events,
    pub(super) interrupted: &'a AtomicBool,
}

impl Experiment<'_> {
    pub(super) fn run(&self, networks: &[NetworkId], options: &Options) -> Result<Outcome, ExperimentError> {
        let until = options.until;
        let mut anything_new = false;
        let mut failures = Failures::default();
        for (at, &id) in networks.iter().enumerate() {
            if failures.block(id) {
                continue;
            }
            match self.network(id, until) {
                Ok(None) => return Ok(Outcome::Interrupted),
                Ok(Some(progress)) => {
                    anything_new |= progress == Progress::Done;
                    failures.done();
                }
                Err(error) => {
                    self.events.end();
                    self.events.say(&format!("{id} failed: {error}"));
                    failures.add(id, error);
                    if !options.keep_going {
                        networks[at + 1..].iter().for_each(|&id| failures.leave(id, self.is_scored(id)));
                        break;
                    }
                }
            }
        }
        if until < Stage::Evaluate {
            return self.finish(&[], None, anything_new, until, failures);
        }
        if !failures.is_empty() && !options.keep_going {
            return self.finish(&self.scores(&failures)?, None, anything_new, until, failures);
        }
        let complete = self.complete(&failures);
        for &name in &complete {
            let folds: Vec<_> = self.all_folds(name).map(|id| self.fold(id).held_out()).collect();
            anything_new |= settle(self, name.as_str(), &folds)?.0 == Progress::Done;
        }
        let mut rows = self.scores(&failures)?;
        let chosen = ensemble::choose(self, &complete, &rows)?;
        if chosen.progress == Progress::Interrupted {
            return Ok(Outcome::Interrupted);
        }
        anything_new |= chosen.progress == Progress::Done;
        rows.extend(chosen.scores);
        self.finish(&rows, chosen.selection.as_ref(), anything_new, until, failures)
    }

    /// Does what is not done of a network, and of the cascade's first stage where it needs that; nothing when it was asked to
    /// stop.
    fn network(&self, id: NetworkId, until: Stage) -> Result<Option<Progress>, ExperimentError> {
        let first = first_stage::make(self, id)?;
        if first == Progress::Interrupted {
            return Ok(None);
        }
        let own = self.fold(id).run(until)?;
        Ok(own.map(|own| if first == Progress::Done { first } else { own }))
    }

    /// One network, with everything that it needs.
    pub(super) fn fold(&self, id: NetworkId) -> Fold<'_> {
        let digests = stage_digests(self.plan, id.configuration);
        Fold {
            plan: self.plan,
            id,
            configuration: &self.plan.configurations[&id.configuration],
            prepared: prepared_folder(&self.plan.runtime.runs, &digests.preprocess),
            digests,
            data: &self.data,
            dataset: &self.dataset,
            split: &self.splits[id.fold],
            folder: self.folder.fold(id.configuration.as_str(), id.seed, id.fold),
            next_stage: (id.configuration == ConfigurationName::Cascade)
                .then(|| self.folder.next_stage(ConfigurationName::LowRes.as_str(), id.seed)),
            device: &self.device,
            events: self.events,
            interrupted: self.interrupted,
        }
    }

    /// All folds of a configuration, for all seeds.
    pub(super) fn all_folds(&self, configuration: ConfigurationName) -> impl Iterator<Item = NetworkId> + use<'_> {
        let folds = self.plan.split.folds;
        let of_seed = move |&seed| (0..folds).map(move |fold| NetworkId { configuration, seed, fold });
        self.plan.run.seeds.iter().flat_map(of_seed)
    }

    /// The configurations of the plan all of whose folds are scored.
    fn complete(&self, failures: &Failures) -> Vec<ConfigurationName> {
        let mut complete = Vec::new();
        for &name in self.plan.configurations.keys() {
            if self.all_folds(name).all(|id| !failures.has(id) && self.is_scored(id)) {
                complete.push(name);
            }
        }
        complete
    }

    /// Whether the held-out cases of a network are scored, by this plan and on these files. A state that cannot be read is the
    /// failure of its own network.
    fn is_scored(&self, id: NetworkId) -> bool {
        let fold = self.fold(id);
        FoldState::load(&fold.folder).is_ok_and(|state| state.is_scored(&fold.digests.evaluate, &self.data))
    }

    /// Training cases that have each label, and those of them in which it is a single component.
    pub(super) fn training_components(&self) -> Result<BTreeMap<u8, (usize, usize)>, ExperimentError> {
        let measured = record::fingerprint(&self.folder, &self.dataset, self.data.clone(), self.events)?;
        let mut found = BTreeMap::<u8, (usize, usize)>::new();
        for (&label, &parts) in measured.cases.iter().flat_map(|case| &case.components) {
            let (cases, single) = found.entry(label).or_default();
            *cases += 1;
            *single += usize::from(parts == 1);
        }
        Ok(found)
    }

    /// Scores of all networks of the plan that are done and did not fail now.
    fn scores(&self, failures: &Failures) -> Result<Vec<Score>, ExperimentError> {
        let mut rows = Vec::new();
        for id in self.plan.configurations.keys().flat_map(|&name| self.all_folds(name)) {
            if !failures.has(id) && self.is_scored(id) {
                rows.extend(scores::read(&self.fold(id).folder.scores())?);
            }
        }
        Ok(rows)
    }

    fn finish(
        &self,
        rows: &[Score],
        selection: Option<&Selection>,
        anything_new: bool,
        until: Stage,
        failures: Failures,
    ) -> Result<Outcome, ExperimentError> {
        let what = match (anything_new, until) {
            _ if !failures.is_empty() => "not everything is done",
            (false, _) => "everything was done before: nothing to do",
            (true, Stage::Train) => "all networks are trained",
            (true, Stage::Predict) => "all held-out cases are predicted",
            (true, _) => "all held-out cases are scored",
        };
        let text = format!("{what}; see `{}`", self.folder.root.display());
        if rows.is_empty() {
            return Ok(Outcome::Done(Summary { table: None, text, failures }));
        }
        scores::write(&self.folder.scores(), rows)?;
        let mut table = summarize(rows).table();
        if let Some(selection) = selection {
            table = format!("{table}\n\n{}", selection.table());
        }
        Ok(Outcome::Done(Summary { table: Some(table), text, failures }))
    }
}
