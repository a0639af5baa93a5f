//! Segmenting one image.

use std::path::Path;

use ndarray::{Array3, ArrayView3};
use thiserror::Error;

use crate::dataset::Case;
use crate::dataset::gate::{Expected, Issues, read_image};
use crate::plan::schema::Plan;
use crate::postprocess::Filter;
use crate::predict::{EnsembleMember, MemoryLimit, PredictError, predict_labels};
use crate::preprocess::Prepared;
use crate::preprocess::footprint::{Collapsed, check_collapse};
use crate::run::Watch;
use crate::segment::destination::{CaseFiles, Destination};
use crate::segment::networks::{Stages, member};
use crate::segment::training_data::TrainingData;
use crate::store::StoreError;
use crate::store::outputs::Outputs;
use crate::volume::io::{ImageFileError, ProbabilityChannels, ProbabilityWriter, write_labels};
use crate::volume::orient::Reorder;
use crate::volume::{Geometry, Image};

/// Why an image could not be segmented.
#[derive(Debug, Error)]
pub(super) enum CaseError {
    #[error(transparent)]
    Image(#[from] ImageFileError),
    #[error(transparent)]
    Predict(#[from] PredictError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Issues(#[from] Issues),
    #[error(transparent)]
    Collapsed(#[from] Collapsed),
}

/// Everything that images are segmented with.
pub(super) struct Segmenter<'a> {
    pub(super) stages: &'a [Stages<'a>],
    pub(super) filter: &'a Filter,
    pub(super) limit: MemoryLimit<'a>,
    pub(super) destination: &'a Destination,
    pub(super) training_data: &'a TrainingData,
    pub(super) watch: Watch<'a>,
    pub(super) outputs: &'a Outputs,
    /// Folder in which files are written before they get their final names.
    pub(super) staging: &'a Path,
}

/// An image in the axis order of the training cases, and the way back if its own order is another.
struct Reordered {
    image: Image,
    back: Option<Reorder>,
}

impl Segmenter<'_> {
    /// Segments an image and writes its label map; `made_of` is the digest of networks and image.
    pub(super) fn segment(&self, case: &Case, made_of: &str) -> Result<(), CaseError> {
        let plan = self.stages[0].predictor.network.plan();
        let image = read_image(case, &Expected { memory_bytes: self.limit.bytes as u64, ..plan.expected() })?;
        let geometry = image.geometry.clone();
        for stages in self.stages {
            check_collapse(geometry.shape, geometry.spacing, stages.predictor.network.configuration())?;
        }
        let reordered = self.reorder(image, case);
        let (back, files) = (reordered.back, self.destination.files(case));
        let mut labels = self.predict(reordered, case, &geometry, &files)?;
        if let Some(file) = &files.probabilities {
            self.outputs.keep_with_inputs(file, made_of)?;
        }
        if let Some(back) = back {
            labels = back.volume(labels.view()).as_standard_layout().into_owned();
        }
        self.filter.apply(&mut labels);
        write_labels(&self.staging.join(&files.labels), labels.view(), &geometry)?;
        Ok(self.outputs.keep_with_inputs(&files.labels, made_of)?)
    }

    /// Labels of an image, `[z, y, x]` in the axis order of the training cases; probabilities are written in the image's own order.
    fn predict(
        &self,
        Reordered { image, back }: Reordered,
        case: &Case,
        geometry: &Geometry,
        files: &CaseFiles,
    ) -> Result<Array3<i16>, CaseError> {
        let on_tiles = self.watch.on_tiles(&case.id);
        let spacing = image.geometry.spacing;
        let [others @ .., last] = self.stages else { unreachable!("at least one configuration predicts") };
        let mut prepared: Vec<Prepared> = others
            .iter()
            .map(|stages| stages.prepare(image.clone(), &self.limit, &on_tiles))
            .collect::<Result<_, _>>()?;
        // The last one consumes the image, so that its memory is free.
        prepared.push(last.prepare(image, &self.limit, &on_tiles)?);
        let members: Vec<EnsembleMember<'_>> =
            self.stages.iter().zip(&prepared).map(|(stages, case)| member(&stages.predictor, case)).collect();
        let Some(file) = &files.probabilities else {
            return Ok(predict_labels(&members, spacing, &self.limit, &on_tiles, None)?);
        };
        let channels = written_channels(self.stages[0].predictor.network.plan());
        let mut writer = ProbabilityWriter::new(&self.staging.join(file), geometry, &channels)?;
        let mut write = |_, channel: ArrayView3<'_, f32>| {
            let channel = back.map_or(channel, |back| back.volume(channel));
            Ok(writer.write(channel)?)
        };
        let labels = predict_labels(&members, spacing, &self.limit, &on_tiles, Some(&mut write))?;
        writer.finish()?;
        Ok(labels)
    }

    /// Brings an image into the axis order of the training cases. Reports that, and where the image differs from them.
    fn reorder(&self, image: Image, case: &Case) -> Reordered {
        let (reorder, note) = self.training_data.reorder(&image.geometry);
        let image = match reorder {
            Some(reorder) => Image {
                voxels: reorder.image(image.voxels.view()).as_standard_layout().into_owned(),
                geometry: reorder.geometry(&image.geometry),
            },
            None => image,
        };
        let differences = self.training_data.differences(&image, self.stages[0].predictor.network.plan());
        for text in note.into_iter().chain(differences.iter().map(|reason| format!("warning: {reason}"))) {
            self.watch.listener.say(&format!("`{}`: {text}", case.id));
        }
        Reordered { image, back: reorder.map(Reorder::inverse) }
    }
}

/// The channels of a file of probabilities.
fn written_channels(plan: &Plan) -> ProbabilityChannels {
    let data = &plan.data;
    if data.regions.is_empty() {
        ProbabilityChannels::Classes(data.labels.keys().copied().collect())
    } else {
        ProbabilityChannels::Regions(data.regions.iter().map(|region| region.value).collect())
    }
}
