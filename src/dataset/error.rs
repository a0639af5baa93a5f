//! Why a folder is no data set.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::store::StoreError;
use crate::store::claim::ClaimError;
use crate::units::counted;
use crate::volume::Shape;
use crate::volume::nifti::NiftiError;

/// The numbers that are missing among some, for a message.
fn gaps(found: &[u64]) -> String {
    let last = found.last().copied().unwrap_or_default().min(u8::MAX.into());
    let missing: Vec<String> =
        (1..=last).filter(|number| !found.contains(number)).map(|number| number.to_string()).collect();
    match missing.len() {
        0 => String::new(),
        1 => format!(", and {} is not among them", missing[0]),
        _ => format!(", and {} are not among them", missing.join(", ")),
    }
}

fn ending_advice(ending: &str) -> String {
    match ending {
        "nii.gz" | "nii" => format!("only the dot is missing: write `\"file_ending\": \".{ending}\"`"),
        _ => "only `.nii.gz` and `.nii` are read: convert the images, for example with SimpleITK, \
              `sitk.WriteImage(sitk.ReadImage(\"IMAGE\"), \"IMAGE.nii.gz\")`"
            .to_owned(),
    }
}

/// A folder cannot be understood as a data set, or a data set cannot be written.
#[derive(Debug, Error)]
pub enum DatasetError {
    /// The folder or its description does not exist.
    #[error(
        "`{}` does not exist; a data set is a folder with a `dataset.json`, in the layout of the Medical Segmentation \
         Decathlon or of nnU-Net v2", path.display()
    )]
    Missing {
        /// What was looked for.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot read `{}`: {source}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The description is not JSON, or a value of it is of another kind than expected.
    #[error("`{}` cannot be understood: {source}", path.display())]
    Syntax {
        /// The description.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// The description lacks what both layouts need.
    #[error(
        "`{}` has neither `channel_names` (nnU-Net v2) nor `modality` and `training` (Decathlon); add those of one layout",
        path.display()
    )]
    Layout {
        /// The description.
        path: PathBuf,
    },
    /// The channels are not numbered from zero without a gap.
    #[error("`{}` names the channels {found:?}; number them from \"0\" on without a gap", path.display())]
    Channels {
        /// The description.
        path: PathBuf,
        /// The numbers found.
        found: Vec<String>,
    },
    /// The labels are not numbered from zero without a gap.
    #[error(
        "`{}` has {}{}; number them 1, 2, 3 … without a gap, at most 255",
        path.display(), counted(found.len(), "foreground label"), gaps(found)
    )]
    LabelValues {
        /// The description.
        path: PathBuf,
        /// The values found, background left out.
        found: Vec<u64>,
    },
    /// An entry of `labels` is no pair of a name and a number.
    #[error("`{}` has the label entry `{entry}`; expected a number from 0 to 255 and a name", path.display())]
    Label {
        /// The description.
        path: PathBuf,
        /// The entry, as in the file.
        entry: String,
    },
    /// Two classes with one number.
    #[error("`{}` gives the number {number} to `{}` and to `{}`; give every class a number of its own", path.display(), names[0], names[1])]
    SameLabel {
        /// The description.
        path: PathBuf,
        /// The number.
        number: u64,
        /// Both names.
        names: [String; 2],
    },
    /// A structure with the number of the background.
    #[error(
        "`{}` gives the number 0, which is the background, to `{name}`; give it a number above 0 or, if it is the background, \
         call it `background`", path.display()
    )]
    Background {
        /// The description.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// Labels of nnU-Net v2 that the method of 2018 does not have.
    #[error(
        "`{}` declares `{name}` as {what}, which nnU-Net of 2018 does not have; give every class one number of its own",
        path.display()
    )]
    Unsupported {
        /// The description.
        path: PathBuf,
        /// The label.
        name: String,
        /// A region or the ignore label.
        what: &'static str,
    },
    /// Files of another format.
    #[error("`{}` has the `file_ending` `{ending}`; {}", path.display(), ending_advice(ending))]
    FileEnding {
        /// The description.
        path: PathBuf,
        /// The ending.
        ending: String,
    },
    /// Files whose ending is another one that is read.
    #[error(
        "`{}` has the `file_ending` `{expected}`, and the {found} in `{}` end in `{ending}`: write \
         `\"file_ending\": \"{ending}\"`", path.display(), folder.display()
    )]
    OtherEnding {
        /// The description.
        path: PathBuf,
        /// The folder of the files.
        folder: PathBuf,
        /// The ending in the description.
        expected: String,
        /// How many files have another one.
        found: String,
        /// That ending.
        ending: String,
    },
    /// Cases that are listed by nnU-Net v2's `dataset` key.
    #[error(
        "`{}` lists its files under `dataset`, which is not read; copy or link them to `imagesTr/CASE_0000.nii.gz` … and \
         `labelsTr/CASE.nii.gz`, and remove the key", path.display()
    )]
    DatasetKey {
        /// The description.
        path: PathBuf,
    },
    /// Two files for one channel of a case, or for its labels.
    #[error("case `{case}` has two files, `{}` and `{}`; remove one, or rename it", files[0].display(), files[1].display())]
    TwoFiles {
        /// The case.
        case: String,
        /// The files.
        files: [PathBuf; 2],
    },
    /// An entry of a file list that names no file.
    #[error("`{}` lists `{entry}`, which names no image; expected a path such as `./imagesTr/case.nii.gz`", path.display())]
    Listed {
        /// The description.
        path: PathBuf,
        /// The entry, as in the file.
        entry: String,
    },
    /// Two cases of one name.
    #[error("`{}` has the case `{case}` twice; give every case a name of its own", path.display())]
    Twice {
        /// The description.
        path: PathBuf,
        /// The name.
        case: String,
    },
    /// Nothing to train on.
    #[error("`{}` has no training case; put images into `imagesTr` and label maps into `labelsTr`", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// A phantom that is too small to hold its structures, or has no case.
    #[error("a phantom of {} of {shape} voxels is too small; it needs a case, and 12 × 24 × 24 voxels", counted(*cases, "case"))]
    Phantom {
        /// Number of cases.
        cases: usize,
        /// Voxels of a case.
        shape: Shape,
    },
    /// An image of the phantom could not be written.
    #[error(transparent)]
    Image(#[from] NiftiError),
    /// The description of the phantom could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The phantom may not be written where it was to be.
    #[error(transparent)]
    Claim(#[from] ClaimError),
}
