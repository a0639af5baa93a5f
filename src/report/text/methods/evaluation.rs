//! Metrics, statistics and software.

use std::collections::BTreeSet;

use crate::evaluate::metric::Metric;
use crate::report::record::RunRecord;
use crate::report::text::methods::phrases::join_and;
use crate::statistics::BOOTSTRAP_RESAMPLES;
use crate::units::{counted, plural};

/// Metrics, cases and statistics.
pub(super) fn describe_evaluation(record: &RunRecord) -> String {
    let tolerance = record.plan.evaluate.surface_tolerance_mm;
    let metrics: Vec<String> = Metric::all().map(|metric| metric.label(tolerance)).collect();
    let seeds = if record.plan.run.seeds.len() == 1 {
        " Only one seed was used, so the variation across repeated trainings is unknown."
    } else {
        ""
    };
    format!(
        "We report {} as mean ± SD over {}, with 95 % percentile bootstrap intervals ({BOOTSTRAP_RESAMPLES} resamples of the cases). \
         HD95 is the larger of the 95th percentiles of the surface distances in both directions, ASSD the mean surface distance, \
         and NSD the fraction of both surfaces within the tolerance [@nikolov2018surface]. Dice and NSD are 0 if either the \
         reference or the prediction is empty, and undefined if both are; HD95 and ASSD are undefined in either case.{seeds}",
        join_and(&metrics),
        describe_cases(record)
    )
}

/// `the 6 validation cases of fold 0`
fn describe_cases(record: &RunRecord) -> String {
    let scored: BTreeSet<&str> = record.scores.iter().map(|score| score.case.0.as_str()).collect();
    let folds: BTreeSet<usize> = record.scores.iter().map(|score| score.network.fold).collect();
    if scored.is_empty() {
        return "the validation cases".to_owned();
    }
    let folds: Vec<usize> = folds.into_iter().collect();
    let of = if folds.len() == record.plan.split.folds {
        "the cross-validation".to_owned()
    } else {
        format!("{} {}", plural(folds.len(), "fold"), join_and(&folds))
    };
    format!("the {} of {of}", counted(scored.len(), "validation case"))
}

/// Version and machine.
pub(super) fn describe_software(record: &RunRecord) -> String {
    let Some(manifest) = &record.manifest else { return "The software's version was not recorded.".to_owned() };
    let commit = match (&manifest.git_commit, manifest.git_dirty) {
        (Some(commit), Some(true)) => {
            format!(" The run was started in a git repository at commit {commit}, with uncommitted changes.")
        }
        (Some(commit), _) => format!(" The run was started in a git repository at commit {commit}."),
        (None, _) => String::new(),
    };
    let host = &manifest.host;
    let processor = host.processor.as_deref().unwrap_or(&host.arch);
    format!(
        "Computations ran with segplan {} on the device {} ({processor}, {}, {}).{commit}",
        manifest.version,
        manifest.device,
        counted(host.cores, "core"),
        host.os
    )
}
