//! Writing a report of some runs into a folder. The same runs give the same bytes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::dataset::{Dataset, scan};
use crate::report::compare::candidates::{candidate_data, candidate_table};
use crate::report::compare::{paired_differences, ranking_stability};
use crate::report::error::ReportError;
use crate::report::figure::draw_figures;
use crate::report::figure::output::{FigureFolder, Kind};
use crate::report::figure::slice::cases::{draw_cases, figure_name};
use crate::report::folder::ReportFolder;
use crate::report::page::{Report, Section, write_html, write_markdown};
use crate::report::record::{RecordError, RunRecord, read_run};
use crate::report::statistics::confusion::{Confusion, count_confusions};
use crate::report::statistics::summary::{ScoreSummary, summarize_run};
use crate::report::table::confusion::confusion_data;
use crate::report::table::scores::{metrics_of, score_data, score_table};
use crate::report::table::{Purpose, Table, write_table};
use crate::report::text::claim;
use crate::report::text::methods::write_methods;
use crate::report::text::missing::list_missing;
use crate::store::claim::Claim;
use crate::store::outputs;
use crate::store::write_atomic;

/// A report that was written.
#[derive(Clone, Debug)]
pub(crate) struct WrittenReport {
    pub folder: ReportFolder,
    /// Notes on what is missing in the runs.
    pub notes: Vec<String>,
}

/// Whether a report shows the images of the data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Images {
    /// Slices of cases are shown.
    Include,
    /// Numbers and drawings only: images may be under a licence, or of people.
    Exclude,
}

/// A run that is reported, with everything counted and drawn.
struct ReportedRun<'a> {
    section: Section<'a>,
    confusions: Vec<Confusion>,
}

/// Writes the report of one or more runs into a folder. Files of an earlier report that this one does not have are removed, unless
/// they have been changed since.
///
/// # Errors
///
/// If a run cannot be read, if two have the same name, if a foreign file would be overwritten, or if a file cannot be written.
pub(crate) fn write_report(
    runs: &[PathBuf],
    output: &Path,
    images: Images,
    overwrite: bool,
) -> Result<WrittenReport, ReportError> {
    let records = read_runs(runs)?;
    let final_folder = ReportFolder { root: output.to_owned() };
    let mut outputs = Claim::new(output, &claimed_names(&final_folder)?, runs).overwriting(overwrite).check()?;
    let folder = ReportFolder { root: outputs.staging()?.to_owned() };

    let several = records.len() > 1;
    let mut reported = Vec::new();
    for record in &records {
        let prefix = figure_prefix(record, several);
        reported.push(report_run(record, images, FigureFolder { prefix: &prefix, folder: &folder })?);
    }
    let summaries: Vec<ScoreSummary> = records.iter().flat_map(summarize_run).collect();
    let scores = metrics_of(&summaries).into_iter().map(|metric| score_table(&summaries, metric)).collect();
    write_data(&summaries, &reported, &records, &folder)?;
    let report = Report {
        sections: reported.into_iter().map(|run| run.section).collect(),
        scores,
        comparisons: compare_runs(&records),
    };
    write_documents(&report, &records, &folder)?;
    let notes = report.sections.iter().flat_map(named_notes).collect();
    outputs.keep_all()?;
    if images == Images::Exclude && overwrite {
        remove_images(&records, several, &final_folder)?;
    }
    Ok(WrittenReport { notes, folder: final_folder })
}

fn read_runs(runs: &[PathBuf]) -> Result<Vec<RunRecord>, RecordError> {
    let records = runs.iter().map(|run| read_run(run)).collect::<Result<Vec<_>, _>>()?;
    let mut names = BTreeSet::new();
    match records.iter().map(|record| &record.plan.name).find(|name| !names.insert(*name)) {
        Some(name) => Err(RecordError::SameName(name.clone())),
        None => Ok(records),
    }
}

/// The files that may be overwritten only if segplan wrote them: those of an earlier report, and those of every report.
///
/// Figures and tables are checked when they are drawn, before the first file gets its name.
fn claimed_names(folder: &ReportFolder) -> Result<Vec<PathBuf>, ReportError> {
    let always =
        folder.always().map(|path| path.strip_prefix(&folder.root).map_or_else(|_| path.clone(), Path::to_owned));
    let earlier = outputs::Record::read(&folder.root)?;
    Ok(earlier.names().chain(always).collect::<BTreeSet<_>>().into_iter().collect())
}

