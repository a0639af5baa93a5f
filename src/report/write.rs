//! A report: everything that is made of some runs, into one folder. The same runs give the same bytes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::report::comparison::compare;
use crate::report::markdown::{markdown, rows_as_markdown};
use crate::report::page::{Section, page};
use crate::report::record::{Record, RecordError};
use crate::report::summary::{self, Line};
use crate::report::{ReportError, cases, claim, figures, methods, tables};
use crate::store::report::ReportFolder;
use crate::store::write_atomic;

/// A finished report.
#[derive(Clone, Debug)]
pub struct Written {
    /// Its folder.
    pub folder: ReportFolder,
    /// What is missing in the runs, a sentence each.
    pub gaps: Vec<String>,
}

/// Writes the report of one or more runs into a folder.
///
/// # Errors
///
/// When a run cannot be read, two have one name, or a file cannot be drawn or written.
pub fn write(runs: &[PathBuf], output: &Path) -> Result<Written, ReportError> {
    let folder = ReportFolder { root: output.to_owned() };
    let records = runs.iter().map(|run| Record::read(run)).collect::<Result<Vec<_>, _>>()?;
    let mut names = BTreeSet::new();
    if let Some(twice) = records.iter().map(|record| &record.plan.name).find(|name| !names.insert(*name)) {
        return Err(RecordError::SameName(twice.clone()).into());
    }
    let lines: Vec<Line> = records.iter().flat_map(summary::lines).collect();
    write_tables(&lines, &folder)?;
    let sections = records
        .iter()
        .map(|record| {
            let prefix = if records.len() > 1 { format!("{}-", record.plan.name) } else { String::new() };
            let (cases, undrawn) = cases::draw(record, &prefix, &folder)?;
            Ok(Section {
                record,
                figures: figures::draw(record, &prefix, &folder)?,
                cases,
                gaps: record.gaps.iter().cloned().chain(undrawn).collect(),
                methods: methods::paragraph(record),
            })
        })
        .collect::<Result<Vec<_>, ReportError>>()?;
    let comparisons = compare(&records);
    for comparison in &comparisons {
        let path = folder.table(comparison.name);
        write_atomic(&path.with_extension("md"), rows_as_markdown(&comparison.rows).as_bytes())?;
        write_atomic(&path.with_extension("csv"), tables::rows_as_csv(&comparison.rows).as_bytes())?;
    }
    write_atomic(&folder.page(), page(&sections, &lines, &comparisons).as_bytes())?;
    write_atomic(&folder.markdown(), markdown(&sections, &lines, &comparisons).as_bytes())?;
    let methods: Vec<&str> = sections.iter().map(|section| section.methods.as_str()).collect();
    write_atomic(&folder.methods(), format!("{}\n", methods.join("\n\n")).as_bytes())?;
    let checklists: Vec<String> = records.iter().map(claim::checklist).collect();
    write_atomic(&folder.checklist(), checklists.join("\n").as_bytes())?;
    write_atomic(&folder.bibliography(), include_bytes!("references.bib"))?;
    let gaps = sections
        .iter()
        .flat_map(|section| section.gaps.iter().map(|gap| format!("{}: {gap}", section.record.plan.name)));
    Ok(Written { gaps: gaps.collect(), folder: folder.clone() })
}

fn write_tables(lines: &[Line], folder: &ReportFolder) -> Result<(), ReportError> {
    let all = folder.table("scores");
    write_atomic(&all.with_extension("csv"), tables::csv(lines).as_bytes())?;
    tables::parquet(lines, &all.with_extension("parquet"))?;
    for metric in tables::metrics(lines) {
        let one = folder.table(metric);
        write_atomic(&one.with_extension("tex"), tables::latex(lines, metric).as_bytes())?;
        write_atomic(&one.with_extension("md"), tables::markdown(lines, metric).as_bytes())?;
    }
    Ok(())
}
