//! Progress on a terminal: bars with loss and remaining time, and one line per epoch. Without a terminal: lines, one per epoch and a
//! few per prediction.

use std::io::{IsTerminal, stderr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::failure::warn;
use crate::cli::output::say;
use crate::cli::pace::Pace;
use crate::dataset::CaseId;
use crate::plan::read::Diagnostic;
use crate::plan::schema::Train;
use crate::run::Listener;
use crate::run::NetworkId;
use crate::run::folder::FoldFolder;
use crate::run::listener::Tiles;
use crate::run::log::EpochRow;
use crate::units::{format_learning_rate, format_seconds};

/// Progress on standard error.
pub(super) struct Terminal {
    bar: Mutex<ProgressBar>,
    pace: Mutex<Option<Pace>>,
    /// Finished parts and all parts of the current task.
    parts: Mutex<(usize, usize)>,
    interactive: bool,
}

impl Terminal {
    pub(super) fn new() -> Self {
        Self {
            bar: Mutex::new(ProgressBar::hidden()),
            pace: Mutex::new(None),
            parts: Mutex::new((0, 0)),
            interactive: stderr().is_terminal(),
        }
    }

    fn bar(&self) -> ProgressBar {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, bar: ProgressBar) {
        let old = std::mem::replace(&mut *self.bar.lock().unwrap_or_else(PoisonError::into_inner), bar);
        old.finish_and_clear();
    }

    fn start(&self, template: &str, what: &str, total: usize) {
        let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr())
            .with_style(style(template))
            .with_prefix(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        self.replace(bar);
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates of this file are well formed")
}

impl Listener for Terminal {
    fn say(&self, text: &str) {
        self.bar().suspend(|| say(text));
    }

    fn warn(&self, warning: &Diagnostic) {
        self.bar().suspend(|| warn(std::slice::from_ref(warning)));
    }

    fn begin(&self, what: &str, total: usize) {
        *self.parts.lock().unwrap_or_else(PoisonError::into_inner) = (0, total);
        if self.interactive {
            self.start("{prefix} {wide_bar} {pos}/{len} · {eta} left", what, total);
        } else {
            self.say(&format!("{what} ({total})"));
        }
    }

    fn advance(&self) {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).0 += 1;
        self.bar().inc(1);
    }

    fn tiles(&self, case: &CaseId, tiles: Tiles) {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        if self.interactive {
            let bar = self.bar();
            bar.set_style(style("{prefix} {wide_bar} {pos}/{len} · {msg}"));
            bar.set_message(Pace::now(&mut pace, case, tiles, Instant::now()));
        } else if let Some(line) = Pace::line(&mut pace, case, tiles, Instant::now()) {
            let (done, total) = *self.parts.lock().unwrap_or_else(PoisonError::into_inner);
            self.say(&format!("{} of {total}: {line}", done + 1));
        }
    }

    fn end(&self) {
        self.replace(ProgressBar::hidden());
    }

    fn step(&self, network: NetworkId, train: &Train, epoch: usize, step: usize, loss: f64) {
        if !self.interactive {
            return;
        }
        let prefix = format!("{network} · epoch {epoch}/{}", train.max_epochs);
        if self.bar().is_hidden() || self.bar().is_finished() || self.bar().prefix() != prefix {
            self.start("{prefix} {wide_bar} {pos}/{len} · loss {msg} · {eta} left", &prefix, train.batches_per_epoch);
        }
        let bar = self.bar();
        bar.set_position(step as u64);
        bar.set_message(format!("{loss:.4}"));
    }

    fn epoch(&self, network: NetworkId, train: &Train, _: &FoldFolder, rows: &[EpochRow]) {
        if let Some(row) = rows.last() {
            self.end();
            self.say(&epoch_line(network, train, rows, row));
        }
    }
}

fn epoch_line(network: NetworkId, train: &Train, rows: &[EpochRow], row: &EpochRow) -> String {
    let mean_seconds = rows.iter().map(|row| row.seconds).sum::<f64>() / rows.len() as f64;
    let remaining = mean_seconds * (train.max_epochs.saturating_sub(rows.len())) as f64;
    let ending = match row.stop_reason {
        Some(reason) => format!("done: {reason}"),
        None => format!("at most {} left", HumanDuration(Duration::from_secs_f64(remaining))),
    };
    format!(
        "{network} · epoch {}/{} · train loss {:.4} · validation loss {:.4} · pseudo Dice {} · learning rate {} · {} · {ending}",
        row.epoch,
        train.max_epochs,
        row.train_loss,
        row.validation_loss,
        row.mean_pseudo_dice.map_or_else(|| "–".to_owned(), |dice| format!("{dice:.3}")),
        format_learning_rate(row.learning_rate),
        format_seconds(row.seconds),
    )
}
