//! The reporting checklist CLAIM 2024: the items that a run answers, and those that only the authors can.
//!
//! Source: Tejani et al., Checklist for Artificial Intelligence in Medical Imaging (CLAIM): 2024 Update, Radiology:
//! Artificial Intelligence 6 (2024) e240300. Items are abbreviated, in our own words.

use std::fmt::Write as _;

use crate::evaluate::metric::Metric;
use crate::report::record::RunRecord;
use crate::report::text::missing::list_missing;
use crate::units::counted;

/// Answered by the run if the plan identifies patients.
const LEVEL: &str = "Level at which partitions are disjoint";

/// Items that only the authors can answer.
const OPEN: [&str; 19] = [
    "Title or abstract: name of the AI method",
    "Abstract: summary of design, methods, results and conclusions",
    "Scientific and clinical background, intended use of the method",
    "Study aims, objectives, hypotheses",
    "Prospective or retrospective study",
    "Study goal",
    "Inclusion and exclusion criteria; where and when the data were acquired",
    "De-identification",
    "Definition and source of the reference standard; annotators and their qualifications",
    "Inter- and intra-annotator variability",
    "Sample size and how it was determined",
    "Testing on external data",
    "Explainability",
    "Flow of participants",
    "Demographic and clinical characteristics",
    "Failure analysis beyond the worst cases shown",
    "Limitations",
    "Implications for practice",
    "Registration, protocol, funding",
];

/// An item of the checklist with its answer.
struct Answer {
    item: &'static str,
    text: String,
}

/// The checklist in Markdown.
pub(crate) fn write_checklist(record: &RunRecord) -> String {
    let mut text = format!(
        "# CLAIM 2024 for {}\n\nAnswered from the record of the run; items that only the authors can answer are listed as open.\n\n\
         ## Answered\n\n| item | answer |\n| --- | --- |\n",
        record.plan.name
    );
    for Answer { item, text: answer } in answers(record) {
        let _ = writeln!(text, "| {item} | {answer} |");
    }
    text.push_str("\n## Open\n\n");
    let level = format!("{LEVEL}: cases; whether cases share a patient is unknown");
    let level = record.plan.split.patient_pattern.is_empty().then_some(level.as_str());
    for item in OPEN.into_iter().chain(level) {
        let _ = writeln!(text, "- [ ] {item}");
    }
    text
}

fn answers(record: &RunRecord) -> Vec<Answer> {
    let plan = &record.plan;
    let version = record.manifest.as_ref().map_or("(version not recorded)", |manifest| manifest.version.as_str());
    let seeds: Vec<String> = plan.run.seeds.iter().map(ToString::to_string).collect();
    let mut answers = vec![
        Answer {
            item: "Data sources",
            text: format!("{}: {}.", plan.data.dataset, counted(plan.data.cases, "training case")),
        },
        Answer { item: "Preprocessing", text: "See the methods paragraph and `[preprocess]` of the plan.".to_owned() },
        Answer {
            item: "Selection of data subsets",
            text: "Images were cropped to their non-zero region; training used patches.".to_owned(),
        },
        Answer { item: "Missing data", text: describe_missing(record) },
        Answer { item: "Partitions", text: describe_partitions(record) },
        Answer {
            item: "Model description",
            text: "See the methods paragraph, the network figure and `[configurations]` of the plan.".to_owned(),
        },
        Answer { item: "Software", text: format!("segplan {version}; the manifest lists machine and device.") },
        Answer {
            item: "Initialisation of model parameters",
            text: format!("Random, without pre-training (seeds: {}).", seeds.join(", ")),
        },
        Answer {
            item: "Training details",
            text: "See the methods paragraph and `[train]`, `[loss]` and `[augment]` of the plan.".to_owned(),
        },
        Answer { item: "Selection of the final model", text: describe_selection(record) },
        Answer { item: "Ensembling", text: describe_ensembling(record) },
        Answer {
            item: "Metrics",
            text: format!(
                "{}.",
                Metric::all().map(|metric| record.metric_title(metric)).collect::<Vec<_>>().join(", ")
            ),
        },
        Answer {
            item: "Uncertainty",
            text: "Standard deviations, quartiles and 95 % bootstrap intervals over cases.".to_owned(),
        },
        Answer { item: "Performance", text: "See the tables and figures of this report.".to_owned() },
        Answer {
            item: "Availability of code",
            text: format!("segplan {version}; the plan file reproduces the experiment."),
        },
    ];
    if !plan.split.patient_pattern.is_empty() {
        let text = format!(
            "Patients, identified by the regular expression `{}` in the names of the cases.",
            plan.split.patient_pattern
        );
        answers.insert(5, Answer { item: LEVEL, text });
    }
    answers
}

fn describe_partitions(record: &RunRecord) -> String {
    let split = &record.plan.split;
    let unit = if split.patient_pattern.is_empty() { "case" } else { "patient" };
    format!(
        "{}-fold cross-validation, split at random by {unit} (seed {}); the folds are listed in `splits_final.json`.",
        split.folds, split.seed
    )
}

fn describe_selection(record: &RunRecord) -> String {
    let network = "The network at the end of training; the methods paragraph describes the stopping rule.";
    match (&record.selection, record.selected_model()) {
        (Some(selection), Some(name)) => format!(
            "{network} Of {}, {name} was selected by mean foreground Dice in the cross-validation.",
            counted(selection.candidates.len(), "candidate")
        ),
        _ => network.to_owned(),
    }
}

fn describe_ensembling(record: &RunRecord) -> String {
    let mut names: Vec<&str> = record.ensembles.iter().map(|ensemble| ensemble.name.as_str()).collect();
    names.dedup();
    if names.is_empty() {
        "None: each validation case was predicted by the network of its fold.".to_owned()
    } else {
        format!("{}: mean of the class probabilities of both networks of the fold.", names.join(", "))
    }
}

fn describe_missing(record: &RunRecord) -> String {
    let notes = list_missing(record);
    if notes.is_empty() { "None.".to_owned() } else { notes.join(" ") }
}
