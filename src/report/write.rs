//! A report: everything that is made of some runs, into one folder. The same runs give the same bytes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::dataset::{Dataset, scan};
use crate::report::compare::candidates;
use crate::report::compare::{Comparison, compare};
use crate::report::error::ReportError;
use crate::report::figure::slice::cases;
use crate::report::figure::{self as figures};
use crate::report::page::html::{Section, page};
use crate::report::page::markdown::markdown;
use crate::report::record::{Record, RecordError};
use crate::report::statistics::confusion;
use crate::report::statistics::summary::{self, Line};
use crate::report::table::{latex, scores as tables};
use crate::report::text::{claim, methods};
use crate::store::claim::Claim;
use crate::store::outputs;
use crate::store::report::ReportFolder;
use crate::store::rows::{rows_as_csv, rows_as_markdown};
use crate::store::write_atomic;

/// A finished report.
#[derive(Clone, Debug)]
pub struct Written {
    /// Its folder.
    pub folder: ReportFolder,
    /// What is missing in the runs, a sentence each.
    pub gaps: Vec<String>,
}

/// What a report shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Images {
    /// Slices of cases, too.
    Shown,
    /// Numbers and drawings only: nothing of the data set's images, which may be under a licence or about people.
    LeftOut,
}

/// Writes the report of one or more runs into a folder. What an earlier report left there and this one does not have is removed,
/// unless somebody has changed it.
///
/// # Errors
///
/// When a run cannot be read, two have one name, a file of others would be replaced, or one cannot be drawn or written.
pub fn write(runs: &[PathBuf], output: &Path, images: Images, overwrite: bool) -> Result<Written, ReportError> {
    let place = ReportFolder { root: output.to_owned() };
    let records = runs.iter().map(|run| Record::read(run)).collect::<Result<Vec<_>, _>>()?;
    let mut names = BTreeSet::new();
    if let Some(twice) = records.iter().map(|record| &record.plan.name).find(|name| !names.insert(*name)) {
        return Err(RecordError::SameName(twice.clone()).into());
    }
    // Figures and tables are checked when they are drawn, before the first file gets its name.
    let always = place.always().map(|path| path.strip_prefix(output).map_or_else(|_| path.clone(), Path::to_owned));
    let names: Vec<PathBuf> =
        outputs::Record::read(output)?.names().chain(always).collect::<BTreeSet<_>>().into_iter().collect();
    let mut outputs = Claim::new(output, &names, runs).overwriting(overwrite).check()?;
    let folder = ReportFolder { root: outputs.staging()?.to_owned() };
    let lines: Vec<Line> = records.iter().flat_map(summary::lines).collect();
    write_tables(&lines, &folder)?;
    let several = records.len() > 1;
    let mut confused =
        vec![["run", "system", "reference", "prediction", "voxels", "share"].map(str::to_owned).to_vec()];
    let mut sections = Vec::new();
    for record in &records {
        let prefix = prefix(record, several);
        let (section, rows) = section(record, &prefix, images, &folder)?;
        sections.push(section);
        confused.extend(rows);
    }
    if confused.len() > 1 {
        write_atomic(&folder.table("confusion").with_extension("csv"), rows_as_csv(&confused).as_bytes())?;
    }
    let comparisons: Vec<Comparison> = candidates::table(&records).into_iter().chain(compare(&records)).collect();
    write_comparisons(&comparisons, &records, &folder)?;
    write_atomic(&folder.page(), page(&sections, &lines, &comparisons).as_bytes())?;
    write_atomic(&folder.markdown(), markdown(&sections, &lines, &comparisons).as_bytes())?;
    let methods: Vec<&str> = sections.iter().map(|section| section.methods.as_str()).collect();
    write_atomic(&folder.methods(), format!("{}\n", methods.join("\n\n")).as_bytes())?;
    let checklists: Vec<String> = records.iter().map(claim::checklist).collect();
    write_atomic(&folder.checklist(), checklists.join("\n").as_bytes())?;
    write_atomic(&folder.bibliography(), include_bytes!("text/references.bib"))?;
    let gaps = sections
        .iter()
        .flat_map(|section| section.gaps.iter().map(|gap| format!("{}: {gap}", section.record.plan.name)));
    let gaps = gaps.collect();
    outputs.keep_all()?;
    if images == Images::LeftOut && overwrite {
        // An earlier version kept no record of what it had drawn.
        for record in &records {
            let prefix = prefix(record, several);
            for system in record.systems() {
                figures::remove(&cases::figure_name(&system), &prefix, &place)?;
            }
        }
    }
    Ok(Written { gaps, folder: place })
}

