//! Writes the pickle of a checkpoint.

use std::collections::BTreeMap;

use crate::network::weights::HostTensor;
use crate::nnunet::checkpoint::Checkpoint;
use crate::nnunet::checkpoint::aliases::all_names;

/// The pickle of a checkpoint, protocol 2. The storage of the tensor at position `i` of the weights has the name `i`.
pub(super) fn pickle(checkpoint: &Checkpoint) -> Vec<u8> {
    let mut out = Writer(vec![0x80, 2]);
    out.dict(|out| {
        out.text("network_weights");
        out.dict(|out| weights(out, &checkpoint.weights));
        out.text("init_args");
        out.dict(|out| {
            out.text("configuration");
            out.text(&checkpoint.configuration);
            out.text("fold");
            match checkpoint.fold.parse() {
                Ok(fold) => out.integer(fold),
                Err(_) => out.text(&checkpoint.fold),
            }
        });
        out.text("trainer_name");
        out.text(&checkpoint.trainer);
        out.text("inference_allowed_mirroring_axes");
        match &checkpoint.mirror_axes {
            Some(axes) => out.sizes(axes),
            None => out.0.push(b'N'),
        }
    });
    out.0.push(b'.');
    out.0
}

/// All names of all tensors: those of one tensor share its storage.
fn weights(out: &mut Writer, weights: &BTreeMap<String, HostTensor>) {
    for (storage, (name, tensor)) in weights.iter().enumerate() {
        for name in all_names(name) {
            out.text(&name);
            out.tensor(&storage.to_string(), &tensor.shape);
        }
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn text(&mut self, text: &str) {
        self.0.push(b'X');
        self.0.extend((text.len() as u32).to_le_bytes());
        self.0.extend(text.as_bytes());
    }

    fn integer(&mut self, number: i64) {
        if let Ok(number) = i32::try_from(number) {
            self.0.push(b'J');
            self.0.extend(number.to_le_bytes());
        } else {
            self.0.extend([0x8a, 8]);
            self.0.extend(number.to_le_bytes());
        }
    }

    /// A tuple of integers.
    fn sizes(&mut self, sizes: &[usize]) {
        self.0.push(b'(');
        for &size in sizes {
            self.integer(size as i64);
        }
        self.0.push(b't');
    }

    /// A dictionary, of which `items` writes keys and values in turn.
    fn dict(&mut self, items: impl FnOnce(&mut Self)) {
        self.0.extend(b"}(");
        items(self);
        self.0.push(b'u');
    }

    /// A contiguous tensor that is a whole storage of 32-bit floats.
    fn tensor(&mut self, storage: &str, shape: &[usize]) {
        let strides: Vec<usize> = (1..=shape.len()).map(|axis| shape[axis..].iter().product()).collect();
        self.0.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        self.text("storage");
        self.0.extend(b"ctorch\nFloatStorage\n");
        self.text(storage);
        self.text("cpu");
        self.integer(shape.iter().product::<usize>() as i64);
        self.0.extend(b"tQ");
        self.integer(0);
        self.sizes(shape);
        self.sizes(&strides);
        // No gradient, no hooks.
        self.0.extend(b"\x89ccollections\nOrderedDict\n)RtR");
    }
}
