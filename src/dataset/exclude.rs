//! Training cases that are left out by name, before anything of them is read.

use thiserror::Error;

use super::{CaseId, Dataset};

/// Letters by which a misspelt name may differ, as a fraction of its length.
const NEAR: f64 = 0.4;

/// A case is to be left out that the data set does not have.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("data set `{dataset}` has no training case `{case}` to leave out{}", hint(near.as_ref()))]
pub struct UnknownCase {
    /// The name that was given.
    pub case: String,
    /// The data set.
    pub dataset: String,
    /// The training case whose name is nearest, if one is near.
    pub near: Option<CaseId>,
}

fn hint(near: Option<&CaseId>) -> String {
    near.map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"))
}

impl Dataset {
    /// The data set without some of its training cases.
    ///
    /// # Errors
    ///
    /// The first name that is of no training case, with the nearest one.
    pub fn without(mut self, names: &[String]) -> Result<Self, UnknownCase> {
        for name in names {
            if !self.training.iter().any(|case| case.id.0 == *name) {
                let near = self.nearest_case(name);
                return Err(UnknownCase { case: name.clone(), dataset: self.name, near });
            }
        }
        self.training.retain(|case| !names.contains(&case.id.0));
        Ok(self)
    }

    /// The training case whose name is nearest to a misspelt one, if one is near.
    fn nearest_case(&self, name: &str) -> Option<CaseId> {
        let stem = name.trim_end_matches(".gz").trim_end_matches(".nii");
        let distance = |case: &CaseId| strsim::damerau_levenshtein(&case.0, stem);
        let nearest = self.training.iter().map(|case| &case.id).min_by_key(|case| distance(case))?;
        (distance(nearest) as f64 <= NEAR * nearest.0.chars().count() as f64).then(|| nearest.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;
    use crate::dataset::Case;

    fn dataset(names: &[&str]) -> Dataset {
        let case = |name: &&str| Case { id: CaseId((*name).to_owned()), images: Vec::new(), labels: None };
        Dataset {
            name: "Hearts".to_owned(),
            folder: PathBuf::new(),
            channels: Vec::new(),
            labels: BTreeMap::new(),
            training: names.iter().map(case).collect(),
            test: Vec::new(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn named_cases_are_left_out_and_all_others_stay() {
        let left = dataset(&["a", "b", "c"]).without(&["b".to_owned()]).unwrap();
        assert_eq!(left.training.iter().map(|case| case.id.0.as_str()).collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(dataset(&["a", "b"]).without(&[]).unwrap(), dataset(&["a", "b"]));
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest_one() {
        for (asked, near) in [
            ("hippocampus_00l", Some("hippocampus_001")),
            ("hippocampus_003.nii.gz", Some("hippocampus_003")),
            ("liver", None),
        ] {
            let cases = dataset(&["hippocampus_001", "hippocampus_003"]);
            let refused = cases.without(&[asked.to_owned()]).unwrap_err();
            assert_eq!(refused.near, near.map(|name| CaseId(name.to_owned())), "{asked}");
            assert!(refused.to_string().contains(asked), "{refused}");
        }
    }
}