/// What the names of a run's figures begin with.
fn prefix(record: &Record, several: bool) -> String {
    if several { format!("{}-", record.plan.name) } else { String::new() }
}

/// Draws what is shown of a run; its confusions come as rows of a table.
fn section<'a>(
    record: &'a Record,
    prefix: &str,
    images: Images,
    folder: &ReportFolder,
) -> Result<(Section<'a>, Vec<Vec<String>>), ReportError> {
    let mut gaps = record.gaps.clone();
    let mut drawn = cases::Drawn::default();
    let dataset = data_of(record).unwrap_or_else(|reason| {
        gaps.push(format!("No case could be drawn, because the data set cannot be read: {reason}."));
        None
    });
    match (&dataset, images) {
        (Some(dataset), Images::Shown) => drawn = cases::draw(record, dataset, prefix, folder)?,
        (_, Images::LeftOut) => {
            gaps.push("Images of cases were left out of this report on purpose.".to_owned());
        }
        (None, Images::Shown) => (),
    }
    let (confusions, uncounted) = confusion::count(record, dataset.as_ref())?;
    let mut figures = figures::draw(record, &confusions, prefix, folder)?;
    let single = figures.iter().position(|figure| figure.kind == figures::Kind::Training).unwrap_or(figures.len());
    figures.splice(single..single, drawn.figures);
    gaps.extend(drawn.gaps.into_iter().chain(uncounted));
    let rows = confusion::rows(record, &confusions);
    Ok((Section { record, figures, cases: drawn.cases, gaps, methods: methods::paragraph(record) }, rows))
}

/// The data set of a run that has scores; nothing where there is nothing to draw.
fn data_of(record: &Record) -> Result<Option<Dataset>, String> {
    match &record.manifest {
        Some(manifest) if !record.scores.rows.is_empty() => {
            scan(&manifest.dataset.folder).map(Some).map_err(|error| error.to_string())
        }
        Some(_) | None => Ok(None),
    }
}

fn write_comparisons(comparisons: &[Comparison], records: &[Record], folder: &ReportFolder) -> Result<(), ReportError> {
    for comparison in comparisons {
        let path = folder.table(comparison.name);
        write_atomic(&path.with_extension("md"), rows_as_markdown(&comparison.rows).as_bytes())?;
        write_atomic(&path.with_extension("csv"), rows_as_csv(&comparison.rows).as_bytes())?;
        write_atomic(&path.with_extension("tex"), latex::rows(&comparison.rows, &comparison.best).as_bytes())?;
    }
    if records.iter().any(|record| record.selection.is_some()) {
        candidates::parquet(records, &folder.table("candidates").with_extension("parquet"))?;
    }
    Ok(())
}

fn write_tables(lines: &[Line], folder: &ReportFolder) -> Result<(), ReportError> {
    let all = folder.table("scores");
    write_atomic(&all.with_extension("csv"), tables::csv(lines).as_bytes())?;
    tables::parquet(lines, &all.with_extension("parquet"))?;
    for metric in tables::metrics(lines) {
        let one = folder.table(metric);
        write_atomic(&one.with_extension("tex"), latex::lines(lines, metric).as_bytes())?;
        write_atomic(&one.with_extension("md"), tables::markdown(lines, metric).as_bytes())?;
    }
    Ok(())
}
