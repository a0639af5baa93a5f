//! Confusion matrices for programs: one row per run, model and pair of classes.

use crate::report::record::RunRecord;
use crate::report::statistics::confusion::Confusion;
use crate::report::table::data::{Cell, Column, Table};

/// The confusion matrices of some runs.
pub(crate) fn confusion_data<'a>(confusions: impl Iterator<Item = (&'a RunRecord, &'a Confusion)>) -> Table {
    let columns = vec![
        Column::words("run", "run"),
        Column::words("configuration", "configuration"),
        Column::words("reference", "reference"),
        Column::words("prediction", "prediction"),
        Column::numbers("voxels", "voxels"),
        Column::numbers("fraction", "fraction"),
    ];
    let mut table = Table::new("confusion", "Confusion of classes", columns);
    for (record, confusion) in confusions {
        for &reference in &confusion.labels {
            for &prediction in &confusion.labels {
                let voxels = confusion.voxels.get(&(reference, prediction)).copied().unwrap_or(0);
                table.rows.push(vec![
                    Cell::text(&record.plan.name),
                    Cell::text(&confusion.model),
                    Cell::text(record.class_name(reference)),
                    Cell::text(record.class_name(prediction)),
                    Cell::count(voxels as usize),
                    Cell::number(confusion.fraction(reference, prediction), 3),
                ]);
            }
        }
    }
    table
}
