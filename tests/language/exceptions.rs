//! Phrases that the glossary would find and that are right nevertheless, with the reason for each.

/// A phrase, in lower case, and why it stays.
pub(crate) const EXCEPTIONS: &[(&str, &str)] = &[
    ("sliding window", "the field's term for tiled inference"),
    ("display window", "radiology's term for the range of grey values"),
    ("windows and macos", "the operating system"),
    ("linux and windows", "the operating system"),
    ("apart from", "ordinary English for `besides`"),
    ("because of it", "ordinary English"),
    ("nothing to do", "the usual words of build tools"),
    ("most of", "ordinary English for the larger part"),
    ("in place of", "ordinary English for `instead of`"),
];
