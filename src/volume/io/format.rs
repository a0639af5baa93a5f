//! The table of image formats and of the endings of their files.

use std::path::Path;

use strum::{EnumIter, IntoEnumIterator};

/// An image format that segplan reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter)]
pub(crate) enum Format {
    /// NIfTI-1 and NIfTI-2 in a single file, optionally compressed.
    Nifti,
}

/// The ending of the label maps and probabilities that segplan writes.
pub const DEFAULT_ENDING: &str = ".nii.gz";

/// Endings of image formats that are not supported. Such files are reported, never skipped as if they were notes.
pub const UNSUPPORTED_ENDINGS: [&str; 24] = [
    ".hdr", ".img", ".hdr.gz", ".img.gz", ".nii.bz2", ".nii.xz", ".nii.zst", ".nii.zip", ".nrrd", ".nhdr", ".mha",
    ".mhd", ".gipl", ".mgh", ".mgz", ".mnc", ".dcm", ".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".npz",
];

impl Format {
    /// All formats.
    fn all() -> impl Iterator<Item = Self> {
        <Self as IntoEnumIterator>::iter()
    }

    /// Its name in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nifti => "NIfTI",
        }
    }

    /// Endings of its files, with the dot; longer endings before shorter ones that they end in.
    pub(crate) fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Nifti => &[DEFAULT_ENDING, ".nii"],
        }
    }

    /// The format of a file by its name, in upper or lower case. A file with an unknown ending is taken for NIfTI,
    /// whose reader reports what the file is instead.
    pub(crate) fn of_path(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let has_ending = |format: &Self| format.endings().iter().any(|ending| has_ending(&name, ending));
        Self::all().find(has_ending).unwrap_or(Self::Nifti)
    }
}

/// A file name, split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileName<'a> {
    /// The name without the ending.
    pub stem: &'a str,
    /// The ending with its dot, as written.
    pub ending: &'a str,
}

/// Splits a file name at the ending of a supported format, in upper or lower case. Returns `None` if it has another
/// ending, or nothing before the ending.
pub fn split_ending(name: &str) -> Option<FileName<'_>> {
    let start = known_endings().find_map(|ending| ending_start(name, ending)).filter(|&start| start > 0)?;
    Some(FileName { stem: &name[..start], ending: &name[start..] })
}

/// The name of an image file without its ending; other names unchanged.
pub fn strip_ending(name: &str) -> &str {
    split_ending(name).map_or(name, |name| name.stem)
}

/// Whether a file name has the ending of a supported format, in upper or lower case.
pub fn is_image_name(name: &str) -> bool {
    known_endings().any(|ending| has_ending(name, ending))
}

/// Whether a file name has the ending of an image format that is not supported, in upper or lower case.
pub fn is_unsupported_name(name: &str) -> bool {
    UNSUPPORTED_ENDINGS.iter().any(|ending| has_ending(name, ending))
}

/// The endings of all supported formats.
pub fn known_endings() -> impl Iterator<Item = &'static str> {
    Format::all().flat_map(Format::endings).copied()
}

/// The endings of all supported formats, as a message lists them.
pub fn endings_text() -> String {
    let mut endings: Vec<String> = known_endings().map(|ending| format!("`{ending}`")).collect();
    let last = endings.pop().unwrap_or_default();
    if endings.is_empty() { last } else { format!("{} or {last}", endings.join(", ")) }
}

/// The names of all supported formats, as a message lists them.
pub fn names_text() -> String {
    Format::all().map(Format::name).collect::<Vec<_>>().join(", ")
}

/// The file name of a label map or of probabilities that segplan writes for a case.
pub fn file_name(case: &str) -> String {
    format!("{case}{DEFAULT_ENDING}")
}

fn has_ending(name: &str, ending: &str) -> bool {
    ending_start(name, ending).is_some()
}

/// Where an ending begins in a name that has it, in upper or lower case.
fn ending_start(name: &str, ending: &str) -> Option<usize> {
    let start = name.len().checked_sub(ending.len())?;
    name.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(ending)).then_some(start)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn names_are_split_at_known_endings_in_any_case() {
        for (name, stem) in [("a.nii.gz", "a"), ("b_0000.nii", "b_0000"), ("C.NII.GZ", "C"), ("d.nii.nii.gz", "d.nii")]
        {
            assert_eq!((split_ending(name).map(|name| name.stem), strip_ending(name)), (Some(stem), stem), "{name}");
        }
        for name in ["a.xyz", ".nii", ".nii.gz", "a.gz", "nii"] {
            assert_eq!((split_ending(name), strip_ending(name)), (None, name), "{name}");
        }
        assert!(is_unsupported_name("a.MGH") && !is_unsupported_name("a.txt") && is_image_name(".nii"));
    }

    #[test]
    fn no_ending_is_supported_and_unsupported_at_once() {
        assert!(known_endings().all(|ending| !UNSUPPORTED_ENDINGS.contains(&ending)));
    }

    /// The Rust files under a folder.
    fn sources(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
        files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
    }

    #[test]
    fn no_file_outside_of_this_folder_names_an_ending() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let here = source.join("volume/io");
        let is_test =
            |path: &PathBuf| path.components().any(|part| part.as_os_str().to_string_lossy().starts_with("tests"));
        let endings: Vec<&str> = known_endings().map(|ending| ending.trim_end_matches(".gz")).collect();
        let mut named = Vec::new();
        for path in sources(&source).into_iter().filter(|path| !path.starts_with(&here) && !is_test(path)) {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            named.extend(
                lines
                    .filter(|line| endings.iter().any(|ending| line.contains(ending)))
                    .map(|line| format!("{}: {line}", path.display())),
            );
        }
        assert!(named.is_empty(), "use `volume::io::format` in place of:\n{}", named.join("\n"));
    }
}
