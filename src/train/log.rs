//! The log of a training: one row an epoch, one row a step, as Parquet.

use std::path::Path;

use crate::store::table::{Columns, Table, TableError};

/// One epoch. Epochs are counted from 0.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochRow {
    /// The epoch.
    pub epoch: usize,
    /// Mean loss of the training batches.
    pub train_loss: f64,
    /// Mean loss of the validation batches.
    pub validation_loss: f64,
    /// Moving average of the training loss, which decides on the learning rate.
    pub train_ema: f64,
    /// Moving average of the validation loss, which decides on the end.
    pub validation_ema: f64,
    /// Best moving average of the training loss so far.
    pub best_train: f64,
    /// Best moving average of the validation loss so far.
    pub best_validation: f64,
    /// Epochs since the training average improved, or since the last drop of the learning rate.
    pub bad_epochs: usize,
    /// Epochs since the validation average improved.
    pub validation_bad_epochs: usize,
    /// Learning rate of the epoch.
    pub learning_rate: f64,
    /// Whether the learning rate dropped at the end of the epoch.
    pub dropped: bool,
    /// Pseudo Dice of each foreground class: over the pooled voxels of the validation batches; none where nothing was to be found
    /// and nothing was. It is of patches, of which many are centred on foreground: not the Dice of whole cases.
    pub dice: Vec<Option<f64>>,
    /// Mean of the above.
    pub mean_dice: Option<f64>,
    /// Seconds for training and validation.
    pub seconds: f64,
    /// Training patches a second.
    pub images_per_second: f64,
}

/// One training step. Epochs and steps are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepRow {
    /// The epoch.
    pub epoch: usize,
    /// The step within it.
    pub step: usize,
    /// The loss.
    pub loss: f64,
    /// Seconds from the batch being ready to the step being handed to the device and the loss of the one before being back.
    pub seconds: f64,
}

/// Writes `epochs.parquet`.
///
/// # Errors
///
/// When the file cannot be written.
pub fn write_epochs(path: &Path, rows: &[EpochRow]) -> Result<(), TableError> {
    let numbers = |value: fn(&EpochRow) -> f64| rows.iter().map(value);
    let counts = |value: fn(&EpochRow) -> usize| rows.iter().map(move |row| value(row) as u64);
    let mut columns = Columns::default()
        .counts("epoch", counts(|row| row.epoch))
        .numbers("train_loss", numbers(|row| row.train_loss))
        .numbers("validation_loss", numbers(|row| row.validation_loss))
        .numbers("train_ema", numbers(|row| row.train_ema))
        .numbers("validation_ema", numbers(|row| row.validation_ema))
        .numbers("best_train", numbers(|row| row.best_train))
        .numbers("best_validation", numbers(|row| row.best_validation))
        .counts("bad_epochs", counts(|row| row.bad_epochs))
        .counts("validation_bad_epochs", counts(|row| row.validation_bad_epochs))
        .numbers("learning_rate", numbers(|row| row.learning_rate))
        .flags("dropped", rows.iter().map(|row| row.dropped))
        .optional_numbers("mean_dice", rows.iter().map(|row| row.mean_dice))
        .numbers("seconds", numbers(|row| row.seconds))
        .numbers("images_per_second", numbers(|row| row.images_per_second));
    for class in 0..rows.first().map_or(0, |row| row.dice.len()) {
        columns = columns.optional_numbers(&dice_column(class), rows.iter().map(|row| row.dice[class]));
    }
    columns.write(path)
}

/// Reads `epochs.parquet`.
///
/// # Errors
///
/// When the file is missing or is not such a table.
pub fn read_epochs(path: &Path) -> Result<Vec<EpochRow>, TableError> {
    let table = Table::read(path)?;
    let epoch = table.counts("epoch")?;
    let train_loss = table.numbers("train_loss")?;
    let validation_loss = table.numbers("validation_loss")?;
    let train_ema = table.numbers("train_ema")?;
    let validation_ema = table.numbers("validation_ema")?;
    let best_train = table.numbers("best_train")?;
    let best_validation = table.numbers("best_validation")?;
    let bad_epochs = table.counts("bad_epochs")?;
    let validation_bad_epochs = table.counts("validation_bad_epochs")?;
    let learning_rate = table.numbers("learning_rate")?;
    let dropped = table.flags("dropped")?;
    let mean_dice = table.optional_numbers("mean_dice")?;
    let seconds = table.numbers("seconds")?;
    let images_per_second = table.numbers("images_per_second")?;
    let names = table.names();
    let dice = (0..)
        .map(dice_column)
        .take_while(|name| names.contains(name))
        .map(|name| table.optional_numbers(&name))
        .collect::<Result<Vec<_>, _>>()?;
    let row = |at: usize| EpochRow {
        epoch: epoch[at] as usize,
        train_loss: train_loss[at],
        validation_loss: validation_loss[at],
        train_ema: train_ema[at],
        validation_ema: validation_ema[at],
        best_train: best_train[at],
        best_validation: best_validation[at],
        bad_epochs: bad_epochs[at] as usize,
        validation_bad_epochs: validation_bad_epochs[at] as usize,
        learning_rate: learning_rate[at],
        dropped: dropped[at],
        dice: dice.iter().map(|class| class[at]).collect(),
        mean_dice: mean_dice[at],
        seconds: seconds[at],
        images_per_second: images_per_second[at],
    };
    Ok((0..epoch.len()).map(row).collect())
}

/// Writes `steps.parquet`.
///
/// # Errors
///
/// When the file cannot be written.
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
/// When the file is missing or is not such a table.
pub fn read_steps(path: &Path) -> Result<Vec<StepRow>, TableError> {
    let table = Table::read(path)?;
    let places = table.counts("epoch")?.into_iter().zip(table.counts("step")?);
    let values = table.numbers("loss")?.into_iter().zip(table.numbers("seconds")?);
    let row = |((epoch, step), (loss, seconds)): ((u64, u64), (f64, f64))| StepRow {
        epoch: epoch as usize,
        step: step as usize,
        loss,
        seconds,
    };
    Ok(places.zip(values).map(row).collect())
}

/// Name of the column of a foreground class, counted from 0; class 0 is background and has none.
fn dice_column(foreground: usize) -> String {
    format!("dice_{}", foreground + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(epoch: usize) -> EpochRow {
        EpochRow {
            epoch,
            train_loss: 0.1 + epoch as f64,
            validation_loss: 0.2,
            train_ema: 0.3,
            validation_ema: 0.4,
            best_train: 0.5,
            best_validation: 0.6,
            bad_epochs: epoch,
            validation_bad_epochs: 2,
            learning_rate: 3e-4,
            dropped: epoch == 1,
            dice: vec![Some(0.9), None],
            mean_dice: Some(0.9),
            seconds: 1.5,
            images_per_second: 7.25,
        }
    }

    #[test]
    fn logs_survive_their_files_to_the_last_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("epochs.parquet");
        let rows = vec![epoch(0), epoch(1), epoch(2)];
        write_epochs(&path, &rows).unwrap();
        assert_eq!(read_epochs(&path).unwrap(), rows);
        let path = folder.path().join("steps.parquet");
        let rows = vec![StepRow { epoch: 3, step: 4, loss: -0.25, seconds: 0.125 }];
        write_steps(&path, &rows).unwrap();
        assert_eq!(read_steps(&path).unwrap(), rows);
    }

    #[test]
    fn an_empty_log_is_a_table_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("epochs.parquet");
        write_epochs(&path, &[]).unwrap();
        assert_eq!(read_epochs(&path).unwrap(), []);
    }
}
