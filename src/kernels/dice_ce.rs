//! The sums of which Dice and cross-entropy are made, and the gradient of the logits, without a softmax in memory.
//!
//! A stretch of voxels at a time: its softmax is computed for the sums, and once more for the gradient, which is cheaper than
//! keeping it.

use rayon::prelude::*;

/// Voxels whose softmax is held at once.
const STRETCH: usize = 1024;

/// Logits `[sample, class, voxel]` and labels `[sample, voxel]`.
#[derive(Clone, Copy, Debug)]
pub struct Segmentation<'a> {
    /// The logits.
    pub logits: &'a [f32],
    /// The class of each voxel.
    pub labels: &'a [u8],
    /// Count of classes.
    pub classes: usize,
    /// Voxels of a sample.
    pub voxels: usize,
}

/// Sums over the voxels of a sample; of each class, if not said otherwise.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sums {
    /// Of the softmax where the label is the class.
    pub shared: Vec<f64>,
    /// Of the softmax.
    pub predicted: Vec<f64>,
    /// Of the voxels whose label is the class.
    pub present: Vec<f64>,
    /// Of the negative logarithm of the label's softmax, over all classes.
    pub surprise: f64,
}

/// Derivatives of a loss by the sums of a sample.
#[derive(Clone, Debug)]
pub struct Slopes {
    /// By [`Sums::shared`].
    pub shared: Vec<f32>,
    /// By [`Sums::predicted`].
    pub predicted: Vec<f32>,
    /// By [`Sums::surprise`].
    pub surprise: f32,
}

impl Sums {
    fn zero(classes: usize) -> Self {
        Self { shared: vec![0.0; classes], predicted: vec![0.0; classes], present: vec![0.0; classes], surprise: 0.0 }
    }

    /// Adds other sums to these.
    pub fn add(&mut self, other: &Self) {
        let add = |to: &mut Vec<f64>, from: &[f64]| to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        add(&mut self.shared, &other.shared);
        add(&mut self.predicted, &other.predicted);
        add(&mut self.present, &other.present);
        self.surprise += other.surprise;
    }
}

