//! Packages: their contents, and packages that are damaged or hostile.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

#[path = "package/allocation.rs"]
mod allocation;
#[path = "package/model.rs"]
mod model;
#[path = "package/rebuild.rs"]
mod rebuild;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use allocation::measured;
use model::{package, packaged, plan, use_package, write_run};
use rand::RngExt as _;
use rebuild::{MANIFEST, change, entries, rebuild};
use segplan::random::{Key, Purpose, Rng, stream};
use segplan::segment::SegmentError;
use serde_json::{Value, json};

/// A package may allocate this many times its size, and this many bytes for texts, for the network and for the device.
const SIZES: usize = 8;
const FIXED: usize = 32 << 20;

/// The message with which a package is refused.
fn refused(package: &Path) -> String {
    let (result, bytes) = measured(|| use_package(package));
    let most = SIZES * fs::metadata(package).unwrap().len() as usize + FIXED;
    assert!(bytes <= most, "{bytes} bytes were allocated, of at most {most}");
    match result {
        Err(SegmentError::Cases(failures)) => panic!("the package is accepted: {failures:?}"),
        Err(error) => error.to_string(),
        Ok(done) => panic!("{done:?}"),
    }
}

fn is_intact(package: &Path) -> bool {
    matches!(use_package(package), Err(SegmentError::Cases(_)))
}

#[test]
fn a_package_has_everything_that_predict_needs_and_nothing_private() {
    let (folder, path) = packaged();
    assert!(is_intact(&path));
    let entries = entries(&path);
    let names: Vec<&str> = entries.keys().map(String::as_str).collect();
    let fold = |fold: usize| format!("weights/2d/seed_12345/fold_{fold}.safetensors");
    let expected = ["LICENSE.txt", "manifest.json", "plan.toml", "postprocessing.json", "training_data.json"];
    assert_eq!(names, [&expected[..], &[&fold(0), &fold(1)]].concat());
    assert_eq!(entries["LICENSE.txt"], b"SPDX-License-Identifier: CC-BY-4.0\n");
    let bytes = fs::read(&path).unwrap();
    for private in ["someone", "scratch", "patient_17", folder.path().to_str().unwrap()] {
        let found = bytes.windows(private.len()).any(|window| window == private.as_bytes());
        assert!(!found, "{private}");
    }
    let manifest: Value = serde_json::from_slice(&entries[MANIFEST]).unwrap();
    assert_eq!((&manifest["licence"], &manifest["configurations"]), (&json!("CC-BY-4.0"), &json!(["2d"])));
    assert_eq!(manifest["entries"].as_object().unwrap().len(), entries.len() - 1);
    for (name, entry) in manifest["entries"].as_object().unwrap() {
        assert_eq!(entry["sha256"], segplan::store::digest(&entries[name]), "{name}");
    }
}

#[test]
fn the_package_of_the_same_run_is_the_same_file() {
    let (folder, path) = packaged();
    let again = folder.path().join("again.segplan");
    package(&folder.path().join("run"), &again).unwrap();
    assert_eq!(fs::read(path).unwrap(), fs::read(again).unwrap());
}

#[test]
fn damaged_weights_are_not_packaged() {
    let folder = tempfile::tempdir().unwrap();
    let run = write_run(&folder.path().join("run"), &plan());
    let weights = run.fold("2d", 12345, 1).weights();
    let mut bytes = fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&weights, bytes).unwrap();
    let output = folder.path().join("model.segplan");
    let refused = package(&run.root, &output).unwrap_err().to_string();
    assert!(refused.contains("its checksum is") && refused.contains("retrain the network"), "{refused}");
    assert!(!output.exists());
}

#[test]
fn a_changed_byte_of_any_entry_is_detected() {
    let (_folder, path) = packaged();
    let intact = fs::read(&path).unwrap();
    for (name, content) in entries(&path) {
        let start = intact.windows(content.len()).position(|window| window == content).unwrap();
        let mut bytes = intact.clone();
        bytes[start + content.len() / 2] ^= 1;
        fs::write(&path, bytes).unwrap();
        // Nothing of what a prediction does depends on the licence.
        if name == "LICENSE.txt" {
            continue;
        }
        let message = refused(&path);
        assert!(message.contains("is damaged, or was not written by segplan"), "{name}: {message}");
    }
}

#[test]
fn a_package_with_right_checksums_that_lies_is_refused() {
    let (_folder, path) = packaged();
    let intact = fs::read(&path).unwrap();
    let lies = |name: &str, from: &str, to: &str| {
        fs::write(&path, &intact).unwrap();
        change(&path, name, |text| {
            assert!(text.contains(from), "{from} in {text}");
            text.replacen(from, to, 1)
        });
        refused(&path)
    };
    // The network of its plan would need 20 GiB.
    let message =
        lies("plan.toml", "features_per_stage = [2, 2, 2, 2]", "features_per_stage = [8192, 8192, 8192, 8192]");
    assert!(message.contains("bytes of weights, and its plan needs"), "{message}");
    let message = lies("plan.toml", "schema = 2", "schema = 2\nextends = \"/etc/passwd\"");
    assert!(message.contains("its plan has the key `extends`"), "{message}");
    let message = lies("plan.toml", "labels]", "labels]\n300 = \"x\"\n[data.none]");
    assert!(message.contains("the plan has"), "{message}");
    let message = lies("plan.toml", "schema = 2", "schema = [2");
    assert!(message.contains("its plan: "), "{message}");
    let message = lies("training_data.json", "{", "[");
    assert!(message.contains("its entry `training_data.json`"), "{message}");
    let message = lies(MANIFEST, "\"format\": 1", "\"format\": 7");
    assert!(
        message.ends_with(
            "has package format 7, and this program reads format 1; use the version of segplan that wrote it"
        ),
        "{message}"
    );
    let message = lies(MANIFEST, "\"2d\"\n  ]", "\"2d\",\n    \"2d\"\n  ]");
    assert!(message.contains("no configuration, or one twice"), "{message}");
    let message = lies(MANIFEST, "fold_1.safetensors", "fold_0.safetensors");
    assert!(message.contains("a network or its weights twice"), "{message}");
    let message = lies(MANIFEST, "weights/2d/seed_12345/fold_1.safetensors\"", "plan.toml\"");
    assert!(message.contains("HeaderTooLarge") || message.contains("is damaged"), "{message}");
    let message = lies(MANIFEST, "\"2d\"", "\"3d_fullres\"");
    assert!(message.contains("has no trained network of configuration `3d_fullres`"), "{message}");
}

