//! The cross-validation scores of packaged networks: means over cases, without the cases.

use crate::evaluate::scores::Score;
use crate::evaluate::summary::summarize;
use crate::segment::model::TrainedNetwork;
use crate::select::SEPARATOR;
use crate::store::rows::rows_as_csv;

/// The scores of the packaged networks, and of ensembles of them.
pub(super) fn packaged_scores(scores: Vec<Score>, networks: &[TrainedNetwork]) -> Vec<Score> {
    let is_packaged = |score: &Score| {
        let network = &score.network;
        network.configuration.split(SEPARATOR).all(|name| {
            let is_it = |known: &TrainedNetwork| {
                (known.id.configuration.as_str(), known.id.fold, known.id.seed) == (name, network.fold, network.seed)
            };
            networks.iter().any(is_it)
        })
    };
    scores.into_iter().filter(is_packaged).collect()
}

/// Means and standard deviations per configuration, seed and class, as CSV.
pub(super) fn scores_csv(scores: &[Score]) -> String {
    let head = [
        "configuration",
        "seed",
        "label",
        "class",
        "cases",
        "dice_mean",
        "dice_sd",
        "nsd_mean",
        "hd95_mm_mean",
        "assd_mm_mean",
    ];
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.4}"));
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (key, classes) in summarize(scores).configurations {
        for (label, class) in classes {
            let measured = [class.dice, class.dice_sd, class.nsd, class.hd95_mm, class.assd_mm].map(number);
            let mut row = vec![key.configuration.clone(), key.seed.to_string(), label.to_string(), class.class];
            row.push(class.cases.to_string());
            row.extend(measured);
            rows.push(row);
        }
    }
    rows_as_csv(&rows)
}
