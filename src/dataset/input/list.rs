//! A list of cases: a text file with one case per line, its files separated by commas.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::dataset::case::Case;
use crate::dataset::input::error::{InputError, line_example};
use crate::dataset::input::files::case_of_files;
use crate::store::read_text;
use crate::units::counted;

/// Reads the cases of a list. Paths are relative to the folder of the list; empty lines and lines that begin with `#` are skipped; a path
/// that contains a comma is written between quotation marks.
pub(super) fn cases_of_list(list: &Path, channels: &[String]) -> Result<Vec<Case>, InputError> {
    let text = read_text(list)?;
    let folder = list.parent().unwrap_or(Path::new(""));
    let mut cases = Vec::new();
    let mut lines = BTreeMap::new();
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let refuse = |reason: String| InputError::Line { list: list.to_owned(), line: index + 1, reason };
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let expected = || format!("expected the files of a case, such as `{}`", line_example(channels.len()));
        let files = cells(line).ok_or_else(|| refuse(format!("a quotation mark is not closed; {}", expected())))?;
        let case = case_of_files(&files, channels, |file| folder.join(file)).map_err(|error| match error {
            InputError::Channels { files, .. } => {
                let (found, wanted) = (counted(files, "file"), counted(channels.len(), "channel"));
                refuse(format!("{found}, and the model has {wanted}; {}", expected()))
            }
            InputError::Missing(path) => refuse(format!("`{}` does not exist; {}", path.display(), expected())),
            InputError::NoImage(path) => refuse(format!("`{}` is no image; {}", path.display(), expected())),
            error => refuse(error.to_string()),
        })?;
        if let Some(first) = lines.insert(case.id.clone(), index + 1) {
            return Err(refuse(format!("case `{}` is already on line {first}; rename one of its files", case.id)));
        }
        cases.push(case);
    }
    if cases.is_empty() { Err(InputError::EmptyList(list.to_owned())) } else { Ok(cases) }
}

/// The cells of a line. Returns `None` if a quotation mark is not closed. Source: RFC 4180.
fn cells(line: &str) -> Option<Vec<PathBuf>> {
    let (mut cells, mut cell, mut is_quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            // Two quotation marks within quotation marks are one.
            '"' if is_quoted && letters.peek() == Some(&'"') => cell.extend(letters.next()),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => cells.push(std::mem::take(&mut cell)),
            letter => cell.push(letter),
        }
    }
    cells.push(cell);
    (!is_quoted).then(|| cells.iter().map(|cell| PathBuf::from(cell.trim())).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The cases of a list beside some images, each with its number of files, or the refusal.
    fn read(text: &str, channels: &[&str]) -> Result<Vec<(String, usize)>, String> {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a_0000.nii.gz", "a_0001.nii.gz", "b.nii", "c, left.nii"] {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        let list = folder.path().join("cases.txt");
        fs::write(&list, text).unwrap();
        let channels: Vec<String> = channels.iter().map(|&name| name.to_owned()).collect();
        let shown = format!("{}/", folder.path().display());
        let cases = cases_of_list(&list, &channels).map_err(|error| error.to_string().replace(&shown, ""))?;
        Ok(cases.into_iter().map(|case| (case.id.0, case.images.len())).collect())
    }

    #[test]
    fn each_line_is_a_case_with_its_channels() {
        let expected = |cases: &[(&str, usize)]| {
            Ok(cases.iter().map(|&(case, files)| (case.to_owned(), files)).collect::<Vec<_>>())
        };
        assert_eq!(
            read("\u{feff}# cases\r\na_0000.nii.gz\r\n\r\n b.nii \r\n\"c, left.nii\"\r\n", &["CT"]),
            expected(&[("a", 1), ("b", 1), ("c, left", 1)])
        );
        assert_eq!(
            read("a_0000.nii.gz, a_0001.nii.gz\nb.nii,a_0000.nii.gz", &["T1", "T2"]),
            expected(&[("a", 2), ("b", 2)])
        );
    }

    #[test]
    fn a_wrong_line_is_refused_with_its_number_and_an_example() {
        let refused = |text: &str, channels: &[&str]| read(text, channels).unwrap_err();
        insta::assert_snapshot!(refused("b.nii\na_0000.nii.gz,a_0001.nii.gz", &["CT"]), @"`cases.txt`, line 2: 2 files, and the model has 1 channel; expected the files of a case, such as `case_0000.nii.gz`");
        insta::assert_snapshot!(refused("a_0000.nii.gz,a_0001.nii.gz,b.nii", &["T1", "T2"]), @"`cases.txt`, line 1: 3 files, and the model has 2 channels; expected the files of a case, such as `case_0000.nii.gz,case_0001.nii.gz`");
        insta::assert_snapshot!(refused("\n\"b.nii", &["CT"]), @"`cases.txt`, line 2: a quotation mark is not closed; expected the files of a case, such as `case_0000.nii.gz`");
        insta::assert_snapshot!(refused("absent.nii", &["CT"]), @"`cases.txt`, line 1: `absent.nii` does not exist; expected the files of a case, such as `case_0000.nii.gz`");
        insta::assert_snapshot!(refused("image", &["CT"]), @"`cases.txt`, line 1: `image` is no image; expected the files of a case, such as `case_0000.nii.gz`");
        insta::assert_snapshot!(refused("b.nii\n# again\nb.nii", &["CT"]), @"`cases.txt`, line 3: case `b` is already on line 1; rename one of its files");
        insta::assert_snapshot!(refused("# nothing\n", &["CT"]), @"`cases.txt` lists no case; expected one case per line, such as `case_0000.nii.gz`");
    }
}
