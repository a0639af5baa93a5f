//! Why images to predict cannot be found.

use std::path::PathBuf;

use thiserror::Error;

use crate::dataset::images::ImagesError;
use crate::store::StoreError;
use crate::units::{agree, counted, quoted};
use crate::volume::io::ImageFileError;
use crate::volume::io::format::{endings_text, file_name};

/// Images to predict cannot be used.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the message of each variant describes its fields")]
pub enum InputError {
    #[error(transparent)]
    Images(#[from] ImagesError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Image(#[from] ImageFileError),
    #[error("`{}` does not exist; expected a folder of images, or an image", .0.display())]
    Missing(PathBuf),
    #[error(
        "`{}` is a folder, and `--input` names other paths as well; expected one folder, or the channels of one case, such as \
         {}",
        .0.display(), example(2)
    )]
    FolderAmongFiles(PathBuf),
    #[error("`{}` is no image: expected a name that ends in {}; a list of cases is named by `--input-list`", .0.display(), endings_text())]
    NoImage(PathBuf),
    #[error(
        "the model has {} ({}), and {} given; expected one file per channel in this order, such as {}, or one file with all channels",
        counted(channels.len(), "channel"), quoted(channels), files_are(*files), example(channels.len())
    )]
    Channels { channels: Vec<String>, files: usize },
    #[error("`{}`, line {line}: {reason}", list.display())]
    Line { list: PathBuf, line: usize, reason: String },
    #[error("`{}` lists no case; expected one case per line, such as `{}`", .0.display(), line_example(1))]
    EmptyList(PathBuf),
}

fn files_are(files: usize) -> String {
    format!("{} {}", counted(files, "file"), agree(files, "is", "are"))
}

/// Options that name the files of a case with this number of channels.
fn example(channels: usize) -> String {
    let options: Vec<String> = names(channels).map(|name| format!("--input {name}")).collect();
    format!("`{}`", options.join(" "))
}

/// A line of a list for this number of channels.
pub(super) fn line_example(channels: usize) -> String {
    names(channels).collect::<Vec<_>>().join(",")
}

fn names(channels: usize) -> impl Iterator<Item = String> {
    (0..channels).map(|channel| file_name(&format!("case_{channel:04}")))
}
