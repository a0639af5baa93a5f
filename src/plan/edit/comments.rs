//! The comment above a key, and whether it was generated.

use std::ops::Range;

use crate::plan::rules::baseline::{Baseline, Giver};
use crate::plan::schema::lookup::find;

/// Byte range of the comment lines directly above the line of a position; empty if there are none.
pub(super) fn comment_above(text: &str, position: usize) -> Range<usize> {
    let line = text[..position].rfind('\n').map_or(0, |at| at + 1);
    let mut start = line;
    while let Some(end) = start.checked_sub(1) {
        let before = text[..end].rfind('\n').map_or(0, |at| at + 1);
        if !text[before..end].starts_with('#') {
            break;
        }
        start = before;
    }
    start..line
}

/// Whether a comment is one that a planner with one of these baselines, or an edit, writes above a key.
pub(super) fn is_generated(comment: &str, path: &str, baselines: &[&Baseline]) -> bool {
    let Some(key) = find(path) else { return false };
    let words = |text: &str| {
        let lines = text.lines().map(|line| line.trim_start_matches('#').trim());
        lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
    };
    let comment = words(comment);
    let reasons = baselines.iter().filter_map(|baseline| baseline.reason(path));
    let mut known = reasons.chain([key.comment(), key.comment_without_source()]);
    // The value behind "Changed by hand" may be any.
    let changed = [Giver::Rules, Giver::Recipe].map(|giver| key.changed_comment(giver.name(), "@"));
    let is_changed = |pattern: &String| {
        let pattern = words(pattern);
        pattern.split_once('@').is_some_and(|(head, tail)| comment.starts_with(head) && comment.ends_with(tail))
    };
    !comment.is_empty() && (known.any(|text| words(&text) == comment) || changed.iter().any(is_changed))
}
