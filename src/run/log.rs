//! The log of a training: `epochs.parquet` with one row per epoch, `steps.parquet` with one row per training step.
//!
//! Epochs and steps are counted from 1, as on screen.

use std::collections::BTreeMap;
use std::path::Path;

use crate::run::stop::StopReason;
use crate::store::table::{Columns, Table, TableError};

/// Prefix of the columns of the classes' pseudo Dice; the name of the class follows.
const PSEUDO_DICE: &str = "pseudo_dice_";

/// One epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochRow {
    /// Number of the epoch, counted from 1.
    pub epoch: usize,
    /// Mean loss of the training batches.
    pub train_loss: f64,
    /// Mean loss of the validation batches.
    pub validation_loss: f64,
    /// Exponential moving average of the training loss.
    pub train_loss_ema: f64,
    /// Exponential moving average of the validation loss.
    pub validation_loss_ema: f64,
    /// The plateau of `train_loss_ema` that the schedule watches; `None` for schedules that watch none. The count of epochs restarts
    /// when the learning rate drops.
    pub train_plateau: Option<PlateauRow>,
    /// The plateau of `validation_loss_ema` that the stopping rule watches; `None` for rules that watch none.
    pub validation_plateau: Option<PlateauRow>,
    /// Learning rate of this epoch.
    pub learning_rate: f64,
    /// Learning rate that the schedule sets for the next epoch, even if training stops here.
    pub next_learning_rate: f64,
    /// Dice of each foreground class over the pooled voxels of the validation patches, of which many are centred on foreground:
    /// not the Dice of whole cases. `None` if a class is in neither prediction nor reference.
    pub pseudo_dice: Vec<Option<f64>>,
    /// Mean of `pseudo_dice`.
    pub mean_pseudo_dice: Option<f64>,
    /// Seconds of training and validation.
    pub seconds: f64,
    /// Training patches per second.
    pub patches_per_second: f64,
    /// Why training ended after this epoch; `None` in every row but the last.
    pub stop_reason: Option<StopReason>,
}

/// How long a smoothed loss has not improved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlateauRow {
    /// Best value so far.
    pub best: f64,
    /// Epochs since the best value.
    pub bad_epochs: usize,
}

impl EpochRow {
    /// Whether the schedule lowers the learning rate after this epoch.
    pub fn drops_learning_rate(&self) -> bool {
        self.next_learning_rate < self.learning_rate
    }
}

/// One training step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepRow {
    /// Number of the epoch, counted from 1.
    pub epoch: usize,
    /// Number of the step within the epoch, counted from 1.
    pub step: usize,
    /// Loss of its batch.
    pub loss: f64,
    /// Seconds to submit the step to the device, including the wait for the loss of the step before.
    pub seconds: f64,
}

/// Writes `epochs.parquet`. `labels` are the names of the foreground classes, in the order of [`EpochRow::pseudo_dice`].
///
/// # Errors
///
/// If the file cannot be written.
pub fn write_epochs(path: &Path, rows: &[EpochRow], labels: &BTreeMap<u8, String>) -> Result<(), TableError> {
    let numbers = |value: fn(&EpochRow) -> f64| rows.iter().map(value);
    let plateaus = |plateau: fn(&EpochRow) -> Option<PlateauRow>| rows.iter().map(plateau);
    let best = |plateau| plateaus(plateau).map(|plateau| plateau.map(|plateau| plateau.best));
    let bad_epochs = |plateau| plateaus(plateau).map(|plateau| plateau.map(|plateau| plateau.bad_epochs as u64));
    let mut columns = Columns::default()
        .counts("epoch", rows.iter().map(|row| row.epoch as u64))
        .numbers("train_loss", numbers(|row| row.train_loss))
        .numbers("validation_loss", numbers(|row| row.validation_loss))
        .numbers("train_loss_ema", numbers(|row| row.train_loss_ema))
        .numbers("validation_loss_ema", numbers(|row| row.validation_loss_ema))
        .optional_numbers("best_train_loss_ema", best(|row| row.train_plateau))
        .optional_numbers("best_validation_loss_ema", best(|row| row.validation_plateau))
        .optional_counts("train_bad_epochs", bad_epochs(|row| row.train_plateau))
        .optional_counts("validation_bad_epochs", bad_epochs(|row| row.validation_plateau))
        .numbers("learning_rate", numbers(|row| row.learning_rate))
        .numbers("next_learning_rate", numbers(|row| row.next_learning_rate))
        .optional_numbers("mean_pseudo_dice", rows.iter().map(|row| row.mean_pseudo_dice))
        .numbers("seconds", numbers(|row| row.seconds))
        .numbers("patches_per_second", numbers(|row| row.patches_per_second))
        .optional_texts("stop_reason", rows.iter().map(|row| row.stop_reason.map(StopReason::name)));
    for (class, name) in class_columns(labels).into_iter().enumerate() {
        let values = rows.iter().map(|row| row.pseudo_dice.get(class).copied().flatten());
        columns = columns.optional_numbers(&name, values);
    }
    columns.write(path)
}

