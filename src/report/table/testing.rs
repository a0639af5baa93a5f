//! What the tests of several tables share.

use crate::report::statistics::summary::Line;

/// The Dice of eight cases, in two folds and one seed.
pub(in crate::report) fn line(run: &str, class: &str, mean: f64) -> Line {
    Line {
        run: run.to_owned(),
        configuration: "3d_fullres".to_owned(),
        label: 1,
        class: class.to_owned(),
        metric: "dice".to_owned(),
        n: 8,
        planned: 8,
        missing: 0,
        empty_references: 0,
        mean: Some(mean),
        sd: Some(0.02),
        median: Some(mean),
        quartiles: Some((mean - 0.1, mean + 0.1)),
        interval: Some((mean - 0.05, mean + 0.05)),
        folds: (Some(0.01), 2),
        seeds: (None, 1),
    }
}
