//! Plots of synthetic trainings: complete files, whatever the curves.

use std::fs;
use std::path::Path;

use super::*;
use crate::run::StopReason;
use crate::train::progress::Progress;
use crate::units::format_learning_rate;

fn train() -> Train {
    crate::plan::testing::example().train
}

/// The log of a training with the given losses, by the plan's schedule.
fn log_of(losses: impl Iterator<Item = (f64, f64)>, train: &Train) -> Vec<EpochRow> {
    let mut progress = Progress::new(train);
    let mut rows = Vec::new();
    for (epoch, (train_loss, validation_loss)) in losses.enumerate() {
        let summary = progress.end_epoch(train_loss, validation_loss);
        rows.push(EpochRow {
            epoch: epoch + 1,
            train_loss,
            validation_loss,
            train_loss_ema: summary.train_loss_ema,
            validation_loss_ema: summary.validation_loss_ema,
            train_plateau: summary.train_plateau,
            validation_plateau: summary.validation_plateau,
            learning_rate: summary.learning_rate,
            next_learning_rate: summary.next_learning_rate,
            pseudo_dice: Vec::new(),
            mean_pseudo_dice: None,
            seconds: 1.0,
            patches_per_second: 1.0,
            stop_reason: summary.stop_reason,
        });
        if summary.stop_reason.is_some() {
            break;
        }
    }
    rows
}

/// Noisy losses that fall and level off.
fn falling(epoch: usize) -> (f64, f64) {
    let epoch = epoch as f64;
    let noise = 0.03 * (1.7 * epoch).sin() + 0.02 * (0.9 * epoch).cos();
    (-0.9 + 1.3 * (-epoch / 25.0).exp() + noise, -0.8 + 1.2 * (-epoch / 25.0).exp() + 1.5 * noise)
}

/// Both plots of a log, each as SVG and PNG.
fn draw(rows: &[EpochRow], folder: &Path) -> [Vec<u8>; 4] {
    let folder = FoldFolder { root: folder.to_owned() };
    write_training_plots(rows, &train(), &folder).unwrap();
    let files = [folder.plateau_plot(), folder.learning_rate_plot()];
    let [losses, rate] = files.map(|stem| ["svg", "png"].map(|ending| fs::read(stem.with_extension(ending)).unwrap()));
    let ([losses_svg, losses_png], [rate_svg, rate_png]) = (losses, rate);
    [losses_svg, losses_png, rate_svg, rate_png]
}

#[test]
fn a_training_is_drawn_with_its_drops_and_its_end_and_always_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let rows = log_of((0..1000).map(falling), &train());
    let drops = rows.iter().filter(|row| row.drops_learning_rate()).count();
    assert!(rows.last().unwrap().stop_reason.is_some() && drops >= 4);
    let files = draw(&rows, folder.path());
    let svg = String::from_utf8(files[0].clone()).unwrap();
    assert!(svg.contains("width=\"88mm\""), "{}", &svg[..200]);
    let reason = rows.last().unwrap().stop_reason.unwrap().to_string();
    for text in ["training, smoothed", "learning rate 6e-5", "learning rate 1.2e-5", &format!("end: {reason}"), "epoch"]
    {
        assert!(svg.contains(text), "`{text}` is missing from the loss plot");
    }
    assert!(files[1].starts_with(b"\x89PNG") && files[3].starts_with(b"\x89PNG"));
    assert!(String::from_utf8_lossy(&files[2]).contains("training may stop below this line"));
    assert_eq!(files, draw(&rows, folder.path()));
}

#[test]
fn one_epoch_two_epochs_and_constant_losses_are_drawn() {
    for count in [1, 2, 40] {
        let folder = tempfile::tempdir().unwrap();
        draw(&log_of((0..count).map(|_| (0.5, 0.5)), &train()), folder.path());
    }
}

#[test]
fn nothing_is_written_without_epochs() {
    let folder = tempfile::tempdir().unwrap();
    write_training_plots(&[], &train(), &FoldFolder { root: folder.path().to_owned() }).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_single_epoch_is_drawn_as_a_dot() {
    let folder = tempfile::tempdir().unwrap();
    let [losses, _, rate, _] = draw(&log_of([(0.4, 0.6)].into_iter(), &train()), folder.path());
    for svg in [losses, rate] {
        assert!(String::from_utf8(svg).unwrap().contains("<circle"));
    }
}

#[test]
fn the_learning_rate_of_a_stopped_training_ends_below_its_limit() {
    let train = train();
    let rows = log_of((0..1000).map(|_| (1.0, 1.0)), &train);
    assert!(matches!(rows.last().unwrap().stop_reason, Some(StopReason::ValidationPlateau { .. })));
    let points = LearningRatePlot { rows: &rows, train: &train }.points();
    let limit = curve::stopping_learning_rate(&train).unwrap();
    assert!(points.last().is_some_and(|&(_, rate)| rate < limit), "{points:?}");
}

#[test]
fn learning_rates_are_shown_with_at_most_two_digits() {
    assert_eq!([6e-5, 2.4e-6].map(format_learning_rate), ["6e-5", "2.4e-6"]);
}
