//! All kinds of faults that are put into a data set.

use std::fs;
use std::path::Path;

use crate::nifti::{Nifti, write};

/// Pseudo-random numbers (`SplitMix64`).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub(crate) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }
}

/// The files that get the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    Image,
    Label,
    /// The image or the label map.
    Either,
    /// The image and the label map, in the same way.
    Both,
    Description,
}

pub(crate) type Break = fn(&Path, &mut Nifti, &mut Random);

/// One kind of fault.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) at: At,
    /// Writes the faulty file, given the content of the intact one.
    pub(crate) apply: Break,
}

const fn kind(name: &'static str, at: At, apply: Break) -> Kind {
    Kind { name, at, apply }
}

fn poke(file: &mut Nifti, random: &mut Random, value: f32) {
    let mut values = file.values();
    let voxel = random.below(values.len());
    values[voxel] = value;
    file.set_values(&values);
}

fn replaced(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
}

fn cut(path: &Path, file: &Nifti, random: &mut Random) {
    write(path, &file.bytes());
    let bytes = fs::read(path).unwrap();
    let left = random.below(bytes.len() - 20);
    fs::write(path, &bytes[..left]).unwrap();
}

fn edited(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    let changed = text.replacen(from, to, 1);
    assert_ne!(text, changed, "`{from}` is in {text}");
    fs::write(path, changed).unwrap();
}

pub(crate) const KINDS: &[Kind] = &[
    kind("a voxel is NaN", At::Image, |path, file, random| {
        poke(file, random, f32::NAN);
        file.write(path);
    }),
    kind("a voxel is infinite", At::Image, |path, file, random| {
        poke(file, random, f32::INFINITY);
        file.write(path);
    }),
    kind("a voxel is minus infinity", At::Image, |path, file, random| {
        poke(file, random, f32::NEG_INFINITY);
        file.write(path);
    }),
    kind("a voxel is larger than single precision", At::Image, |path, file, random| {
        let mut values: Vec<f64> = file.values().into_iter().map(f64::from).collect();
        let voxel = random.below(values.len());
        values[voxel] = 1e300;
        file.data_type = (64, 64);
        file.voxels = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        file.write(path);
    }),
    kind("another number of channels", At::Image, |path, file, _| {
        file.sizes.push(2);
        file.voxels.extend(file.voxels.clone());
        file.write(path);
    }),
    kind("RGB voxels", At::Image, |path, file, _| {
        file.data_type = (128, 24);
        file.write(path);
    }),
    kind("complex voxels", At::Image, |path, file, _| {
        file.data_type = (32, 64);
        file.voxels.extend(file.voxels.clone());
        file.write(path);
    }),
    kind("a label that is not declared", At::Label, |path, file, random| {
        poke(file, random, 7.0);
        file.write(path);
    }),
    kind("label -1", At::Label, |path, file, random| {
        poke(file, random, -1.0);
        file.write(path);
    }),
    kind("a label that wrapped below zero", At::Label, |path, file, random| {
        poke(file, random, -56.0);
        file.write(path);
    }),
    kind("a label above 255", At::Label, |path, file, random| {
        poke(file, random, 257.0);
        file.write(path);
    }),
    kind("a label above 65535", At::Label, |path, file, random| {
        poke(file, random, 65_537.0);
        file.write(path);
    }),
    kind("a fraction for a label", At::Label, |path, file, random| {
        poke(file, random, 0.5);
        file.write(path);
    }),
    kind("NaN for a label", At::Label, |path, file, random| {
        poke(file, random, f32::NAN);
        file.write(path);
    }),
    kind("a label map of two channels", At::Label, |path, file, _| {
        file.sizes.push(2);
        file.voxels.extend(file.voxels.clone());
        file.write(path);
    }),
    kind("one slice less", At::Either, |path, file, _| {
        file.sizes[2] -= 1;
        file.write(path);
    }),
    kind("moved by 3 mm", At::Either, |path, file, random| {
        file.sform[random.below(3)][3] += 3.0;
        file.write(path);
    }),
    kind("an axis points the other way", At::Either, |path, file, random| {
        let axis = random.below(3);
        file.sform[axis][axis] *= -1.0;
        file.write(path);
    }),
    kind("another spacing", At::Either, |path, file, random| {
        let axis = random.below(3);
        file.pixdim[axis] *= 1.5;
        file.sform[axis][axis] *= 1.5;
        file.write(path);
    }),
    kind("metres in place of millimetres", At::Either, |path, file, _| {
        file.unit = 1;
        file.write(path);
    }),
    kind("a spacing that is not a number", At::Either, |path, file, random| {
        file.pixdim[random.below(3)] = f32::NAN;
        file.write(path);
    }),
    kind("a spacing of zero", At::Either, |path, file, random| {
        file.pixdim[random.below(3)] = 0.0;
        file.write(path);
    }),
    kind("an sform of zeros", At::Either, |path, file, _| {
        file.sform = [[0.0; 4]; 3];
        file.write(path);
    }),
    kind("an sform that is not a number", At::Either, |path, file, random| {
        file.sform[random.below(3)][random.below(4)] = f32::NAN;
        file.write(path);
    }),
    kind("a header that promises more voxels than the file has", At::Either, |path, file, _| {
        file.sizes = vec![30_000, 30_000, 30_000];
        file.write(path);
    }),
    kind("a dimension of zero", At::Either, |path, file, random| {
        file.sizes[random.below(3)] = 0;
        file.write(path);
    }),
    kind("five dimensions", At::Either, |path, file, _| {
        file.sizes.extend([1, 2]);
        file.voxels.extend(file.voxels.clone());
        file.write(path);
    }),
    kind("cut off", At::Either, |path, file, random| cut(path, file, random)),
    kind("no bytes", At::Either, |path, _, _| replaced(path, b"")),
    kind("a Git LFS pointer", At::Either, |path, _, _| {
        replaced(path, b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
    }),
    kind("an HTML page", At::Either, |path, _, _| replaced(path, &b"<!DOCTYPE html>".repeat(40))),
    kind("a zip archive", At::Either, |path, _, _| replaced(path, &b"PK\x03\x04 anything".repeat(40))),
    kind("random bytes", At::Either, |path, _, random| {
        replaced(path, &(0..600).map(|_| random.next() as u8).collect::<Vec<u8>>());
    }),
    kind("missing", At::Either, |path, _, _| fs::remove_file(path).unwrap()),
    kind("a folder in place of a file", At::Either, |path, _, _| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    }),
    kind("a spacing 100 times too large", At::Both, |path, file, _| {
        for axis in 0..3 {
            file.pixdim[axis] *= 100.0;
            file.sform[axis][axis] *= 100.0;
        }
        file.write(path);
    }),
    kind("a spacing in metres under a plan in millimetres", At::Both, |path, file, _| {
        for axis in 0..3 {
            file.pixdim[axis] /= 1000.0;
            file.sform[axis][axis] /= 1000.0;
        }
        file.write(path);
    }),
    kind("two classes with the same label", At::Description, |path, _, _| {
        let (from, to) = if fs::read_to_string(path).unwrap().contains("\"b\": 2") {
            ("\"b\": 2", "\"b\": 1")
        } else {
            ("\"2\": \"b\"", "\"01\": \"b\"")
        };
        edited(path, from, to);
    }),
    kind("a structure with label 0", At::Description, |path, _, _| edited(path, "background", "liver")),
    kind("not JSON", At::Description, |path, _, _| edited(path, "{", "[")),
    kind("no description", At::Description, |path, _, _| fs::remove_file(path).unwrap()),
];
