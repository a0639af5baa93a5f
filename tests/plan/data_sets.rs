//! Small data sets of boxes, and the program in a folder with them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use ndarray::{Array3, Array4};
use segplan::volume::io::{write_image, write_labels};
use segplan::volume::{Geometry, Image, Shape, Spacing};

pub(crate) const SHAPE: [usize; 3] = [12, 16, 14];

/// One case, as it is made.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) shape: [usize; 3],
    pub(crate) spacing: [f64; 3],
    /// Value of a voxel from its position along x, and whether it is foreground.
    pub(crate) value: fn(usize, bool) -> f32,
    pub(crate) foreground: bool,
    /// Scale of the affine relative to the spacing.
    pub(crate) affine: f32,
}

pub(crate) const SOUND: Case = Case {
    shape: SHAPE,
    spacing: [1.0; 3],
    value: |x, inside| x as f32 + if inside { 40.0 } else { 0.0 },
    foreground: true,
    affine: 1.0,
};

pub(crate) fn write_case(folder: &Path, name: &str, case: Case) {
    let Case { shape, spacing, value, foreground, affine } = case;
    let mut geometry = Geometry::axis_aligned(Shape(shape), Spacing(spacing), [0.0; 3]);
    geometry.affine[0][0] *= f64::from(affine);
    let center = shape.map(|edge| edge / 2);
    let labels = Array3::from_shape_fn(shape, |(z, y, x)| {
        let near = [z, y, x].iter().zip(center).all(|(place, center)| place.abs_diff(center) < 3);
        i16::from(foreground && near)
    });
    let voxels =
        Array4::from_shape_fn((1, shape[0], shape[1], shape[2]), |(_, z, y, x)| value(x, labels[[z, y, x]] > 0));
    write_labels(&folder.join("labelsTr").join(format!("{name}.nii.gz")), labels.view(), &geometry).unwrap();
    write_image(&folder.join("imagesTr").join(format!("{name}_0000.nii.gz")), &Image { voxels, geometry }).unwrap();
}

/// An nnU-Net v2 folder of these cases.
pub(crate) fn data_set(folder: &Path, channel: &str, labels: &[&str], cases: &[(&str, Case)]) {
    for (name, case) in cases {
        write_case(folder, name, *case);
    }
    let classes: Vec<String> = labels.iter().enumerate().map(|(at, name)| format!("\"{name}\": {}", at + 1)).collect();
    let text = format!(
        r#"{{"channel_names": {{"0": "{channel}"}}, "labels": {{"background": 0, {}}}, "numTraining": {}, "file_ending": ".nii.gz"}}"#,
        classes.join(", "),
        cases.len()
    );
    fs::write(folder.join("dataset.json"), text).unwrap();
}

pub(crate) fn sound(folder: &Path, names: &[&str]) {
    let cases: Vec<(&str, Case)> = names.iter().map(|&name| (name, SOUND)).collect();
    data_set(folder, "MRI", &["organ"], &cases);
}

pub(crate) const SIX: [&str; 6] = ["a1", "b2", "c3", "d4", "e5", "f6"];

pub(crate) fn segplan(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_segplan"));
    command.current_dir(folder).env("NO_COLOR", "1").args(arguments).output().unwrap()
}

/// The text on standard error, with broken lines joined.
pub(crate) fn message(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    text.replace(['│', '|'], " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(crate) fn planned(folder: &Path, arguments: &[&str]) -> String {
    let output = segplan(folder, &[&["plan"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", message(&output));
    message(&output)
}

/// The command that is printed last.
pub(crate) fn next_command(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    text.lines().last().unwrap().trim().to_owned()
}

/// Runs a printed command up to the fingerprint, as a user pastes it into a shell in some folder.
pub(crate) fn paste(folder: &Path, command: &str) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_segplan")).parent().unwrap().display().to_string();
    let path = format!("{program}:{}", option_env!("PATH").unwrap_or("/usr/bin:/bin"));
    let command = format!("{command} --until fingerprint");
    Command::new("sh").current_dir(folder).env("PATH", path).args(["-c", &command]).output().unwrap()
}