/// The prefix of the names of a run's figures.
fn figure_prefix(record: &RunRecord, several: bool) -> String {
    if several { format!("{}-", record.plan.name) } else { String::new() }
}

/// Counts and draws what a report shows of a run.
fn report_run<'a>(
    record: &'a RunRecord,
    images: Images,
    folder: FigureFolder<'_>,
) -> Result<ReportedRun<'a>, ReportError> {
    let mut notes = list_missing(record);
    let dataset = find_dataset(record).unwrap_or_else(|reason| {
        notes.push(format!("No case could be drawn, because the data set cannot be read: {reason}."));
        None
    });
    let (mut cases, mut slices) = (Some(Vec::new()), Vec::new());
    match (images, &dataset) {
        (Images::Include, Some(dataset)) => {
            let drawn = draw_cases(record, dataset, folder)?;
            cases = Some(drawn.cases);
            slices = drawn.figures;
            notes.extend(drawn.notes);
        }
        (Images::Include, None) => (),
        (Images::Exclude, _) => {
            cases = None;
            notes.push("Case images were excluded from this report (`--without-images`).".to_owned());
        }
    }
    let confusions = count_confusions(record, dataset.as_ref())?;
    notes.extend(confusions.notes);
    let mut figures = draw_figures(record, &confusions.matrices, folder)?;
    let single = figures.iter().position(|figure| figure.kind == Kind::Training).unwrap_or(figures.len());
    figures.splice(single..single, slices);
    let methods = write_methods(record);
    Ok(ReportedRun { section: Section { record, figures, cases, notes, methods }, confusions: confusions.matrices })
}

/// The data set of a run. Returns `None` if nothing has been scored.
fn find_dataset(record: &RunRecord) -> Result<Option<Dataset>, String> {
    match &record.manifest {
        Some(manifest) if !record.scores.is_empty() => {
            scan(&manifest.dataset.folder).map(Some).map_err(|error| error.to_string())
        }
        Some(_) | None => Ok(None),
    }
}

fn compare_runs(records: &[RunRecord]) -> Vec<Table> {
    [candidate_table(records), paired_differences(records), ranking_stability(records)].into_iter().flatten().collect()
}

/// Writes the tables for programs.
fn write_data(
    summaries: &[ScoreSummary],
    reported: &[ReportedRun<'_>],
    records: &[RunRecord],
    folder: &ReportFolder,
) -> Result<(), ReportError> {
    let confusions = reported.iter().flat_map(|run| run.confusions.iter().map(|matrix| (run.section.record, matrix)));
    let mut tables = vec![score_data(summaries), confusion_data(confusions), candidate_data(records)];
    tables.retain(|table| table.name == "scores" || !table.rows.is_empty());
    tables.extend([paired_differences(records), ranking_stability(records)].into_iter().flatten());
    for table in tables {
        write_table(&table, &folder.tables(), &[Purpose::Data])?;
    }
    Ok(())
}

/// Writes the tables for readers, the page and the texts.
fn write_documents(report: &Report<'_>, records: &[RunRecord], folder: &ReportFolder) -> Result<(), ReportError> {
    for table in report.scores.iter().chain(&report.comparisons) {
        write_table(table, &folder.tables(), &[Purpose::Paper])?;
    }
    write_atomic(&folder.page(), write_html(report).as_bytes())?;
    write_atomic(&folder.markdown(), write_markdown(report).as_bytes())?;
    let methods: Vec<&str> = report.sections.iter().map(|section| section.methods.as_str()).collect();
    write_atomic(&folder.methods(), format!("{}\n", methods.join("\n\n")).as_bytes())?;
    let checklists: Vec<String> = records.iter().map(claim::write_checklist).collect();
    write_atomic(&folder.checklist(), checklists.join("\n").as_bytes())?;
    write_atomic(&folder.bibliography(), include_bytes!("text/references.bib"))?;
    Ok(())
}

fn named_notes<'a>(section: &'a Section<'_>) -> impl Iterator<Item = String> + 'a {
    section.notes.iter().map(|note| format!("{}: {note}", section.record.plan.name))
}

/// Removes the images of reports of earlier versions, which kept no record of their files.
fn remove_images(records: &[RunRecord], several: bool, folder: &ReportFolder) -> Result<(), ReportError> {
    for record in records {
        let prefix = figure_prefix(record, several);
        for model in record.models() {
            FigureFolder { prefix: &prefix, folder }.remove(&figure_name(&model))?;
        }
    }
    Ok(())
}
