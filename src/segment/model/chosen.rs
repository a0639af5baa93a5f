//! The part of a model that segments.

use crate::plan::compare::stage_digests;
use crate::plan::schema::{ConfigurationName, Plan, PostprocessRule};
use crate::postprocess::Filter;
use crate::run::Listener;
use crate::run::postprocessing::Postprocessing;
use crate::segment::error::SegmentError;
use crate::segment::model::source::{Source, TrainedNetwork};
use crate::segment::portable::portable;
use crate::segment::settings::load_plan;
use crate::segment::training_data::TrainingData;
use crate::select::joined;
use crate::store::short_digest;

/// Which part of a model segments, and how.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::segment) struct Choice<'a> {
    /// The configuration; by default the candidate with the best cross-validation.
    pub(in crate::segment) configuration: Option<ConfigurationName>,
    /// The folds, counted from 0; all if empty.
    pub(in crate::segment) folds: &'a [usize],
    /// Changed keys of `[predict]`, as `KEY=VALUE`.
    pub(in crate::segment) settings: &'a [String],
}

/// Everything that decides a segmentation, but the weights themselves.
#[derive(Debug)]
pub(in crate::segment) struct Model {
    pub(in crate::segment) plan: Plan,
    /// The configurations that segment; the mean of their probabilities decides.
    pub(in crate::segment) configurations: Vec<ConfigurationName>,
    /// Their networks, and those of their first stages.
    pub(in crate::segment) networks: Vec<TrainedNetwork>,
    pub(in crate::segment) filter: Filter,
    pub(in crate::segment) training_data: TrainingData,
}

impl Model {
    /// Chooses a part of a model.
    ///
    /// # Errors
    ///
    /// If the plan or a setting is invalid, or a chosen network is not trained.
    pub(in crate::segment) fn choose(
        source: &dyn Source,
        choice: Choice<'_>,
        listener: &dyn Listener,
    ) -> Result<Self, SegmentError> {
        let (path, text) = source.plan_text()?;
        let plan = load_plan(&path, &text, choice.settings)?;
        let configurations = match choice.configuration {
            Some(name) => vec![name],
            None => source.candidate(&plan)?,
        };
        let mut networks: Vec<TrainedNetwork> = Vec::new();
        for &name in &configurations {
            if !plan.configurations.contains_key(&name) {
                return Err(SegmentError::untrained(source.path(), Some(name)));
            }
            for stage in name.first_stage().into_iter().chain([name]) {
                let trained = chosen_folds(source, &plan, stage, choice.folds)?;
                // A configuration can also be the first stage of another one.
                networks.extend(trained.into_iter().filter(|network| !networks.contains(network)).collect::<Vec<_>>());
            }
        }
        let filter = choose_filter(&plan, &configurations, source.postprocessing(plan.postprocess.rule)?, listener);
        Ok(Self { configurations, networks, filter, training_data: source.training_data()?, plan })
    }

    /// The networks of a configuration.
    pub(in crate::segment) fn networks_of(&self, name: ConfigurationName) -> impl Iterator<Item = &TrainedNetwork> {
        self.networks.iter().filter(move |network| network.id.configuration == name)
    }

    /// Digest of everything that decides a segmentation: the weights, the tables of the plan, the post-processing and the axis order.
    ///
    /// It is that of the plan as it is packaged, so that a run and its package have the same digest.
    pub(in crate::segment) fn digest(&self) -> String {
        let plan = portable(&self.plan);
        let mut all = vec![env!("CARGO_PKG_VERSION").to_owned()];
        for &name in &self.configurations {
            all.push(stage_digests(&plan, name).predict);
        }
        all.extend(self.networks.iter().map(|network| network.sha256.clone()));
        short_digest(&(all, &self.filter, self.training_data.orientation()))
    }
}

/// The trained networks of a configuration in some folds.
fn chosen_folds(
    source: &dyn Source,
    plan: &Plan,
    name: ConfigurationName,
    folds: &[usize],
) -> Result<Vec<TrainedNetwork>, SegmentError> {
    let mut networks = source.trained(plan, name)?;
    if networks.is_empty() {
        return Err(SegmentError::untrained(source.path(), Some(name)));
    }
    if let Some(&fold) = folds.iter().find(|&&fold| networks.iter().all(|network| network.id.fold != fold)) {
        let trained = networks.iter().map(|network| network.id.fold).collect();
        return Err(SegmentError::UntrainedFold { model: source.path().display().to_string(), name, fold, trained });
    }
    networks.retain(|network| folds.is_empty() || folds.contains(&network.id.fold));
    Ok(networks)
}

/// The post-processing of a candidate.
fn choose_filter(
    plan: &Plan,
    names: &[ConfigurationName],
    mut recorded: Postprocessing,
    listener: &dyn Listener,
) -> Filter {
    match plan.postprocess.rule {
        PostprocessRule::None | PostprocessRule::SingleComponent => return Filter::of_plan(plan),
        PostprocessRule::CrossValidation => (),
    }
    let candidate = joined(&names.iter().map(ToString::to_string).collect::<Vec<_>>());
    if let Some(recorded) = recorded.candidates.remove(&candidate) {
        return recorded.decision.filter;
    }
    listener.say(&format!(
        "{candidate}: its cross-validation, which chooses the post-processing, is not complete; no post-processing is applied"
    ));
    Filter::default()
}
