//! A plan compared with the current measurements of its data set.

use crate::fingerprint::Fingerprint;
use crate::plan::schema::{Intensities, Normalization, Plan};
use crate::units::counted;

/// Relative tolerance of measurements: plans hold six significant digits.
const TOLERANCE: f64 = 1e-5;

/// All differences between a data set and the measurements in its plan, in words.
pub fn compare_with_data(measured: &Fingerprint, plan: &Plan) -> Vec<String> {
    let data = &plan.data;
    let mut found = Vec::new();
    let cases = measured.cases.len();
    if cases != data.cases {
        found.push(format!("it has {}; `data.cases` is {}", counted(cases, "training case"), data.cases));
    }
    let spacing = measured.median_spacing();
    let shape = measured.median_shape(spacing);
    let mut compare = |what: &str, now: &[f64], planned: &[f64]| {
        let same = now.iter().zip(planned).all(|(now, planned)| (now - planned).abs() <= TOLERANCE * planned.abs());
        if !same {
            found.push(format!("its {what} is {now:?}; the plan has {planned:?}"));
        }
    };
    compare("median spacing", &spacing.0, &data.median_spacing_mm.0);
    compare("median shape", &shape, &data.median_shape);
    compare("fraction kept by cropping", &[measured.cropped_fraction()], &[data.cropped_fraction]);
    for (channel, (now, planned)) in measured.intensities.iter().zip(&plan.preprocess.intensities).enumerate() {
        // Other channels do not use theirs.
        if let Some(now) = now.filter(|_| plan.preprocess.normalization_scheme.get(channel) == Some(&Normalization::Ct))
        {
            let Intensities { mean, sd, p00_5, p99_5 } = *planned;
            compare(
                &format!("foreground mean, standard deviation, 0.5th and 99.5th percentile of channel {channel}"),
                &[now.mean, now.sd, now.p00_5, now.p99_5],
                &[mean, sd, p00_5, p99_5],
            );
        }
    }
    let single = measured.single_component_labels(data.labels.keys().copied());
    if single != data.single_component_labels {
        found.push(format!(
            "its single-component labels are {single:?}; the plan has {:?}",
            data.single_component_labels
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::dataset::CaseId;
    use crate::fingerprint::{Anomalies, CaseFingerprint, IntensityStatistics};
    use crate::volume::{Shape, Spacing};

    #[test]
    fn only_differences_are_listed() {
        let mut plan = crate::plan::testing::example();
        plan.data.cases = 1;
        plan.data.single_component_labels.clear();
        let case = CaseFingerprint {
            id: CaseId("a".to_owned()),
            shape: Shape([36, 50, 35]),
            cropped_shape: Shape([36, 50, 35]),
            spacing: Spacing([1.0; 3]),
            axis_codes: None,
            ranges: Vec::new(),
            voxels: BTreeMap::new(),
            components: BTreeMap::new(),
            anomalies: Anomalies::default(),
        };
        let statistics =
            IntensityStatistics { mean: 1.0, sd: 1.0, min: 0.0, p00_5: 0.0, median: 1.0, p99_5: 2.0, max: 2.0 };
        let measured = Fingerprint { cases: vec![case], intensities: vec![Some(statistics)] };
        assert_eq!(compare_with_data(&measured, &plan), Vec::<String>::new());
        plan.data.median_spacing_mm = Spacing([2.0, 1.0, 1.0]);
        plan.data.cases = 2;
        plan.preprocess.normalization_scheme = vec![Normalization::Ct];
        let found = compare_with_data(&measured, &plan);
        assert!(
            found.len() == 3 && found[0].contains("`data.cases` is 2") && found[1].contains("median spacing"),
            "{found:?}"
        );
        assert!(found[2].contains("99.5th"), "{found:?}");
    }
}
