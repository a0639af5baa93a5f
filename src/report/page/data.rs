//! The data that the script of the page reads, as JSON.

use serde::Serialize;

use crate::report::figure::slice::cases::ViewerCase;
use crate::report::page::section::Section;
use crate::report::record::NetworkRecord;
use crate::run::log::EpochRow;

#[derive(Serialize)]
struct Data<'a> {
    runs: Vec<RunData<'a>>,
}

#[derive(Serialize)]
struct RunData<'a> {
    networks: Vec<Curves>,
    cases: &'a [ViewerCase],
}

/// The epoch log of a network, column by column.
#[derive(Serialize)]
struct Curves {
    name: String,
    train_loss: Vec<f64>,
    validation_loss: Vec<f64>,
    train_loss_ema: Vec<f64>,
    validation_loss_ema: Vec<f64>,
    mean_pseudo_dice: Vec<Option<f64>>,
    learning_rate: Vec<f64>,
}

/// JSON that cannot end the script element around it.
pub(super) fn script_data(sections: &[Section<'_>]) -> String {
    let run = |section: &'_ Section<'_>| section.record.trained_networks().map(curves).collect::<Vec<_>>();
    let runs = sections
        .iter()
        .map(|section| RunData { networks: run(section), cases: section.cases.as_deref().unwrap_or_default() })
        .collect();
    serde_json::to_string(&Data { runs }).expect("numbers, strings and lists").replace('<', "\\u003c")
}

fn curves(network: &NetworkRecord) -> Curves {
    let column = |value: fn(&EpochRow) -> f64| network.epochs.iter().map(value).collect();
    let id = network.id;
    Curves {
        name: format!("{} seed {} fold {}", id.configuration, id.seed, id.fold),
        train_loss: column(|row| row.train_loss),
        validation_loss: column(|row| row.validation_loss),
        train_loss_ema: column(|row| row.train_loss_ema),
        validation_loss_ema: column(|row| row.validation_loss_ema),
        mean_pseudo_dice: network.epochs.iter().map(|row| row.mean_pseudo_dice).collect(),
        learning_rate: column(|row| row.learning_rate),
    }
}
