//! Phrases that the glossary would find and that are right nevertheless, with the reason for each.

/// A phrase, in lower case, and why it stays.
pub(crate) const EXCEPTIONS: &[(&str, &str)] = &[
    ("sliding window", "the field's term for tiled inference"),
    ("display window", "radiology's term for the range of grey values"),
    ("windows and macos", "the operating system"),
    ("linux and windows", "the operating system"),
    ("because of it", "ordinary English"),
    ("window . addeventlistener", "JavaScript"),
    ("in place of", "ordinary English for `instead of`"),
];