/// Columns of the classes; a name that several labels share is followed by the label.
fn class_columns(labels: &BTreeMap<u8, String>) -> Vec<String> {
    let column = |(label, name): (&u8, &String)| {
        let is_shared = labels.values().filter(|other| *other == name).count() > 1;
        if is_shared { format!("{PSEUDO_DICE}{name}_{label}") } else { format!("{PSEUDO_DICE}{name}") }
    };
    labels.iter().map(column).collect()
}

/// Reads `epochs.parquet`.
///
/// # Errors
///
/// If the file is missing or is not such a table.
pub fn read_epochs(path: &Path) -> Result<Vec<EpochRow>, TableError> {
    let table = Table::read(path)?;
    let epoch = table.counts("epoch")?;
    let train_loss = table.numbers("train_loss")?;
    let validation_loss = table.numbers("validation_loss")?;
    let train_loss_ema = table.numbers("train_loss_ema")?;
    let validation_loss_ema = table.numbers("validation_loss_ema")?;
    let train_plateau = read_plateau(&table, "best_train_loss_ema", "train_bad_epochs")?;
    let validation_plateau = read_plateau(&table, "best_validation_loss_ema", "validation_bad_epochs")?;
    let learning_rate = table.numbers("learning_rate")?;
    let next_learning_rate = table.numbers("next_learning_rate")?;
    let mean_pseudo_dice = table.optional_numbers("mean_pseudo_dice")?;
    let seconds = table.numbers("seconds")?;
    let patches_per_second = table.numbers("patches_per_second")?;
    let stop_reason = table.optional_texts("stop_reason")?;
    let classes = table.names().into_iter().filter(|name| name.starts_with(PSEUDO_DICE));
    let pseudo_dice = classes.map(|name| table.optional_numbers(&name)).collect::<Result<Vec<_>, _>>()?;
    let row = |at: usize| EpochRow {
        epoch: epoch[at] as usize,
        train_loss: train_loss[at],
        validation_loss: validation_loss[at],
        train_loss_ema: train_loss_ema[at],
        validation_loss_ema: validation_loss_ema[at],
        train_plateau: train_plateau[at],
        validation_plateau: validation_plateau[at],
        learning_rate: learning_rate[at],
        next_learning_rate: next_learning_rate[at],
        pseudo_dice: pseudo_dice.iter().map(|class| class[at]).collect(),
        mean_pseudo_dice: mean_pseudo_dice[at],
        seconds: seconds[at],
        patches_per_second: patches_per_second[at],
        stop_reason: stop_reason[at].as_deref().and_then(|name| {
            let plateau = validation_plateau[at].map_or(0, |plateau| plateau.bad_epochs);
            StopReason::of_name(name, epoch[at] as usize, plateau)
        }),
    };
    Ok((0..epoch.len()).map(row).collect())
}

