//! Lines about a long prediction: when the next one is due, and how much time is left.

use std::time::{Duration, Instant};

use indicatif::HumanDuration;

use crate::dataset::CaseId;
use crate::run::listener::Tiles;

/// Minimum interval of the lines, of which one is due at each tenth of the tiles.
const MIN_INTERVAL: Duration = Duration::from_secs(2);
/// Maximum interval.
const MAX_INTERVAL: Duration = Duration::from_secs(30);

/// The reported tiles of one case and configuration.
#[derive(Debug)]
pub(super) struct Pace {
    task: String,
    started: Instant,
    /// Tiles that were done at the start.
    first: usize,
    reported: Instant,
    /// Tenths of the tiles that were reported.
    tenths: usize,
}

impl Pace {
    /// A line about the progress, if one is due. A new case or configuration starts again.
    pub(super) fn line(state: &mut Option<Self>, case: &CaseId, tiles: Tiles, now: Instant) -> Option<String> {
        let pace = Self::of(state, case, tiles, now);
        let tenths = 10 * tiles.done / tiles.total.max(1);
        let since = now.duration_since(pace.reported);
        let is_due = since >= MAX_INTERVAL || (tenths > pace.tenths && since >= MIN_INTERVAL);
        if !is_due || tiles.done == tiles.total {
            return None;
        }
        (pace.reported, pace.tenths) = (now, tenths);
        Some(pace.text(tiles, now))
    }

    /// The line at an instant, due or not.
    pub(super) fn now(state: &mut Option<Self>, case: &CaseId, tiles: Tiles, now: Instant) -> String {
        Self::of(state, case, tiles, now).text(tiles, now)
    }

    fn of<'a>(state: &'a mut Option<Self>, case: &CaseId, tiles: Tiles, now: Instant) -> &'a mut Self {
        let task = format!("`{case}`, {}", tiles.configuration);
        if state.as_ref().is_some_and(|pace| pace.task != task) {
            *state = None;
        }
        state.get_or_insert_with(|| Self { task, started: now, first: tiles.done, reported: now, tenths: 0 })
    }

    fn text(&self, Tiles { done, total, .. }: Tiles, now: Instant) -> String {
        let percent = 100 * done / total.max(1);
        let remaining = match done - self.first {
            0 => String::new(),
            since => {
                let seconds = now.duration_since(self.started).as_secs_f64() / since as f64 * (total - done) as f64;
                format!(", {} left", HumanDuration(Duration::from_secs_f64(seconds)))
            }
        };
        format!("{}: tile {done} of {total} ({percent} %){remaining}", self.task)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::schema::ConfigurationName;

    #[test]
    fn lines_come_at_each_tenth_or_after_half_a_minute_but_at_most_every_two_seconds() {
        let (start, case) = (Instant::now(), CaseId("a".to_owned()));
        let mut state = None;
        let mut line = |seconds: u64, done: usize| {
            let tiles = Tiles { configuration: ConfigurationName::FullRes, done, total: 200 };
            Pace::line(&mut state, &case, tiles, start + Duration::from_secs(seconds))
        };
        assert_eq!(line(0, 1), None);
        assert_eq!(line(1, 30), None, "less than two seconds after the last line");
        assert_eq!(line(10, 31).unwrap(), "`a`, 3d_fullres: tile 31 of 200 (15 %), 56 seconds left");
        assert_eq!(line(20, 39), None, "the same tenth");
        assert_eq!(line(24, 40).unwrap(), "`a`, 3d_fullres: tile 40 of 200 (20 %), 2 minutes left");
        assert_eq!(line(53, 41), None);
        assert!(line(54, 41).is_some(), "half a minute after the last one");
        assert_eq!(line(95, 200), None, "the next message covers the last tile");
        let low = |done| Tiles { configuration: ConfigurationName::LowRes, done, total: 4 };
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(Pace::line(&mut state, &case, low(1), at(96)), None, "another network starts");
        let text = Pace::now(&mut state, &case, low(2), at(97));
        assert_eq!(text, "`a`, 3d_lowres: tile 2 of 4 (50 %), 2 seconds left");
    }
}
