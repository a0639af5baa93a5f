//! Damaged and hostile checkpoints of nnU-Net: reading ends with a checkpoint or an error, and within its memory.
//!
//! `SEGPLAN_FUZZ_INPUTS` is the number of damaged files, 20000 by default; `cargo test --release --test checkpoint` with a million of them
//! takes minutes.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod allocator;
mod mutate;

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use allocator::Measuring;
use mutate::mutated;
use segplan::network::weights::HostTensor;
use segplan::nnunet::checkpoint::{Checkpoint, CheckpointError, MEMORY_FACTOR};

#[global_allocator]
static ALLOCATOR: Measuring = Measuring::new();

/// Memory for a message and empty collections, bytes; the rest is proportional to the file.
const CONSTANT: usize = 4096;

fn read(bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
    Checkpoint::read_from(Cursor::new(bytes), Path::new("some.pth"))
}

/// Peak memory of reading, bytes; fails if it is more than what is documented.
fn checked_peak(bytes: &[u8], name: &str) -> (usize, Result<Checkpoint, CheckpointError>) {
    let (peak, result) = ALLOCATOR.peak_of(|| read(bytes));
    let limit = MEMORY_FACTOR * bytes.len() + CONSTANT;
    assert!(
        peak <= limit,
        "{name} of {} bytes: {peak} bytes of memory are used; at most {limit} expected",
        bytes.len()
    );
    (peak, result)
}

/// Checkpoints to damage: a network of one block, and nnU-Net's own. Their checksums are 0, "not computed": otherwise, most
/// damage would only be found by them.
fn intact() -> Vec<Vec<u8>> {
    let tensor = |shape: &[usize]| HostTensor { shape: shape.to_vec(), values: vec![0.5; shape.iter().product()] };
    let block = "encoder.stages.0.0.convs.0";
    let shapes: [(&str, &[usize]); 4] =
        [("conv.weight", &[2, 1, 1, 3]), ("conv.bias", &[2]), ("norm.weight", &[2]), ("norm.bias", &[2])];
    let small = Checkpoint {
        weights: shapes
            .iter()
            .map(|(name, shape)| (format!("{block}.{name}"), tensor(shape)))
            .collect::<BTreeMap<_, _>>(),
        trainer: "nnUNetTrainer".to_owned(),
        configuration: "2d".to_owned(),
        fold: "0".to_owned(),
        mirror_axes: Some(vec![0, 1]),
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let trained = root.join("tests/golden/nnunet-model-plain/fold_0/checkpoint_final.pth");
    [small.to_bytes().unwrap(), std::fs::read(trained).unwrap()].map(without_checksums).to_vec()
}

fn without_checksums(mut bytes: Vec<u8>) -> Vec<u8> {
    for at in 0..bytes.len() - 20 {
        if bytes[at..].starts_with(b"PK\x01\x02") {
            bytes[at + 16..at + 20].fill(0);
        }
    }
    bytes
}

/// One test, because the memory is that of the process.
#[test]
#[expect(clippy::print_stdout, reason = "the figures are shown with --nocapture")]
fn damaged_and_hostile_checkpoints_neither_panic_nor_exceed_their_memory() {
    let inputs: u64 =
        std::env::var_os("SEGPLAN_FUZZ_INPUTS").map_or(20_000, |count| count.to_str().unwrap().parse().unwrap());
    let intact = intact();
    for bytes in &intact {
        checked_peak(bytes, "an intact checkpoint").1.unwrap();
    }
    hostile_checkpoints_stay_within_their_memory(&intact[0]);
    let (mut outcomes, mut worst) = (BTreeMap::<&str, u64>::new(), 0.0_f64);
    for seed in 0..inputs {
        // The large one is slower to read.
        let damaged = mutated(&intact[usize::from(seed % 32 == 0)], seed);
        let (peak, result) = checked_peak(&damaged, &format!("seed {seed}"));
        worst = worst.max(peak as f64 / damaged.len().max(CONSTANT) as f64);
        *outcomes.entry(outcome(&result)).or_default() += 1;
    }
    println!("{inputs} inputs: {outcomes:?}; at most {worst:.1} bytes of memory per byte");
    // Damage is found at each level, and some does no harm.
    assert_eq!(outcomes.keys().copied().collect::<Vec<_>>(), ["archive", "intact", "pickle", "unsupported"]);
}

fn outcome(result: &Result<Checkpoint, CheckpointError>) -> &'static str {
    match result {
        Ok(_) => "intact",
        Err(CheckpointError::Unsupported { .. }) => "unsupported",
        Err(CheckpointError::Damaged { reason, .. }) if reason.starts_with("its `data.pkl`, at byte") => "pickle",
        Err(_) => "archive",
    }
}

/// Pickles that are short and would be large, in place of the pickle of a checkpoint.
#[expect(clippy::print_stdout, reason = "the figures are shown with --nocapture")]
fn hostile_checkpoints_stay_within_their_memory(checkpoint: &[u8]) {
    let length = 100_000;
    let filled = |part: &[u8]| [b"\x80\x02".as_slice(), &part.repeat(length / part.len())].concat();
    let hostile = [
        ("nested tuples", filled(b"N\x85\x85")),
        ("a tuple of tuples", filled(b"\x80\x02")),
        ("marks", filled(b"(")),
        ("empty lists", filled(b"]")),
        ("lists of one item", filled(b"]Na")),
        ("dictionaries of one item", filled(b"}K\0Ns")),
        ("memo entries", filled(b"Nq\0r\0\x01\0\0")),
        ("a value on the stack", filled(b"N")),
        ("short integers", filled(b"K\0")),
        ("tuples of three", filled(b"NNN\x87")),
        (
            "a text fetched again and again",
            [b"X\0\0\x01\0".as_slice(), &vec![b'x'; 65_536], b"q\0(", &b"h\0".repeat(20_000), b"t."].concat(),
        ),
        ("a text of 4 GiB", b"X\xff\xff\xff\xff.".to_vec()),
    ];
    for (name, pickle) in hostile {
        let (peak, result) = checked_peak(&with_pickle(checkpoint, &pickle), name);
        assert!(result.is_err(), "{name}");
        println!("{name}: {peak} bytes of memory for {} bytes", pickle.len());
    }
    let distinct: Vec<u8> = (0_u32..20_000).flat_map(|index| [&b"Nr"[..], &index.to_le_bytes()].concat()).collect();
    checked_peak(&with_pickle(checkpoint, &distinct), "distinct memo entries").1.unwrap_err();
}

/// An archive with one entry, `archive/data.pkl`, of the bytes of another pickle: header, content, directory and end.
fn with_pickle(checkpoint: &[u8], pickle: &[u8]) -> Vec<u8> {
    let name = b"archive/data.pkl";
    let mut header = checkpoint[..30].to_vec();
    for at in [18, 22] {
        header[at..at + 4].copy_from_slice(&(pickle.len() as u32).to_le_bytes());
    }
    header[14..18].fill(0);
    let entry = [&header, name.as_slice(), pickle].concat();
    let directory = [b"PK\x01\x02\x0a\0".as_slice(), &header[4..30], &[0; 10], &[0; 4], name].concat();
    let sizes = [directory.len() as u32, entry.len() as u32].map(u32::to_le_bytes).concat();
    [&entry, &directory, b"PK\x05\x06\0\0\0\0\x01\0\x01\0".as_slice(), &sizes, &[0; 2]].concat()
}
