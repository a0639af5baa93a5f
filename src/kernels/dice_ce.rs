//! The sums of soft Dice and cross-entropy, and the gradient of the logits, without storing the softmax.
//!
//! Voxels are processed in chunks. The softmax of a chunk is computed for the sums and again for the gradient, which is cheaper
//! than keeping it.

use rayon::prelude::*;

/// Voxels per chunk.
const CHUNK: usize = 1024;

/// Logits and labels of a batch.
#[derive(Clone, Copy, Debug)]
pub struct LabelledLogits<'a> {
    /// `[sample, class, voxel]`.
    pub logits: &'a [f32],
    /// Class of each voxel, `[sample, voxel]`.
    pub labels: &'a [u8],
    /// Number of classes.
    pub classes: usize,
    /// Voxels of a sample.
    pub voxels: usize,
}

/// Sums over the voxels of a sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sums {
    /// Softmax times one-hot label, per class.
    pub intersection: Vec<f64>,
    /// Softmax, per class.
    pub predicted: Vec<f64>,
    /// One-hot label, per class.
    pub target: Vec<f64>,
    /// Cross-entropy of all voxels.
    pub cross_entropy: f64,
}

/// Gradient of a loss with respect to the sums of a sample.
#[derive(Clone, Debug)]
pub struct SumsGradient {
    /// With respect to [`Sums::intersection`].
    pub intersection: Vec<f32>,
    /// With respect to [`Sums::predicted`].
    pub predicted: Vec<f32>,
    /// With respect to [`Sums::cross_entropy`].
    pub cross_entropy: f32,
}

impl Sums {
    fn zero(classes: usize) -> Self {
        Self {
            intersection: vec![0.0; classes],
            predicted: vec![0.0; classes],
            target: vec![0.0; classes],
            cross_entropy: 0.0,
        }
    }

    /// Adds other sums to these.
    pub fn add(&mut self, other: &Self) {
        let add = |to: &mut Vec<f64>, from: &[f64]| to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        add(&mut self.intersection, &other.intersection);
        add(&mut self.predicted, &other.predicted);
        add(&mut self.target, &other.target);
        self.cross_entropy += other.cross_entropy;
    }
}

