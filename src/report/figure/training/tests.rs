//! Plots of made-up trainings: whole files, whatever the curves.

use std::fs;

use super::*;
use crate::plan::schema::Plan;
use crate::train::schedule::Schedule;

fn train() -> Train {
    crate::plan::testing::example().train
}

/// The log of a training whose losses are given, as the schedule sees it.
fn training(losses: impl Iterator<Item = (f64, f64)>, train: &Train) -> (Vec<EpochRow>, Option<StopReason>) {
    let mut schedule = Schedule::new(train);
    let mut rows = Vec::new();
    for (epoch, (train_loss, validation_loss)) in losses.enumerate() {
        let learning_rate = schedule.learning_rate();
        let step = schedule.step(train_loss, validation_loss);
        rows.push(EpochRow {
            epoch: epoch + 1,
            train_loss,
            validation_loss,
            train_loss_ema: step.train_ema,
            validation_loss_ema: step.validation_ema,
            best_train_loss_ema: step.best_train,
            best_validation_loss_ema: step.best_validation,
            train_bad_epochs: step.bad_epochs,
            validation_bad_epochs: step.validation_bad_epochs,
            learning_rate,
            next_learning_rate: schedule.learning_rate(),
            pseudo_dice: Vec::new(),
            mean_pseudo_dice: None,
            seconds: 1.0,
            patches_per_second: 1.0,
            stop_reason: schedule.stop(),
        });
        if schedule.stop().is_some() {
            break;
        }
    }
    (rows, schedule.stop())
}

/// Losses that fall, level off and shiver.
fn falling(epoch: usize) -> (f64, f64) {
    let epoch = epoch as f64;
    let shiver = 0.03 * (1.7 * epoch).sin() + 0.02 * (0.9 * epoch).cos();
    (-0.9 + 1.3 * (-epoch / 25.0).exp() + shiver, -0.8 + 1.2 * (-epoch / 25.0).exp() + 1.5 * shiver)
}

fn draw(rows: &[EpochRow], stop: Option<StopReason>, name: &str, folder: &Path) -> [Vec<u8>; 4] {
    let (plateau, rate) = (folder.join(name), folder.join(format!("{name}_rate")));
    plateau_plot(rows, &train(), stop, &plateau).unwrap();
    learning_rate_plot(rows, &train(), &rate).unwrap();
    [
        plateau.with_extension("svg"),
        plateau.with_extension("png"),
        rate.with_extension("svg"),
        rate.with_extension("png"),
    ]
    .map(|path| fs::read(path).unwrap())
}

#[test]
fn a_whole_training_is_drawn_with_its_drops_and_its_stop_and_twice_alike() {
    let folder = tempfile::tempdir().unwrap();
    let (rows, stop) = training((0..1000).map(falling), &train());
    assert!(stop.is_some() && rows.iter().filter(|row| row.drops_learning_rate()).count() >= 4);
    let files = draw(&rows, stop, "whole", folder.path());
    let svg = String::from_utf8(files[0].clone()).unwrap();
    assert!(svg.contains("width=\"88mm\""), "{}", &svg[..200]);
    for text in ["training, smoothed", "rate 6e-5", "rate 1.2e-5", "stop: validation loss did not improve", "epoch"] {
        assert!(svg.contains(text), "the plateau plot says `{text}`");
    }
    assert!(files[1].starts_with(b"\x89PNG") && files[3].starts_with(b"\x89PNG"));
    assert!(String::from_utf8_lossy(&files[2]).contains("learning rate"));
    assert_eq!(files, draw(&rows, stop, "again", folder.path()));
}

#[test]
fn one_epoch_two_epochs_and_constant_losses_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    for (name, count) in [("one", 1), ("two", 2), ("constant", 40)] {
        let (rows, stop) = training((0..count).map(|_| (0.5, 0.5)), &train());
        draw(&rows, stop, name, folder.path());
    }
    plateau_plot(&[], &train(), None, &folder.path().join("none")).unwrap();
    assert!(!folder.path().join("none.svg").exists());
}

#[test]
fn a_single_epoch_leaves_a_mark() {
    let folder = tempfile::tempdir().unwrap();
    let (rows, stop) = training([(0.4, 0.6)].into_iter(), &train());
    let [plateau, _, rate, _] = draw(&rows, stop, "one", folder.path());
    for svg in [plateau, rate] {
        assert!(String::from_utf8(svg).unwrap().contains("<circle"), "a line of one point is drawn as a dot");
    }
}

#[test]
fn the_rate_that_ends_a_training_is_below_the_floor() {
    let train = train();
    let (rows, stop) = training((0..1000).map(|_| (1.0, 1.0)), &train);
    assert!(matches!(stop, Some(StopReason::ValidationPlateau { .. })));
    let points = LearningRate { rows: &rows, train: &train }.points();
    assert!(
        points.last().is_some_and(|&(_, rate)| rate < train.validation_plateau().unwrap().below_learning_rate),
        "{points:?}"
    );
}

#[test]
fn neighbouring_labels_differ() {
    assert_eq!(number_text(1.5)(&-0.5), "-0.5");
    assert_eq!(number_text(0.02)(&0.405), "0.405");
    assert_eq!([rate_text(6e-5), rate_text(2.4e-6)], ["6e-5", "2.4e-6"]);
}
