//! Batches, prepared by threads ahead of the device and delivered in order.

use std::ops::Range;
use std::sync::mpsc::sync_channel;
use std::thread;

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::dataset::CaseId;
use crate::volume::Shape;

/// Finished batches that each thread holds besides the one that it is preparing.
const AHEAD: usize = 1;

/// Maximum number of batches that exist at once with `workers` threads: in preparation, finished and in use.
pub(crate) fn batches_at_once(workers: usize) -> usize {
    workers.max(1) * (AHEAD + 1) + 1
}

/// Patches of several cases, stacked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Batch {
    /// Intensities, `[b, c, z, y, x]` in row-major order.
    pub(crate) images: Vec<f32>,
    /// Class of each voxel, `[b, z, y, x]` in row-major order.
    pub(crate) labels: Vec<i32>,
    /// Channels of each patch.
    pub(crate) channels: usize,
    /// Shape of each patch.
    pub(crate) patch: Shape,
    /// The case of each patch.
    pub(crate) cases: Vec<CaseId>,
}

impl Batch {
    /// Copies the batch to a device: images `[b, c, z, y, x]` and labels `[b, z, y, x]`.
    pub(crate) fn to_device(&self, device: &Device) -> (Tensor<5>, Tensor<4, Int>) {
        let count = self.cases.len();
        let [z, y, x] = self.patch.0;
        let images = TensorData::new(self.images.clone(), [count, self.channels, z, y, x]);
        let labels = TensorData::new(self.labels.clone(), [count, z, y, x]);
        (Tensor::from_data(images, device), Tensor::from_data(labels, device))
    }
}

/// Prepares the batches of `steps` with `workers` threads and passes them to `consume` in the order of their steps.
///
/// A batch is a function of its step alone: neither the number of threads nor their timing changes it. Stops at the first error of
/// `consume`; a panic of `prepare` is propagated.
///
/// # Errors
///
/// Whatever `consume` returns.
pub(crate) fn for_each_batch<E>(
    steps: Range<usize>,
    workers: usize,
    prepare: &(dyn Fn(usize) -> Batch + Sync),
    mut consume: impl FnMut(usize, Batch) -> Result<(), E>,
) -> Result<(), E> {
    let workers = workers.max(1);
    thread::scope(|scope| {
        let queues: Vec<_> = (0..workers)
            .map(|worker| {
                let (sender, receiver) = sync_channel(AHEAD);
                let steps = steps.clone().skip(worker).step_by(workers);
                scope.spawn(move || {
                    for step in steps {
                        // The receiver is gone if `consume` has failed.
                        if sender.send(prepare(step)).is_err() {
                            return;
                        }
                    }
                });
                receiver
            })
            .collect();
        for (step, queue) in steps.clone().zip(queues.iter().cycle()) {
            // A closed queue means that the worker has panicked; the scope propagates the panic when it ends.
            let Ok(batch) = queue.recv() else { break };
            consume(step, batch)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(step: usize) -> Batch {
        let cases = vec![CaseId(step.to_string())];
        Batch { images: vec![step as f32], labels: vec![0], channels: 1, patch: Shape([1; 3]), cases }
    }

    #[test]
    fn batches_arrive_in_order_with_any_number_of_threads() {
        for workers in [1, 2, 7] {
            let mut seen = Vec::new();
            let done = for_each_batch(3..20, workers, &batch, |step, batch| {
                seen.push((step, batch.images[0] as usize));
                Ok::<_, ()>(())
            });
            assert_eq!(done, Ok(()));
            assert_eq!(seen, (3..20).map(|step| (step, step)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_error_stops_all_threads() {
        let failed = for_each_batch(0..1000, 3, &batch, |step, _| if step == 5 { Err(step) } else { Ok(()) });
        assert_eq!(failed, Err(5));
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_panic_of_a_thread_is_not_lost() {
        let _ = for_each_batch(
            0..4,
            2,
            &|step| {
                assert!(step < 2, "a fault of this test");
                batch(step)
            },
            |_, _| Ok::<_, ()>(()),
        );
    }
}
