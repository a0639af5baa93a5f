//! Reasons why a folder is not a usable data set.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::store::StoreError;
use crate::store::claim::ClaimError;
use crate::units::{agree, counted};
use crate::volume::Shape;
use crate::volume::io::ImageFileError;
use crate::volume::io::format::{DEFAULT_ENDING, endings_text, known_endings};

/// The label values that are missing between 1 and the largest one, for a message.
fn missing_values(found: &[u64]) -> String {
    let last = found.last().copied().unwrap_or_default().min(u8::MAX.into());
    let missing: Vec<String> =
        (1..=last).filter(|number| !found.contains(number)).map(|number| number.to_string()).collect();
    match missing.len() {
        0 => String::new(),
        count => format!("; {} {} missing", missing.join(", "), agree(count, "is", "are")),
    }
}

fn ending_advice(ending: &str) -> String {
    if known_endings().any(|known| known.strip_prefix('.') == Some(ending)) {
        return format!("the leading dot is missing: set `\"file_ending\": \".{ending}\"`");
    }
    format!(
        "supported endings are {}: convert the images, for example with SimpleITK, \
         `sitk.WriteImage(sitk.ReadImage(\"IMAGE\"), \"IMAGE{DEFAULT_ENDING}\")`",
        endings_text()
    )
}

/// A folder is not a usable data set, or a data set cannot be written.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the message of each variant describes its fields")]
pub enum DatasetError {
    /// The folder or its description does not exist.
    #[error(
        "`{}` does not exist; a data set is a folder with a `dataset.json`, in the layout of the Medical Segmentation \
         Decathlon or of nnU-Net v2", path.display()
    )]
    Missing { path: PathBuf },
    /// The operating system refused.
    #[error("cannot read `{}`: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// The description is not JSON, or a value has an unexpected type.
    #[error("cannot parse `{}`: {source}", path.display())]
    Syntax { path: PathBuf, source: serde_json::Error },
    /// The description has the keys of neither layout.
    #[error(
        "`{}` has neither `channel_names` (nnU-Net v2) nor `modality` and `training` (Decathlon); add the keys of one layout",
        path.display()
    )]
    Layout { path: PathBuf },
    /// The channels are not numbered consecutively from 0.
    #[error("`{}` has the channels {found:?}; number them consecutively from \"0\"", path.display())]
    Channels { path: PathBuf, found: Vec<String> },
    /// The labels are not numbered consecutively from 1.
    #[error(
        "`{}` has {}{}; number them consecutively from 1 to at most 255",
        path.display(), counted(found.len(), "foreground label"), missing_values(found)
    )]
    LabelValues { path: PathBuf, found: Vec<u64> },
    /// An entry of `labels` is not a pair of a name and a number.
    #[error("`{}` has the label entry `{entry}`; expected a name and a number from 0 to 255", path.display())]
    Label { path: PathBuf, entry: String },
    /// Two classes with the same label value.
    #[error(
        "`{}` assigns label {number} to both `{}` and `{}`; give every class a different value",
        path.display(), names[0], names[1]
    )]
    SameLabel { path: PathBuf, number: u64, names: [String; 2] },
    /// A structure with the label value of the background.
    #[error(
        "`{}` assigns label 0, the background, to `{name}`; give the class a value above 0 or, if it is the background, \
         name it `background`", path.display()
    )]
    Background { path: PathBuf, name: String },
    /// Labels of nnU-Net v2 that the method of 2018 does not have.
    #[error(
        "`{}` declares `{name}` as {what}, which nnU-Net of 2018 does not support; give every class a single label value",
        path.display()
    )]
    Unsupported { path: PathBuf, name: String, what: &'static str },
    /// An unsupported file format.
    #[error("`{}` has the `file_ending` `{ending}`; {}", path.display(), ending_advice(ending))]
    FileEnding { path: PathBuf, ending: String },
    /// All files have another ending, which is supported.
    #[error(
        "`{}` has the `file_ending` `{expected}`, but the {found} in `{}` end in `{ending}`: set \
         `\"file_ending\": \"{ending}\"`", path.display(), folder.display()
    )]
    OtherEnding { path: PathBuf, folder: PathBuf, expected: String, found: String, ending: String },
    /// Cases that are listed in nnU-Net v2's `dataset` key.
    #[error(
        "`{}` lists its files in `dataset`, which is not supported; copy or link them to \
         `imagesTr/CASE_0000{DEFAULT_ENDING}` … and `labelsTr/CASE{DEFAULT_ENDING}`, and remove the key", path.display()
    )]
    DatasetKey { path: PathBuf },
    /// Two files for one channel of a case, or for its labels.
    #[error("case `{case}` has two files, `{}` and `{}`; remove or rename one", files[0].display(), files[1].display())]
    TwoFiles { case: String, files: [PathBuf; 2] },
    /// An entry of a file list that is not the path of an image.
    #[error(
        "`{}` lists `{entry}`, which is not an image; expected a path such as `./imagesTr/case{DEFAULT_ENDING}`",
        path.display()
    )]
    Listed { path: PathBuf, entry: String },
    /// Two cases with the same identifier.
    #[error("`{}` lists the case `{case}` twice; give every case a different name", path.display())]
    Twice { path: PathBuf, case: String },
    /// No training cases.
    #[error("`{}` has no training cases; put images into `imagesTr` and label maps into `labelsTr`", path.display())]
    Empty { path: PathBuf },
    /// A phantom without cases.
    #[error("a phantom needs at least one case")]
    NoPhantomCases,
    /// A phantom that is too small to contain its structures.
    #[error("a phantom of {shape} voxels is too small; the minimum is {minimum}")]
    PhantomShape { shape: Shape, minimum: Shape },
    /// An image of the phantom could not be written.
    #[error(transparent)]
    Image(#[from] ImageFileError),
    /// The description of the phantom could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The output folder of the phantom may not be written.
    #[error(transparent)]
    Claim(#[from] ClaimError),
}
