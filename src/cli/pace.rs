//! When a line about a long computation is due, and how long the rest of it takes.

use std::time::{Duration, Instant};

use indicatif::HumanDuration;

use crate::dataset::CaseId;
use crate::run::listener::Tiles;

/// A line at each tenth of the tiles, but not sooner than this after the last one.
const LEAST: Duration = Duration::from_secs(2);
/// And no later than this.
const MOST: Duration = Duration::from_secs(30);

/// The tiles of one case and configuration, as far as they were reported.
#[derive(Debug)]
pub(super) struct Pace {
    what: String,
    begun: Instant,
    /// Tiles that were done then.
    first: usize,
    told: Instant,
    /// Tenths of the tiles that were told of.
    tenths: usize,
}

impl Pace {
    /// Takes what is done at an instant, and gives a line where one is due. A case or configuration that was not seen before
    /// starts anew.
    pub(super) fn line(state: &mut Option<Self>, case: &CaseId, tiles: Tiles, now: Instant) -> Option<String> {
        let pace = Self::of(state, case, tiles, now);
        let tenths = 10 * tiles.done / tiles.total.max(1);
        let since = now.duration_since(pace.told);
        let is_due = since >= MOST || (tenths > pace.tenths && since >= LEAST);
        if !is_due || tiles.done == tiles.total {
            return None;
        }
        (pace.told, pace.tenths) = (now, tenths);
        Some(pace.words(tiles, now))
    }

    /// What there is to say at an instant, due or not.
    pub(super) fn now(state: &mut Option<Self>, case: &CaseId, tiles: Tiles, now: Instant) -> String {
        Self::of(state, case, tiles, now).words(tiles, now)
    }

    fn of<'a>(state: &'a mut Option<Self>, case: &CaseId, tiles: Tiles, now: Instant) -> &'a mut Self {
        let what = format!("`{case}`, {}", tiles.configuration);
        if state.as_ref().is_some_and(|pace| pace.what != what) {
            *state = None;
        }
        state.get_or_insert_with(|| Self { what, begun: now, first: tiles.done, told: now, tenths: 0 })
    }

    fn words(&self, Tiles { done, total, .. }: Tiles, now: Instant) -> String {
        let percent = 100 * done / total.max(1);
        let left = match done - self.first {
            0 => String::new(),
            since => {
                let seconds = now.duration_since(self.begun).as_secs_f64() / since as f64 * (total - done) as f64;
                format!(", {} left", HumanDuration(Duration::from_secs_f64(seconds)))
            }
        };
        format!("{}: tile {done} of {total} ({percent} %){left}", self.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::schema::ConfigurationName;

    #[test]
    fn a_line_comes_at_each_tenth_or_after_half_a_minute_but_not_in_a_flood() {
        let (start, case) = (Instant::now(), CaseId("a".to_owned()));
        let mut state = None;
        let mut line = |seconds: u64, done: usize| {
            let tiles = Tiles { configuration: ConfigurationName::FullRes, done, total: 200 };
            Pace::line(&mut state, &case, tiles, start + Duration::from_secs(seconds))
        };
        assert_eq!(line(0, 1), None);
        assert_eq!(line(1, 30), None, "less than two seconds ago");
        assert_eq!(line(10, 31).unwrap(), "`a`, 3d_fullres: tile 31 of 200 (15 %), 56 seconds left");
        assert_eq!(line(20, 39), None, "the same tenth");
        assert_eq!(line(24, 40).unwrap(), "`a`, 3d_fullres: tile 40 of 200 (20 %), 2 minutes left");
        assert_eq!(line(53, 41), None);
        assert!(line(54, 41).is_some(), "half a minute after the last one");
        assert_eq!(line(95, 200), None, "what comes next tells of the last tile");
        let low = |done| Tiles { configuration: ConfigurationName::LowRes, done, total: 4 };
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(Pace::line(&mut state, &case, low(1), at(96)), None, "another network begins");
        let said = Pace::now(&mut state, &case, low(2), at(97));
        assert_eq!(said, "`a`, 3d_lowres: tile 2 of 4 (50 %), 2 seconds left");
    }
}
