//! A plan against the data set as it is measured now.

use crate::fingerprint::Fingerprint;
use crate::plan::schema::Data;

/// By how much a measured number may differ from the plan's, as a share of it.
const TOLERANCE: f64 = 1e-6;

/// Every way in which a data set differs from what its plan says of it, in words.
pub fn differences(measured: &Fingerprint, data: &Data) -> Vec<String> {
    let mut found = Vec::new();
    let cases = measured.cases.len();
    if cases != data.cases {
        found.push(format!("it has {cases} training cases, `data.cases` is {}", data.cases));
    }
    let spacing = measured.median_spacing();
    let shape = measured.median_shape(spacing);
    let mut compare = |what: &str, now: &[f64], planned: &[f64]| {
        let same = now.iter().zip(planned).all(|(now, planned)| (now - planned).abs() <= TOLERANCE * planned.abs());
        if !same {
            found.push(format!("its {what} is {now:?}, the plan's is {planned:?}"));
        }
    };
    compare("median spacing", &spacing.0, &data.median_spacing.0);
    compare("median shape", &shape, &data.median_shape);
    compare("share left by cropping", &[measured.crop_ratio()], &[data.crop_ratio]);
    let single = measured.single_component(data.labels.keys().copied());
    if single != data.single_component {
        found.push(format!("its single-component labels are {single:?}, the plan's are {:?}", data.single_component));
    }
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::dataset::CaseId;
    use crate::fingerprint::CaseFingerprint;
    use crate::plan::schema::Plan;
    use crate::volume::{Shape, Spacing};

    #[test]
    fn only_what_differs_is_named() {
        let plan: Plan = toml::from_str(include_str!("example.toml")).unwrap();
        let mut data = Data { cases: 1, single_component: vec![], ..plan.data };
        let case = CaseFingerprint {
            id: CaseId("a".to_owned()),
            shape: Shape([36, 50, 35]),
            cropped_shape: Shape([36, 50, 35]),
            spacing: Spacing([1.0; 3]),
            voxels: BTreeMap::new(),
            components: BTreeMap::new(),
        };
        let measured = Fingerprint { cases: vec![case], intensities: Vec::new() };
        assert_eq!(differences(&measured, &data), Vec::<String>::new());
        data.median_spacing = Spacing([2.0, 1.0, 1.0]);
        data.cases = 2;
        let found = differences(&measured, &data);
        assert!(
            found.len() == 2 && found[0].contains("`data.cases` is 2") && found[1].contains("median spacing"),
            "{found:?}"
        );
    }
}
