//! The inputs of `segplan predict`: folders, files and lists; and its outputs.

use std::fs;

use super::{WORKPLACE, output_labels, predict, refusal, segplan_in, succeed};

const IMAGE: &str = "data/Phantom/imagesTr/phantom_001.nii.gz";

#[test]
fn one_image_gets_the_same_labels_by_its_path_in_a_list_and_in_a_folder() {
    let folder = WORKPLACE.join("one_image");
    fs::create_dir_all(&folder).unwrap();
    fs::copy(WORKPLACE.join(IMAGE), folder.join("phantom_001.nii.gz")).unwrap();
    fs::write(WORKPLACE.join("cases.txt"), format!("# one case per line\n{IMAGE}\none_image/../{IMAGE}\n")).unwrap();
    let with_list = |model: &str, output: &str| {
        let model = format!("runs/{model}");
        segplan_in(&WORKPLACE, &["predict", "--model", &model, "--input-list", "cases.txt", "--output", output])
    };
    let said = refusal(&mut with_list("ct", "x"), 2);
    assert!(said.contains("`cases.txt`, line 3: case `phantom_001` is already on line 2"), "{said}");
    fs::write(WORKPLACE.join("cases.txt"), IMAGE).unwrap();

    succeed(&mut predict("ct", "one_image", "inputs/folder"));
    succeed(&mut predict("ct", IMAGE, "inputs/file.nii.gz"));
    succeed(&mut with_list("ct", "inputs/list"));
    let (expected, _) = output_labels("inputs/folder", "phantom_001");
    assert!(expected.iter().any(|&label| label > 0));
    assert_eq!(output_labels("inputs/list", "phantom_001").0, expected);
    assert_eq!(output_labels("inputs", "file").0, expected);
    let shown = |folder: &str| {
        let names = fs::read_dir(WORKPLACE.join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        names
            .map(|name| name.into_string().unwrap())
            .filter(|name| !name.starts_with('.'))
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(shown("inputs/list"), ["phantom_001.nii.gz", "segplan-prediction.json"].map(str::to_owned).into());
    let said = succeed(&mut predict("ct", IMAGE, "inputs/file.nii.gz"));
    assert!(said.contains("kept 1 of 1 image"), "{said}");
}

#[test]
fn inputs_and_outputs_that_do_not_fit_are_refused_with_an_example() {
    let refuse = |input: &[&str], output: &str| {
        let mut command = segplan_in(&WORKPLACE, &["predict", "--run", "runs/ct", "--output", output]);
        command.args(input.iter().flat_map(|path| ["--input", path]));
        refusal(&mut command, 2)
    };
    let said = refuse(&[IMAGE, IMAGE], "refused");
    assert!(
        said.contains("the model has 1 channel (`MRI`), and 2 files are given; expected one file per channel"),
        "{said}"
    );
    assert!(said.contains("such as `--input case_0000.nii.gz`"), "{said}");
    let said = refuse(&["data/Phantom/imagesTr"], "refused.nii.gz");
    assert!(said.contains("is the path of one label map, and the input has 4 cases; expected a folder"), "{said}");
    let said = refuse(&[IMAGE], "refused.nrrd");
    assert!(said.contains("expected a name that ends in `.nii.gz` or `.nii`, or a folder"), "{said}");
    let said = refuse(&["absent.nii.gz"], "refused");
    assert!(said.contains("`absent.nii.gz` does not exist"), "{said}");
    let said = refuse(&["data", IMAGE], "refused");
    assert!(said.contains("`data` is a folder, and `--input` names other paths as well"), "{said}");
    let said = refuse(&[IMAGE], IMAGE);
    assert!(said.contains("nothing is written into"), "{said}");
    assert!(!WORKPLACE.join("refused").exists() && !WORKPLACE.join("refused.nii.gz").exists());
}