impl Segmentation<'_> {
    /// The sums of each sample.
    ///
    /// # Panics
    ///
    /// When the lengths do not fit, or a label is no class.
    pub fn sums(&self) -> Vec<Sums> {
        self.check();
        let samples = self.logits.par_chunks(self.classes * self.voxels).zip(self.labels.par_chunks(self.voxels));
        let parts = samples.map(|(logits, labels)| {
            let of_stretch = |(at, labels): (usize, &[u8])| self.stretch_sums(logits, at * STRETCH, labels);
            labels.par_chunks(STRETCH).enumerate().map(of_stretch).collect::<Vec<Sums>>()
        });
        let total = |parts: Vec<Sums>| {
            parts.iter().fold(Sums::zero(self.classes), |mut total, part| {
                total.add(part);
                total
            })
        };
        parts.map(total).collect()
    }

    fn check(&self) {
        assert_eq!(self.logits.len(), self.classes * self.labels.len());
        assert_eq!(self.labels.len() % self.voxels, 0);
    }

    fn stretch_sums(&self, logits: &[f32], start: usize, labels: &[u8]) -> Sums {
        let softmax = self.softmax(logits, start, labels.len());
        let mut sums = Sums::zero(self.classes);
        for (class, softmax) in softmax.chunks(labels.len()).enumerate() {
            sums.predicted[class] = softmax.iter().map(|&value| f64::from(value)).sum();
        }
        for (voxel, &label) in labels.iter().enumerate() {
            let class = usize::from(label);
            let share = softmax[class * labels.len() + voxel];
            sums.shared[class] += f64::from(share);
            sums.present[class] += 1.0;
            sums.surprise += f64::from(self.surprise(logits, start + voxel, class, share));
        }
        sums
    }

    /// Negative logarithm of a softmax; of one that is too small for a number, from the logits.
    fn surprise(&self, logits: &[f32], voxel: usize, class: usize, share: f32) -> f32 {
        if share > 1e-6 {
            return -share.ln();
        }
        let of = |class: usize| logits[class * self.voxels + voxel];
        let most = (0..self.classes).map(of).fold(f32::NEG_INFINITY, f32::max);
        (0..self.classes).map(|class| (of(class) - most).exp()).sum::<f32>().ln() + most - of(class)
    }

    /// Softmax `[class, voxel]` of some voxels of a sample.
    fn softmax(&self, logits: &[f32], start: usize, count: usize) -> Vec<f32> {
        let rows = || logits.chunks(self.voxels).map(|map| &map[start..start + count]);
        let mut most = vec![f32::NEG_INFINITY; count];
        for row in rows() {
            most.iter_mut().zip(row).for_each(|(most, &logit)| *most = most.max(logit));
        }
        let mut softmax = vec![0.0; self.classes * count];
        let mut total = vec![0.0; count];
        for (softmax, row) in softmax.chunks_mut(count).zip(rows()) {
            for (((softmax, total), &logit), most) in softmax.iter_mut().zip(&mut total).zip(row).zip(&most) {
                *softmax = (logit - most).exp();
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

    /// Gradient of the logits, from the derivatives by the sums of each sample.
    ///
    /// # Panics
    ///
    /// When the lengths do not fit, or a label is no class.
    pub fn gradient(&self, slopes: &[Slopes]) -> Vec<f32> {
        self.check();
        let size = self.classes * self.voxels;
        assert_eq!(slopes.len() * size, self.logits.len());
        let mut gradient = vec![0.0; self.logits.len()];
        let samples = gradient.chunks_mut(size).zip(self.logits.chunks(size)).zip(self.labels.chunks(self.voxels));
        for (((gradient, logits), labels), slopes) in samples.zip(slopes) {
            // The stretches of one sample, each with its part of every class.
            let mut tasks: Vec<Vec<&mut [f32]>> =
                labels.chunks(STRETCH).map(|_| Vec::with_capacity(self.classes)).collect();
            for map in gradient.chunks_mut(self.voxels) {
                map.chunks_mut(STRETCH).zip(&mut tasks).for_each(|(part, task)| task.push(part));
            }
            tasks.par_iter_mut().zip(labels.par_chunks(STRETCH)).enumerate().for_each(|(at, (task, labels))| {
                self.stretch_gradient(logits, at * STRETCH, labels, slopes, task);
            });
        }
        gradient
    }

    fn stretch_gradient(
        &self,
        logits: &[f32],
        start: usize,
        labels: &[u8],
        slopes: &Slopes,
        gradient: &mut [&mut [f32]],
    ) {
        let count = labels.len();
        let softmax = self.softmax(logits, start, count);
        // By the softmax of the class, and its mean over the classes, weighted by the softmax.
        let mut mean = vec![0.0; count];
        for (class, softmax) in softmax.chunks(count).enumerate() {
            for ((mean, &share), &label) in mean.iter_mut().zip(softmax).zip(labels) {
                *mean += share * slopes.by_softmax(class, label);
            }
        }
        for (class, (gradient, softmax)) in gradient.iter_mut().zip(softmax.chunks(count)).enumerate() {
            for (((gradient, &share), &mean), &label) in gradient.iter_mut().zip(softmax).zip(&mean).zip(labels) {
                let indicator = f32::from(u8::from(usize::from(label) == class));
                *gradient = share * (slopes.by_softmax(class, label) - mean) + slopes.surprise * (share - indicator);
            }
        }
    }
}

impl Slopes {
    /// Multiplies all of them.
    pub fn scale(&mut self, by: f32) {
        self.shared.iter_mut().chain(&mut self.predicted).for_each(|slope| *slope *= by);
        self.surprise *= by;
    }

    #[inline]
    fn by_softmax(&self, class: usize, label: u8) -> f32 {
        self.predicted[class] + if usize::from(label) == class { self.shared[class] } else { 0.0 }
    }
}
