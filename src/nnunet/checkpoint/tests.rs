//! A checkpoint of nnU-Net 2.8.1, its copy, and damaged ones.

use std::io::Cursor;
use std::path::PathBuf;

use serde_json::Value;

use super::aliases::all_names;
use super::*;
use crate::nnunet::archive::{Archive, ArchiveWriter};

/// A checkpoint that nnU-Net trained.
fn trained() -> PathBuf {
    tests_folder().join("golden/nnunet-model-plain/fold_0/checkpoint_final.pth")
}

fn tests_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn read(bytes: &[u8]) -> Result<Checkpoint, String> {
    Checkpoint::read_from(Cursor::new(bytes), &PathBuf::from("some.pth")).map_err(|error| error.to_string())
}

fn tiny() -> Checkpoint {
    let tensor = |shape: &[usize], values: &[f32]| HostTensor { shape: shape.to_vec(), values: values.to_vec() };
    Checkpoint {
        weights: BTreeMap::from([
            ("decoder.seg_layers.0.bias".to_owned(), tensor(&[2], &[0.5, -1.5])),
            ("encoder.stages.0.0.convs.0.conv.weight".to_owned(), tensor(&[1, 2, 1, 1], &[3.0, 4.0])),
        ]),
        trainer: "nnUNetTrainer".to_owned(),
        configuration: "2d".to_owned(),
        fold: "all".to_owned(),
        mirror_axes: Some(vec![0, 1]),
    }
}

/// An archive with another pickle, or other entries, than that of [`tiny`].
fn changed(change: impl Fn(&str, Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    let bytes = tiny().to_bytes().unwrap();
    let mut from = Archive::open(Cursor::new(&bytes)).unwrap();
    let mut to = ArchiveWriter::new(Vec::new());
    for entry in from.entries().to_vec() {
        let content = from.read_stored(&entry).unwrap();
        to.add(&entry.name, &change(&entry.name, content)).unwrap();
    }
    to.finish().unwrap()
}

fn with_pickle(old: &[u8], new: &[u8]) -> Vec<u8> {
    changed(|name, content| {
        if !name.ends_with(PICKLE) {
            return content;
        }
        let at = content.windows(old.len()).position(|found| found == old).expect("the bytes occur");
        [&content[..at], new, &content[at + old.len()..]].concat()
    })
}

#[test]
fn a_checkpoint_of_nnunet_has_the_names_shapes_and_values_of_pytorch() {
    let checkpoint = Checkpoint::read(&trained()).unwrap();
    assert_eq!((checkpoint.trainer.as_str(), checkpoint.configuration.as_str()), ("nnUNetTrainer", "3d_fullres"));
    assert_eq!((checkpoint.fold.as_str(), checkpoint.mirror_axes), ("0", Some(vec![0, 1, 2])));
    let expected: BTreeMap<String, Value> =
        serde_json::from_slice(&std::fs::read(tests_folder().join("reference/values/nnunet/checkpoint.json")).unwrap())
            .unwrap();
    let names: Vec<String> = checkpoint.weights.keys().flat_map(|name| all_names(name)).collect();
    assert_eq!((names.len(), checkpoint.weights.len()), (expected.len(), 48));
    assert!(names.iter().all(|name| expected.contains_key(name)));
    for (name, tensor) in &checkpoint.weights {
        assert_eq!(serde_json::json!(tensor.shape), expected[name]["shape"], "{name}");
        let sum: f64 = tensor.values.iter().map(|&value| f64::from(value)).sum();
        approx::assert_abs_diff_eq!(sum, expected[name]["sum"].as_f64().unwrap(), epsilon = 1e-12);
    }
}

#[test]
fn a_written_checkpoint_is_read_back_exactly() {
    let checkpoint = Checkpoint::read(&trained()).unwrap();
    for checkpoint in [checkpoint, tiny(), Checkpoint { mirror_axes: None, ..tiny() }] {
        assert_eq!(read(&checkpoint.to_bytes().unwrap()).unwrap(), checkpoint);
    }
}

#[test]
fn files_that_are_no_checkpoints_are_refused() {
    let start = "`some.pth` is damaged, or is no checkpoint of nnU-Net v2: ";
    let refusal = |bytes: &[u8]| read(bytes).unwrap_err().strip_prefix(start).expect("damaged").to_owned();
    assert_eq!(refusal(b""), "it is no zip archive, or its end is missing");
    let mut archive = ArchiveWriter::new(Vec::new());
    archive.add("data.txt", b"").unwrap();
    assert_eq!(refusal(&archive.finish().unwrap()), "it has no `data.pkl`");
    assert_eq!(refusal(&with_pickle(b"network_weights", b"network_wEights")), "it has no `network_weights`");
    assert_eq!(refusal(&with_pickle(b"trainer_name", b"trainer_nAme")), "`trainer_name` is no text");
    let shorter = changed(|name, content| if name.ends_with("/0") { content[4..].to_vec() } else { content });
    let expected = "tensor `decoder.seg_layers.0.bias`: storage `0` has 4 bytes, which are not 2 elements";
    assert_eq!(refusal(&shorter), expected);
    // Shape, stride.
    let larger = with_pickle(b"J\0\0\0\0(J\x02\0\0\0t", b"J\0\0\0\0(J\x03\0\0\0t");
    assert!(read(&larger).unwrap_err().contains("shape [3] and strides [1] do not fit its storage"));
    let repeated = with_pickle(b"(J\x02\0\0\0t(J\x01\0\0\0t", b"(J\x02\0\0\0t(J\0\0\0\0t");
    assert!(read(&repeated).unwrap_err().contains("shape [2] and strides [0] do not fit its storage"));
}

#[test]
fn networks_that_segplan_lacks_are_named() {
    let refusal = |old: &[u8], new: &[u8]| read(&with_pickle(old, new)).unwrap_err();
    let start = "the network in `some.pth` is not supported: ";
    let integers = refusal(b"FloatStorage", b"LongStorage");
    assert_eq!(integers, format!("{start}tensor `decoder.seg_layers.0.bias`: it is stored as `torch.LongStorage`"));
    let batch_norm = refusal(b"\x19\0\0\0decoder.seg_layers.0.bias", b"\x17\0\0\0decoder.bn.running_mean");
    assert_eq!(batch_norm, format!("{start}`decoder.bn.running_mean` is of batch normalisation"));
    let other = refusal(b"torch._utils\n_rebuild_tensor_v2", b"torch._utils\n_rebuild_qtensor");
    assert_eq!(
        other,
        format!("{start}`decoder.seg_layers.0.bias` is a `torch._utils._rebuild_qtensor`; expected a tensor")
    );
}

#[test]
fn other_floating_point_types_are_converted() {
    // 0.5 and -1.5 as half and as bfloat16.
    for (class, half) in [("torch\nHalfStorage", [0, 0x38, 0, 0xbe]), ("torch\nBFloat16Storage", [0, 0x3f, 0xc0, 0xbf])]
    {
        let bytes = with_pickle(b"torch\nFloatStorage", class.as_bytes());
        let mut from = Archive::open(Cursor::new(&bytes)).unwrap();
        let mut to = ArchiveWriter::new(Vec::new());
        for entry in from.entries().to_vec() {
            let content = from.read_stored(&entry).unwrap();
            to.add(&entry.name, if entry.name.ends_with("data/0") { &half } else { &content }).unwrap();
        }
        assert_eq!(read(&to.finish().unwrap()).unwrap(), tiny(), "{class}");
    }
}
