//! Changed data sets and damaged files are noticed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::workplace::{Workplace, expect_exit, files_below, flip_bit};

#[test]
fn a_corrected_label_map_of_the_same_size_and_time_is_noticed() {
    let at = Workplace::new();
    expect_exit(at.run("whole", &[]).args(["--until", "preprocess"]), 0);
    // Files younger than a few seconds are always read again.
    sleep(Duration::from_secs(4));
    expect_exit(at.run("whole", &[]).args(["--until", "preprocess"]), 0);
    let path = at.path("data/Phantom/labelsTr/phantom_003.nii.gz");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    // The operating system in the gzip header: the voxels are the same, the file is not.
    bytes[9] ^= 1;
    fs::write(&path, bytes).unwrap();
    File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    let message = expect_exit(at.run("whole", &[]).args(["--until", "preprocess"]), 0);
    assert!(message.contains("labelsTr/phantom_003.nii.gz") && message.contains("1 case"), "{message}");
    let message = expect_exit(at.run("whole", &[]).args(["--until", "preprocess"]), 0);
    assert!(!message.contains("phantom_003"), "{message}");
}

fn preprocessed_cases(at: &Workplace) -> Vec<PathBuf> {
    let all = files_below(&at.path("runs/prepared")).into_keys();
    all.filter(|path| path.extension().is_some_and(|ending| ending == "safetensors")).collect()
}

#[test]
fn a_damaged_preprocessed_case_is_computed_again_before_training() {
    let at = Workplace::new();
    expect_exit(&mut at.run("whole", &[]), 0);
    let weights = fs::read(at.fold("whole", "3d_fullres", 0).weights()).unwrap();
    let before = files_below(&at.path("runs/prepared"));
    let damaged: Vec<PathBuf> = preprocessed_cases(&at);
    assert!(damaged.len() >= 6);
    for path in &damaged {
        flip_bit(path);
    }
    let message = expect_exit(&mut at.run("again", &[]), 0);
    assert!(message.contains("is damaged") && message.contains("replacing it"), "{message}");
    assert!(fs::read(at.fold("again", "3d_fullres", 0).weights()).unwrap() == weights, "the weights differ");
    for path in damaged {
        let cases = at.splits("again");
        let used = cases[0].train.iter().chain(&cases[0].val).any(|case| path.ends_with(format!("{case}.safetensors")));
        if used {
            assert!(fs::read(&path).unwrap() == before[&path], "`{}` differs", path.display());
        }
    }
}

#[test]
fn a_preprocessed_case_with_an_undeclared_label_is_computed_again() {
    let at = Workplace::new();
    expect_exit(at.run("whole", &[]).args(["--until", "preprocess"]), 0);
    let path = preprocessed_cases(&at).remove(0);
    let bytes = fs::read(&path).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = header.metadata().as_ref().unwrap()["segplan"].split_once(' ').unwrap().1.to_owned();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut all: BTreeMap<String, (safetensors::Dtype, Vec<usize>, Vec<u8>)> = BTreeMap::new();
    for (name, view) in tensors.iter() {
        all.insert(name.to_owned(), (view.dtype(), view.shape().to_vec(), view.data().to_vec()));
    }
    let labels = &mut all.get_mut("labels").unwrap().2;
    labels[..2].copy_from_slice(&77_i16.to_le_bytes());
    let views = all.iter().map(|(name, (dtype, shape, data))| {
        (name, safetensors::tensor::TensorView::new(*dtype, shape.clone(), data).unwrap())
    });
    let metadata = std::collections::HashMap::from([("segplan".to_owned(), metadata)]);
    safetensors::serialize_to_file(views, Some(metadata), &path).unwrap();
    let message = expect_exit(&mut at.run("whole", &["run.folds=[0, 1]"]), 0);
    assert!(message.contains("it has the label 77") && message.contains("replacing it"), "{message}");
    assert!(fs::read(&path).unwrap() == bytes, "the recomputed case differs");
}

#[test]
fn damaged_weights_are_an_error_with_advice() {
    let at = Workplace::new();
    expect_exit(at.run("whole", &[]).args(["--until", "train"]), 0);
    let weights = at.fold("whole", "3d_fullres", 0).weights();
    let before = fs::read(&weights).unwrap();
    flip_bit(&weights);
    let predict =
        ["predict", "--run", "runs/whole", "--input", "data/Phantom/imagesTr", "--output", "segmented"].as_slice();
    for command in [&mut at.run("whole", &[]), &mut at.segplan(predict)] {
        let message = expect_exit(command, 3);
        assert!(message.contains("weights.safetensors") && message.contains("delete the folder"), "{message}");
    }
    assert!(!at.path("segmented/phantom_001.nii.gz").exists());
    // Following the advice.
    fs::remove_dir_all(weights.parent().unwrap()).unwrap();
    expect_exit(&mut at.run("whole", &[]), 0);
    assert!(fs::read(&weights).unwrap() == before, "the retrained network differs");
}

#[test]
fn a_damaged_checkpoint_is_an_error_with_advice() {
    let at = Workplace::new();
    let set = ["train.max_epochs=60", "train.batches_per_epoch=20"];
    let checkpoint = at.fold("whole", "3d_fullres", 0).checkpoint();
    let mut killed = at.run("whole", &set).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while !checkpoint.exists() {
        assert!(begun.elapsed() < Duration::from_mins(2), "no checkpoint was written");
        sleep(Duration::from_millis(5));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    flip_bit(&checkpoint);
    let message = expect_exit(&mut at.run("whole", &set), 3);
    assert!(message.contains("checkpoint.safetensors") && message.contains("from the beginning"), "{message}");
}
