//! The runner: does the list of work, piece by piece.

use std::sync::atomic::AtomicBool;

use crate::evaluate::scores::Score;
use crate::experiment::error::ExperimentError;
use crate::experiment::failures::Failures;
use crate::experiment::forecast::Forecast;
use crate::experiment::inspect::Inspection;
use crate::experiment::lock::Lock;
use crate::experiment::opening::{OpenRun, open_run};
use crate::experiment::options::{Options, Stage};
use crate::experiment::stages::context::{Context, Ending};
use crate::experiment::stages::execute;
use crate::experiment::stages::select::read_scores;
use crate::experiment::status::{Entry, Status};
use crate::experiment::summary::{Summary, closing_text, write_scores};
use crate::experiment::work::{Piece, Work};
use crate::plan::check::trainable::check_trainable;
use crate::plan::read::LoadedPlan;
use crate::run::folder::RunFolder;
use crate::run::{Listener, NetworkId};
use crate::units::listed;

/// How a run ended without an error.
#[derive(Debug)]
pub enum Outcome {
    /// Everything that was asked for is done, or has failed.
    Done(Summary),
    /// Stopped by a signal. Progress is saved.
    Interrupted,
}

/// Does the work of a plan that is not done, up to `options.until`.
///
/// If `interrupted` is set, the current step is finished, a checkpoint is written, and [`Outcome::Interrupted`] is returned.
///
/// # Errors
///
/// If the run cannot be opened: wrong plans, damaged data. A piece of work that fails is reported in [`Summary::failures`].
pub fn run(
    loaded: &LoadedPlan,
    options: &Options,
    listener: &dyn Listener,
    interrupted: &AtomicBool,
) -> Result<Outcome, ExperimentError> {
    check_trainable(loaded)?;
    options.networks(&loaded.plan)?;
    let _lock = Lock::take(&RunFolder::new(&loaded.plan.runtime.runs, &loaded.plan.name))?;
    let OpenRun { context, done, matches_plan } = open_run(loaded, options, listener, interrupted)?;
    for work in &done {
        listener.say(&format!("done: {work}"));
    }
    let mut status = Status::inspected(loaded, options, &Inspection::of_run(&context))?;
    status.estimate(loaded, listener)?;
    let forecast = Forecast::new(&status, &loaded.plan);
    if let Some(text) = forecast.text() {
        listener.say(&text);
    }
    say_first_stage(&status, &options.networks(&loaded.plan)?, listener);

    let runner = Runner { loaded, options, context, forecast, failures: Failures::default(), is_new: !done.is_empty() };
    runner.run(&status.entries, matches_plan)
}

struct Runner<'a> {
    loaded: &'a LoadedPlan,
    options: &'a Options,
    context: Context<'a>,
    forecast: Forecast,
    failures: Failures,
    /// Whether anything was done now.
    is_new: bool,
}

impl Runner<'_> {
    fn run(mut self, entries: &[Entry], matches_plan: bool) -> Result<Outcome, ExperimentError> {
        let inspection = Inspection::of_run(&self.context);
        for entry in entries {
            if self.step(entry, &inspection)? == Ending::Interrupted {
                return Ok(Outcome::Interrupted);
            }
        }
        let pieces: Vec<Piece> = entries.iter().map(|entry| entry.piece.clone()).collect();
        self.finish(&pieces, &inspection, matches_plan)
    }

    /// Does one piece of work, unless it is done, blocked by a failure, or not to be started after one.
    fn step(
        &mut self,
        Entry { piece, state, .. }: &Entry,
        inspection: &Inspection<'_>,
    ) -> Result<Ending, ExperimentError> {
        let (work, listener) = (piece.work, self.context.listener);
        // Announced work is executed even if its result turns out to be unchanged.
        if !state.is_open() && inspection.is_done(piece) {
            self.note_done(work)?;
            return Ok(Ending::Done);
        }
        if self.failures.blocks(piece) {
            return Ok(Ending::Done);
        }
        if !self.failures.is_empty() && !self.options.keep_going {
            self.failures.add_not_started(work);
            return Ok(Ending::Done);
        }
        if self.context.is_interrupted() {
            return Ok(Ending::Interrupted);
        }
        let context = &self.context;
        match self.forecast.time(&context.folder, work, || execute(context, piece)) {
            Ok(Ending::Interrupted) => return Ok(Ending::Interrupted),
            Ok(Ending::Done) => {
                listener.say(&format!("done: {work}"));
                self.is_new = true;
                self.note_done(work)?;
            }
            Err(error) => {
                listener.end();
                listener.say(&format!("failed: {work}: {error}"));
                self.failures.add(work, error);
            }
        }
        Ok(Ending::Done)
    }

    /// Notes a finished network among those that were asked for, by its last stage.
    fn note_done(&mut self, work: Work) -> Result<(), ExperimentError> {
        let is_last = match work {
            Work::Train(_) => self.options.until == Stage::Train,
            Work::Predict(_) => self.options.until == Stage::Predict,
            Work::Evaluate(_) => self.options.until == Stage::Evaluate,
            _ => false,
        };
        let requested = self.options.networks(&self.loaded.plan)?;
        if is_last && work.network().is_some_and(|id| requested.contains(&id)) {
            self.failures.add_done();
        }
        Ok(())
    }

    fn finish(
        self,
        pieces: &[Piece],
        inspection: &Inspection<'_>,
        matches_plan: bool,
    ) -> Result<Outcome, ExperimentError> {
        let Self { loaded, options, context, forecast, failures, is_new } = self;
        if let Some(text) = forecast.comparison() {
            context.listener.say(&text);
        }
        let rows = if options.until < Stage::Evaluate { Vec::new() } else { scores(&context, pieces, inspection)? };
        let is_ranked = pieces.iter().any(|piece| piece.work == Work::Select && inspection.is_done(piece));
        let table = write_scores(&loaded.plan, &context.folder, &rows, is_ranked)?;
        let folder = &context.folder.root;
        let mut text = if failures.is_empty() {
            closing_text(loaded, options, folder, is_new, &rows)
        } else {
            format!("not everything is done. Results: {}", folder.display())
        };
        if options.until == Stage::Fingerprint && matches_plan {
            text = format!("the data set matches the plan; {text}");
        }
        Ok(Outcome::Done(Summary { table, text, failures }))
    }
}

/// Scores of all networks of the plan that are scored, and of the ensembles.
fn scores(context: &Context<'_>, pieces: &[Piece], inspection: &Inspection<'_>) -> Result<Vec<Score>, ExperimentError> {
    let networks = context.plan.configurations.keys().flat_map(|&name| NetworkId::all(context.plan, name));
    let ensembles = pieces.iter().map(|piece| piece.work).filter(|work| matches!(work, Work::Ensemble(..)));
    let all = networks.map(Work::Evaluate).chain(ensembles);
    let scored: Vec<Work> = all.filter(|&work| inspection.is_scored(work)).collect();
    Ok(read_scores(&context.folder, &scored)?)
}

/// Reports networks of the first stage that are trained although they were not asked for.
fn say_first_stage(status: &Status, requested: &[NetworkId], listener: &dyn Listener) {
    let unasked = |entry: &Entry| match entry.piece.work {
        Work::Train(id) if entry.state.is_open() && !requested.contains(&id) => Some(id.to_string()),
        _ => None,
    };
    let names: Vec<String> = status.entries.iter().filter_map(unasked).collect();
    if !names.is_empty() {
        let names = listed(&names);
        listener.say(&format!("the cascade needs predictions of all folds of its first stage; also training {names}"));
    }
}
