//! Remarks on a data set that should be read before networks are trained on it. None of them is an error.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::dataset::{CaseId, Dataset};
use crate::fingerprint::Fingerprint;
use crate::plan::rules::patients::suggest_patients;
use crate::plan::schema::{Normalization, Plan};
use crate::units::{counted, listed};
use crate::volume::orient::AxisCodes;

/// All remarks, one sentence each.
pub fn notes(plan: &Plan, dataset: &Dataset, fingerprint: &Fingerprint) -> Vec<String> {
    let mut notes = dataset.notes.clone();
    notes.extend(orientations(fingerprint));
    notes.extend(absent_classes(dataset, fingerprint));
    notes.extend(constant_images(dataset, fingerprint));
    notes.extend(other_affines(fingerprint));
    notes.extend(not_normalised(plan));
    if plan.split.patient_pattern.is_empty() {
        let cases: Vec<CaseId> = dataset.training.iter().map(|case| case.id.clone()).collect();
        notes.extend(suggest_patients(&cases).map(|patients| patients.hint(cases.len())));
    }
    notes
}

/// Axis codes, if not all cases have the same.
fn orientations(fingerprint: &Fingerprint) -> Option<String> {
    let mut codes: Vec<(AxisCodes, usize)> = fingerprint.axis_codes().into_iter().collect();
    codes.sort_by_key(|&(_, cases)| Reverse(cases));
    let [(first, cases), others @ ..] = codes.as_slice() else { return None };
    let others: Vec<String> = others.iter().map(|(codes, cases)| format!("{cases} {codes}")).collect();
    (!others.is_empty()).then(|| {
        format!(
            "the axes of the images have different orientations: {} {first}, {} (axes x, y, z). Images are not reoriented: networks learn \
             best from a single orientation",
            counted(*cases, "case"),
            listed(&others)
        )
    })
}

fn absent_classes(dataset: &Dataset, fingerprint: &Fingerprint) -> Vec<String> {
    let is_absent =
        |label: &u8| fingerprint.cases.iter().all(|case| case.voxels.get(label).is_none_or(|&count| count == 0));
    let absent = dataset.labels.iter().filter(|(label, _)| is_absent(label));
    absent
        .map(|(label, name)| {
            format!("no training case has a voxel of label {label} ({name}): networks cannot learn it")
        })
        .collect()
}

fn constant_images(dataset: &Dataset, fingerprint: &Fingerprint) -> Vec<String> {
    let (mut zero, mut other) = (BTreeMap::<usize, Vec<String>>::new(), BTreeMap::<usize, Vec<String>>::new());
    for case in &fingerprint.cases {
        for &(channel, value) in &case.anomalies.constant {
            let cases = if value == 0.0 { &mut zero } else { &mut other };
            cases.entry(channel).or_default().push(case.id.0.clone());
        }
    }
    let sentences = |what: &str, cases: BTreeMap<usize, Vec<String>>| {
        let sentence = |(channel, cases): (usize, Vec<String>)| {
            let name = dataset.channels.get(channel).map_or("", String::as_str);
            format!("channel {channel} ({name}) {what} in {}: {}", counted(cases.len(), "case"), listed(&cases))
        };
        cases.into_iter().map(sentence).collect::<Vec<_>>()
    };
    [sentences("is zero everywhere", zero), sentences("is constant", other)].concat()
}

fn other_affines(fingerprint: &Fingerprint) -> Option<String> {
    let differing: Vec<_> =
        fingerprint.cases.iter().filter_map(|case| Some((case, case.anomalies.affine_mm?))).collect();
    let (first, [z, y, x]) = *differing.first()?;
    let cases: Vec<&str> = differing.iter().map(|(case, _)| case.id.0.as_str()).collect();
    Some(format!(
        "in the headers of {}, the scale of the affine differs from the spacing (pixdim), which is used: {}; in `{}` it is {z:.4} × {y:.4} × \
         {x:.4} mm, and the spacing is {}",
        counted(differing.len(), "case"),
        listed(&cases),
        first.id,
        first.spacing
    ))
}

fn not_normalised(plan: &Plan) -> Vec<String> {
    let schemes = plan.data.channels.iter().zip(&plan.preprocess.normalization_scheme).enumerate();
    let none = schemes.filter(|(_, (_, scheme))| **scheme == Normalization::None);
    none.map(|(channel, (name, _))| {
        format!("the name of channel {channel} is `{name}`: its intensities are not normalised")
    })
    .collect()
}
