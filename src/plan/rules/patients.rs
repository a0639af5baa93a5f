//! Whether the names of cases suggest that several of them are of the same patient.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use crate::dataset::CaseId;
use crate::units::counted;

/// Minimum number of cases for a suggestion.
const MIN_CASES: usize = 4;
/// Maximum number of suffixes that only some names have.
const MAX_OPTIONAL: usize = 4;

/// Cases that may be of the same patient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patients {
    /// The regular expression that finds the patient in each name.
    pub pattern: String,
    /// Number of patients that it finds.
    pub patients: usize,
    /// Two cases of one patient.
    pub example: [CaseId; 2],
    /// The suffixes in which the names of a patient differ.
    pub suffixes: BTreeSet<String>,
}

/// The patients that the names suggest: cases whose names differ only in a suffix that several patients have. `None` if the names
/// are plain numbers, or if each prefix has one case.
///
/// Each expression is tried on the names: the suggested one matches all of them.
pub fn suggest_patients(cases: &[CaseId]) -> Option<Patients> {
    if cases.len() < MIN_CASES {
        return None;
    }
    let parts = |separator: &str| format!("^(.+){separator}[^{separator}]+$");
    let two_parts = |separator: &str| format!("^(.+){separator}[^{separator}]+{separator}[^{separator}]+$");
    let separators = ["_", "-", r"\."];
    let mut patterns: Vec<String> = separators.iter().map(|separator| parts(separator)).collect();
    patterns.extend(separators.iter().map(|separator| two_parts(separator)));
    patterns.push("^(.*[0-9])[A-Za-z]+$".to_owned());
    patterns.extend(optional(cases));
    patterns.iter().find_map(|pattern| grouped(pattern, cases))
}

/// An expression for suffixes that only some names have, such as `p1` and `p1_followup`.
fn optional(cases: &[CaseId]) -> Option<String> {
    let names: BTreeSet<&str> = cases.iter().map(|case| case.0.as_str()).collect();
    let suffix = |name: &&str| {
        let at = name.rfind(['_', '-', '.'])?;
        names.contains(&name[..at]).then(|| regex::escape(&name[at..]))
    };
    let suffixes: BTreeSet<String> = names.iter().filter_map(suffix).collect();
    let few = !suffixes.is_empty() && suffixes.len() <= MAX_OPTIONAL;
    few.then(|| format!("^(.+?)(?:{})?$", suffixes.into_iter().collect::<Vec<_>>().join("|")))
}

/// The patients that an expression finds, if they are plausible.
fn grouped(pattern: &str, cases: &[CaseId]) -> Option<Patients> {
    let expression = Regex::new(pattern).ok()?;
    let mut patients = BTreeMap::<&str, Vec<(&CaseId, &str)>>::new();
    for case in cases {
        let patient = expression.captures(&case.0)?.get(1)?;
        patients.entry(patient.as_str()).or_default().push((case, &case.0[patient.end()..]));
    }
    let several = || patients.values().filter(|cases| cases.len() > 1);
    let suffixes: BTreeSet<&str> = several().flatten().map(|(_, suffix)| *suffix).collect();
    // With more suffixes than patients, the suffix identifies the case, and the prefix is a site or the name of the data set.
    let like_patients = patients.len() > 1
        && 2 * several().map(Vec::len).sum::<usize>() >= cases.len()
        && suffixes.len() <= patients.len();
    let [(first, _), (second, _), ..] = several().next()?.as_slice() else { return None };
    like_patients.then(|| Patients {
        pattern: pattern.to_owned(),
        patients: patients.len(),
        example: [(*first).clone(), (*second).clone()],
        suffixes: suffixes.into_iter().map(|suffix| suffix.trim_start_matches(['_', '-', '.']).to_owned()).collect(),
    })
}

impl Patients {
    /// The suggestion in a sentence.
    pub fn hint(&self, cases: usize) -> String {
        let [first, second] = &self.example;
        let pattern = toml::Value::String(self.pattern.clone());
        format!(
            "the names of cases such as `{first}` and `{second}` differ only in their suffix. If they are of the same patient, set \
             `split.patient_pattern = {pattern}` to keep the cases of a patient in one fold: {} of {}",
            counted(cases, "case"),
            counted(self.patients, "patient")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases(names: &[String]) -> Vec<CaseId> {
        names.iter().map(|name| CaseId(name.clone())).collect()
    }

    fn of(names: impl Iterator<Item = String>) -> Option<Patients> {
        suggest_patients(&cases(&names.collect::<Vec<_>>()))
    }

    #[test]
    fn two_phases_of_each_patient_are_found_at_any_position() {
        for (left, right) in
            [("_ED", "_ES"), ("-1", "-2"), (".pre", ".post"), ("a", "b"), ("_ED_vA", "_ES_vA"), ("", "_later")]
        {
            let names = (0..150).flat_map(|patient| [left, right].map(|end| format!("A{patient}S9{end}")));
            let names: Vec<String> = names.collect();
            let found = suggest_patients(&cases(&names)).unwrap_or_else(|| panic!("`{left}` and `{right}`"));
            assert_eq!(found.patients, 150, "{}", found.pattern);
            let expression = Regex::new(&found.pattern).unwrap();
            for name in &names {
                let patient = &expression.captures(name).unwrap()[1];
                assert_eq!(patient, name.strip_suffix(right).or(name.strip_suffix(left)).unwrap(), "{}", found.pattern);
            }
        }
    }

    #[test]
    fn names_of_one_case_per_patient_give_no_suggestion() {
        assert_eq!(of((1..200).map(|number| format!("hippocampus_{number:03}"))), None);
        assert_eq!(of((1..200).map(|number| format!("{number:03}"))), None);
        assert_eq!(of((1..20).map(|number| format!("BRATS-{number}"))), None);
        assert_eq!(of((1..75).map(|number| format!("A{number}S9V9_ED_v{}", number % 4))), None);
        // Sites with many patients each.
        assert_eq!(of((0..60).map(|number| format!("TCGA-{:02}-{:04}", number % 3, 1000 + 7 * number))), None);
        assert_eq!(of((0..40).map(|number| format!("202{}_{number:02}", number % 2))), None);
        assert_eq!(of((0..3).map(|number| format!("p{}_{number}", number / 2))), None, "too few cases");
    }

    #[test]
    fn the_hint_is_a_line_of_a_plan() {
        let found = of((0..4).flat_map(|patient| ["ED", "ES"].map(|phase| format!("p{patient}.{phase}")))).unwrap();
        let hint = found.hint(8);
        let line = hint.split('`').find(|part| part.starts_with("split.patient_pattern = ")).unwrap();
        let plan: toml::Table = toml::from_str(line).unwrap();
        assert_eq!(plan["split"]["patient_pattern"].as_str(), Some(found.pattern.as_str()));
        assert!(hint.ends_with("8 cases of 4 patients"), "{hint}");
    }
}
