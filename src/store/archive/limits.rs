//! Limits of an archive.

/// Maximum number of entries.
pub(super) const MAX_ENTRIES: u64 = 1024;
/// Maximum size of the directory, bytes.
pub(super) const MAX_DIRECTORY: u64 = 1 << 20;
/// Maximum length of a name, bytes.
const MAX_NAME: usize = 200;

/// Whether a text can be the name of an entry: folders and files of letters, digits and `._+-`, none of which begins with a dot.
///
/// Absolute paths, `..`, drive letters and backslashes are no such names.
pub(super) fn is_entry_name(name: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._+-".contains(letter);
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('.') && part.chars().all(is_plain);
    name.len() <= MAX_NAME && name.split('/').all(is_part)
}
