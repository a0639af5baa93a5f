//! Excludes training cases by identifier, before any of their files is read.

use thiserror::Error;

use crate::dataset::case::CaseId;
use crate::dataset::definition::Dataset;
use crate::volume::io::format::strip_ending;

/// Maximum edit distance of a suggested identifier, as a fraction of its length.
const MAX_DISTANCE: f64 = 0.4;

/// A case to exclude does not exist.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("cannot exclude `{case}`: data set `{dataset}` has no such training case{}", hint(near.as_ref()))]
pub struct UnknownCase {
    /// The identifier.
    pub case: String,
    /// The data set.
    pub dataset: String,
    /// The most similar training case, if one is similar.
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
    /// The first identifier without a training case, with the most similar one.
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

    /// The training case whose identifier is most similar, if one is similar.
    fn nearest_case(&self, name: &str) -> Option<CaseId> {
        let stem = strip_ending(name);
        let distance = |case: &CaseId| strsim::damerau_levenshtein(&case.0, stem);
        let nearest = self.training.iter().map(|case| &case.id).min_by_key(|case| distance(case))?;
        (distance(nearest) as f64 <= MAX_DISTANCE * nearest.0.chars().count() as f64).then(|| nearest.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;
    use crate::dataset::case::Case;

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
    fn named_cases_are_excluded_and_all_others_are_kept() {
        let left = dataset(&["a", "b", "c"]).without(&["b".to_owned()]).unwrap();
        assert_eq!(left.training.iter().map(|case| case.id.0.as_str()).collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(dataset(&["a", "b"]).without(&[]).unwrap(), dataset(&["a", "b"]));
    }

    #[test]
    fn an_unknown_identifier_is_refused_with_the_most_similar_one() {
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