fn read_plateau(table: &Table, best: &str, bad_epochs: &str) -> Result<Vec<Option<PlateauRow>>, TableError> {
    let (best, bad_epochs) = (table.optional_numbers(best)?, table.optional_counts(bad_epochs)?);
    let row = |(best, bad_epochs): (Option<f64>, Option<u64>)| {
        Some(PlateauRow { best: best?, bad_epochs: bad_epochs? as usize })
    };
    Ok(best.into_iter().zip(bad_epochs).map(row).collect())
}

/// Writes `steps.parquet`.
///
/// # Errors
///
/// If the file cannot be written.
pub fn write_steps(path: &Path, rows: &[StepRow]) -> Result<(), TableError> {
    Columns::default()
        .counts("epoch", rows.iter().map(|row| row.epoch as u64))
        .counts("step", rows.iter().map(|row| row.step as u64))
        .numbers("loss", rows.iter().map(|row| row.loss))
        .numbers("seconds", rows.iter().map(|row| row.seconds))
        .write(path)
}

/// Reads `steps.parquet`.
///
/// # Errors
///
/// If the file is missing or is not such a table.
pub fn read_steps(path: &Path) -> Result<Vec<StepRow>, TableError> {
    let table = Table::read(path)?;
    let (epoch, step) = (table.counts("epoch")?, table.counts("step")?);
    let (loss, seconds) = (table.numbers("loss")?, table.numbers("seconds")?);
    let row = |at: usize| StepRow {
        epoch: epoch[at] as usize,
        step: step[at] as usize,
        loss: loss[at],
        seconds: seconds[at],
    };
    Ok((0..epoch.len()).map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(epoch: usize) -> EpochRow {
        EpochRow {
            epoch,
            train_loss: 0.1 + epoch as f64,
            validation_loss: 0.2,
            train_loss_ema: 0.3,
            validation_loss_ema: 0.4,
            train_plateau: (epoch > 1).then_some(PlateauRow { best: 0.5, bad_epochs: epoch }),
            validation_plateau: Some(PlateauRow { best: 0.6, bad_epochs: 2 }),
            learning_rate: 3e-4,
            next_learning_rate: if epoch == 2 { 6e-5 } else { 3e-4 },
            pseudo_dice: vec![Some(0.9), None],
            mean_pseudo_dice: Some(0.9),
            seconds: 1.5,
            patches_per_second: 7.25,
            stop_reason: None,
        }
    }

    #[test]
    fn logs_survive_their_files_to_the_last_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("epochs.parquet");
        let labels = BTreeMap::from([(1, "organ".to_owned()), (2, "core".to_owned())]);
        for stop in [StopReason::MaxEpochs { epochs: 3 }, StopReason::ValidationPlateau { epochs: 2 }] {
            let last = EpochRow { stop_reason: Some(stop), ..epoch(3) };
            let rows = vec![epoch(1), epoch(2), last];
            write_epochs(&path, &rows, &labels).unwrap();
            assert_eq!(read_epochs(&path).unwrap(), rows);
        }
        let names = Table::read(&path).unwrap().names();
        assert!(names.ends_with(&["pseudo_dice_organ".to_owned(), "pseudo_dice_core".to_owned()]), "{names:?}");

        let path = folder.path().join("steps.parquet");
        let rows = vec![StepRow { epoch: 3, step: 4, loss: -0.25, seconds: 0.125 }];
        write_steps(&path, &rows).unwrap();
        assert_eq!(read_steps(&path).unwrap(), rows);
    }

    #[test]
    fn classes_of_one_name_have_columns_of_their_own() {
        let labels = BTreeMap::from([(1, "lesion".to_owned()), (2, "lesion".to_owned()), (3, "organ".to_owned())]);
        assert_eq!(class_columns(&labels), ["pseudo_dice_lesion_1", "pseudo_dice_lesion_2", "pseudo_dice_organ"]);
    }

    #[test]
    fn an_empty_log_is_a_table_without_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("epochs.parquet");
        write_epochs(&path, &[], &BTreeMap::new()).unwrap();
        assert_eq!(read_epochs(&path).unwrap(), []);
    }
}