#[test]
fn texts_of_the_maximum_size_need_little_memory() {
    let (_folder, path) = packaged();
    let intact = fs::read(&path).unwrap();
    let largest = |name: &str, more: &dyn Fn(usize) -> String| {
        fs::write(&path, &intact).unwrap();
        change(&path, name, |text| {
            let filling: String = (0..)
                .map(more)
                .scan(text.len(), |length, line| {
                    *length += line.len();
                    (*length < 1 << 18).then_some(line)
                })
                .collect();
            text + &filling
        });
        refused(&path)
    };
    let message = largest("plan.toml", &|number| format!("a{number}=1\n"));
    assert!(message.contains("the plan has"), "{message}");
    let message = largest("plan.toml", &|_| "[[runtime.x]]\n".to_owned());
    assert!(message.contains("the plan") || message.contains("unknown"), "{message}");
    let message = largest("training_data.json", &|_| "[".to_owned());
    assert!(message.contains("training_data.json"), "{message}");
}

#[test]
fn entries_that_the_manifest_does_not_list_are_refused() {
    let (_folder, path) = packaged();
    let mut all = entries(&path);
    all.remove("plan.toml");
    rebuild(&path, &all);
    assert!(refused(&path).contains("its manifest lacks an entry"));
    let mut all = entries(&path);
    all.remove(MANIFEST);
    segplan::store::archive::write_archive::<segplan::store::StoreError>(&path, |archive| {
        for (name, content) in &all {
            archive.add(name, &mut content.as_slice()).unwrap();
        }
        Ok(())
    })
    .unwrap();
    assert!(refused(&path).contains("it has no entry `manifest.json`"));
}

/// Replaces, inserts or removes bytes.
fn mutate(bytes: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..rng.random_range(1..4) {
        let at = rng.random_range(0..bytes.len().max(1)).min(bytes.len().saturating_sub(1));
        let until = (at + rng.random_range(1..9)).min(bytes.len());
        match rng.random_range(0..5) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..until)),
            2 => bytes[at..until].fill(rng.random_range(0..3) * 127 + 1),
            3 => {
                let piece = bytes[at..until].to_vec();
                bytes.splice(at..at, piece.repeat(rng.random_range(1..40)));
            }
            _ if !bytes.is_empty() => bytes[at] ^= 1 << rng.random_range(0..8),
            _ => bytes.push(b'9'),
        }
    }
}

/// Mutated packages neither panic, nor write outside of their folder, nor allocate more than a multiple of their size. Half of them have
/// checksums that are right.
#[expect(clippy::print_stdout, reason = "the figures are shown with --nocapture")]
#[test]
#[expect(clippy::disallowed_methods, reason = "the number of inputs")]
fn mutated_packages_are_accepted_or_refused() {
    let inputs = std::env::var("SEGPLAN_FUZZ_INPUTS").ok().and_then(|text| text.parse().ok()).unwrap_or(400);
    let (folder, path) = packaged();
    let (intact, parts) = (fs::read(&path).unwrap(), entries(&path));
    let texts: Vec<&String> = parts.keys().collect();
    let before = fs::read_dir(folder.path()).unwrap().count();
    let (mut largest, mut accepted) = (0, 0);
    for input in 0..inputs {
        let mut rng = stream(Key { purpose: Purpose::Weights, seed: 1, counters: [input, 0, 0, 0] });
        if input % 2 == 0 {
            let mut bytes = intact.clone();
            // Most of the file is weights; its structure is at its end.
            let start = if rng.random_bool(0.7) { bytes.len() - 1200 } else { 0 };
            let mut tail = bytes.split_off(start);
            mutate(&mut tail, &mut rng);
            bytes.extend(tail);
            fs::write(&path, bytes).unwrap();
        } else {
            let mut changed = parts.clone();
            mutate(changed.get_mut(texts[rng.random_range(0..texts.len())]).unwrap(), &mut rng);
            rebuild(&path, &changed);
        }
        let size = fs::metadata(&path).unwrap().len() as usize;
        let (result, bytes) = measured(|| use_package(&path));
        assert!(bytes <= SIZES * size + FIXED, "input {input}: {bytes} bytes were allocated for {size}");
        largest = largest.max(bytes);
        accepted += usize::from(matches!(result, Err(SegmentError::Cases(_))));
    }
    println!(
        "{inputs} inputs, {accepted} accepted, at most {largest} bytes allocated, for a package of {}",
        intact.len()
    );
    assert!(accepted > 0 && accepted < inputs as usize, "{accepted} of {inputs} are accepted");
    let names: BTreeSet<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    // The image and the output folder.
    assert_eq!(names.len(), before + 2, "{names:?}");
}