impl LabelledLogits<'_> {
    /// Computes the sums of each sample.
    ///
    /// # Panics
    ///
    /// When a length does not match, or a label is not less than the number of classes.
    pub fn compute_sums(&self) -> Vec<Sums> {
        self.check();
        let samples = self.logits.par_chunks(self.classes * self.voxels).zip(self.labels.par_chunks(self.voxels));
        let chunks = samples.map(|(logits, labels)| {
            let sum_chunk = |(index, labels): (usize, &[u8])| self.sum_chunk(logits, index * CHUNK, labels);
            labels.par_chunks(CHUNK).enumerate().map(sum_chunk).collect::<Vec<Sums>>()
        });
        let add_chunks = |chunks: Vec<Sums>| {
            chunks.iter().fold(Sums::zero(self.classes), |mut total, chunk| {
                total.add(chunk);
                total
            })
        };
        chunks.map(add_chunks).collect()
    }

    fn check(&self) {
        assert_eq!(self.logits.len(), self.classes * self.labels.len());
        assert_eq!(self.labels.len() % self.voxels, 0);
    }

    fn sum_chunk(&self, logits: &[f32], start: usize, labels: &[u8]) -> Sums {
        let softmax = self.softmax(logits, start, labels.len());
        let mut sums = Sums::zero(self.classes);
        for (class, softmax) in softmax.chunks(labels.len()).enumerate() {
            sums.predicted[class] = softmax.iter().map(|&value| f64::from(value)).sum();
        }
        for (voxel, &label) in labels.iter().enumerate() {
            let class = usize::from(label);
            let probability = softmax[class * labels.len() + voxel];
            sums.intersection[class] += f64::from(probability);
            sums.target[class] += 1.0;
            sums.cross_entropy += f64::from(self.cross_entropy(logits, start + voxel, class, probability));
        }
        sums
    }

    /// Negative logarithm of a softmax value; computed from the logits if the value may underflow.
    fn cross_entropy(&self, logits: &[f32], voxel: usize, class: usize, probability: f32) -> f32 {
        if probability > 1e-6 {
            return -probability.ln();
        }
        let logit = |class: usize| logits[class * self.voxels + voxel];
        let maximum = (0..self.classes).map(logit).fold(f32::NEG_INFINITY, f32::max);
        (0..self.classes).map(|class| (logit(class) - maximum).exp()).sum::<f32>().ln() + maximum - logit(class)
    }

    /// Softmax, `[class, voxel]`, of `count` voxels of a sample from `start`.
    fn softmax(&self, logits: &[f32], start: usize, count: usize) -> Vec<f32> {
        let rows = || logits.chunks(self.voxels).map(|map| &map[start..start + count]);
        let mut maximum = vec![f32::NEG_INFINITY; count];
        for row in rows() {
            maximum.iter_mut().zip(row).for_each(|(maximum, &logit)| *maximum = maximum.max(logit));
        }
        let mut softmax = vec![0.0; self.classes * count];
        let mut total = vec![0.0; count];
        for (softmax, row) in softmax.chunks_mut(count).zip(rows()) {
            for (((softmax, total), &logit), maximum) in softmax.iter_mut().zip(&mut total).zip(row).zip(&maximum) {
                *softmax = (logit - maximum).exp();
                *total += *softmax;
            }
        }
        for total in &mut total {
            *total = 1.0 / *total;
        }
        for softmax in softmax.chunks_mut(count) {
            softmax.iter_mut().zip(&total).for_each(|(softmax, scale)| *softmax *= scale);
        }
        softmax
    }

    /// Computes the gradient of the logits, from that of the sums of each sample.
    ///
    /// # Panics
    ///
    /// When a length does not match, or a label is not less than the number of classes.
    pub fn compute_gradient(&self, of_sums: &[SumsGradient]) -> Vec<f32> {
        self.check();
        let size = self.classes * self.voxels;
        assert_eq!(of_sums.len() * size, self.logits.len());
        let mut gradient = vec![0.0; self.logits.len()];
        let samples = gradient.chunks_mut(size).zip(self.logits.chunks(size)).zip(self.labels.chunks(self.voxels));
        for (((gradient, logits), labels), of_sums) in samples.zip(of_sums) {
            // One task per chunk of voxels, with the gradients of all classes there.
            let mut tasks: Vec<Vec<&mut [f32]>> =
                labels.chunks(CHUNK).map(|_| Vec::with_capacity(self.classes)).collect();
            for map in gradient.chunks_mut(self.voxels) {
                map.chunks_mut(CHUNK).zip(&mut tasks).for_each(|(chunk, task)| task.push(chunk));
            }
            tasks.par_iter_mut().zip(labels.par_chunks(CHUNK)).enumerate().for_each(|(index, (task, labels))| {
                self.chunk_gradient(logits, index * CHUNK, labels, of_sums, task);
            });
        }
        gradient
    }

    fn chunk_gradient(
        &self,
        logits: &[f32],
        start: usize,
        labels: &[u8],
        of_sums: &SumsGradient,
        gradient: &mut [&mut [f32]],
    ) {
        let count = labels.len();
        let softmax = self.softmax(logits, start, count);
        // The gradient with respect to the softmax, averaged over the classes with the softmax as weights.
        let mut mean = vec![0.0; count];
        for (class, softmax) in softmax.chunks(count).enumerate() {
            for ((mean, &probability), &label) in mean.iter_mut().zip(softmax).zip(labels) {
                *mean += probability * of_sums.of_softmax(class, label);
            }
        }
        for (class, (gradient, softmax)) in gradient.iter_mut().zip(softmax.chunks(count)).enumerate() {
            for (((gradient, &probability), &mean), &label) in gradient.iter_mut().zip(softmax).zip(&mean).zip(labels) {
                let one_hot = f32::from(u8::from(usize::from(label) == class));
                *gradient = probability * (of_sums.of_softmax(class, label) - mean)
                    + of_sums.cross_entropy * (probability - one_hot);
            }
        }
    }
}

impl SumsGradient {
    /// Multiplies all values by a factor.
    pub fn scale(&mut self, factor: f32) {
        self.intersection.iter_mut().chain(&mut self.predicted).for_each(|value| *value *= factor);
        self.cross_entropy *= factor;
    }

    /// Gradient with respect to the softmax of a class at a voxel, cross-entropy excluded.
    #[inline]
    fn of_softmax(&self, class: usize, label: u8) -> f32 {
        self.predicted[class] + if usize::from(label) == class { self.intersection[class] } else { 0.0 }
    }
}
