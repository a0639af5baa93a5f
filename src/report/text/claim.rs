//! The reporting checklist CLAIM 2024, as far as the record answers it; everything else is listed as open.
//!
//! Source: Tejani et al., Checklist for Artificial Intelligence in Medical Imaging (CLAIM): 2024 Update, Radiology:
//! Artificial Intelligence 6 (2024) e240300. Items are named in short, in our own words.

use std::fmt::Write as _;

use crate::report::record::RunRecord as Record;
use crate::units::counted;

/// Answered where the plan says which cases are of one patient.
const LEVEL: &str = "Level at which partitions are disjoint: cases are; whether patients are is not in the record";

/// Items that only the authors can answer.
const OPEN: [&str; 20] = [
    "Title or abstract name the AI method",
    "Abstract: summary of design, methods, results, conclusions",
    "Background and clinical role of the method",
    "Study aims, objectives, hypotheses",
    "Prospective or retrospective",
    "Study goal",
    "Inclusion and exclusion criteria; where and when the data were acquired",
    "De-identification",
    "How the reference standard was made, and by whom",
    "Agreement between and within the annotators",
    "How the sample size was chosen",
    LEVEL,
    "Testing on external data",
    "Explainability",
    "Flow of participants",
    "Demographics and clinical characteristics",
    "Failure analysis beyond the worst cases shown",
    "Limitations",
    "Implications for practice",
    "Registration, protocol, funding",
];

/// The checklist as Markdown.
pub(crate) fn write_checklist(record: &Record) -> String {
    let plan = &record.plan;
    let version = record.manifest.as_ref().map_or("not recorded", |manifest| manifest.version.as_str());
    let grouped = !plan.split.patient_pattern.is_empty();
    let mut answered = vec![
        ("Data sources", format!("{}: {}.", plan.data.dataset, counted(plan.data.cases, "training case"))),
        ("Preprocessing", "Methods paragraph; `[preprocess]` of the plan.".to_owned()),
        ("Selection of data subsets", "Cropping to the non-zero region; patches as planned.".to_owned()),
        ("Missing data", format!("{}.", missing(record))),
        (
            "Partitions",
            format!(
                "{}-fold cross-validation by {}, seed {}; the folds are in `splits_final.json`.",
                plan.split.folds,
                if grouped { "patient" } else { "case" },
                plan.split.seed
            ),
        ),
        ("Model description", "Methods paragraph; figure of the network; `[configurations]` of the plan.".to_owned()),
        ("Software", format!("segplan {version}; the manifest has the machine and the device.")),
        ("Initialisation", format!("Random, no pre-training; seeds {:?}.", plan.run.seeds)),
        ("Training details", "Methods paragraph; `[train]`, `[loss]` and `[augment]` of the plan.".to_owned()),
        ("Selection of the final model", selection(record)),
        ("Ensembling", ensembling(record)),
        (
            "Metrics",
            format!("{}.", crate::evaluate::metric::Metric::ALL.map(|metric| record.metric_title(metric)).join(", ")),
        ),
        ("Uncertainty", "Standard deviations, quartiles and bootstrap 95 % intervals over cases.".to_owned()),
        ("Performance", "Tables and figures of this report.".to_owned()),
        ("Code", format!("segplan {version}; the plan file repeats the experiment.")),
    ];
    if grouped {
        let level = format!("Patients, as `{}` finds them in the names of the cases.", plan.split.patient_pattern);
        answered.insert(5, ("Level at which partitions are disjoint", level));
    }
    let mut text = format!(
        "# CLAIM 2024 for {}\n\nFilled in from the run's record. What the record does not know is open.\n\n## Answered\n\n\
         | item | answer |\n| --- | --- |\n",
        plan.name
    );
    for (item, answer) in answered {
        let _ = writeln!(text, "| {item} | {answer} |");
    }
    text.push_str("\n## Open\n\n");
    for item in OPEN.into_iter().filter(|item| *item != LEVEL || !grouped) {
        let _ = writeln!(text, "- [ ] {item}");
    }
    text
}

fn selection(record: &Record) -> String {
    let network = "The network at the end of training; stopping rule in the methods.";
    match (&record.selection, record.selected_model()) {
        (Some(selection), Some(name)) => format!(
            "{network} Of {} candidates, {name} was chosen by mean foreground Dice in the cross-validation.",
            selection.candidates.len()
        ),
        _ => network.to_owned(),
    }
}

fn ensembling(record: &Record) -> String {
    let mut names: Vec<&str> = record.ensembles.iter().map(|ensemble| ensemble.name.as_str()).collect();
    names.dedup();
    if names.is_empty() {
        "None within the cross-validation: each case is predicted by its own fold's network.".to_owned()
    } else {
        format!("{}: mean of the probabilities of both networks of a case's fold.", names.join(", "))
    }
}

fn missing(record: &Record) -> String {
    if crate::report::text::missing::list_missing(record).is_empty() {
        "nothing is missing".to_owned()
    } else {
        crate::report::text::missing::list_missing(record).join(" ").trim_end_matches('.').to_owned()
    }
}
