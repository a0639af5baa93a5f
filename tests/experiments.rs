//! Every file in `experiments/` is a valid plan with a header, and is what the planner writes but for named keys.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

use std::fs;
use std::path::{Path, PathBuf};

use segplan::plan::compare::changed_by_hand;
use segplan::plan::edit::Scope;
use segplan::plan::read::load;
use segplan::plan::rules::published::tasks;
use segplan::plan::schema::recipe;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments")
}

fn experiments() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    found.sort();
    found
}

#[test]
fn every_experiment_is_a_valid_plan_of_its_own_name() {
    assert!(experiments().len() >= 3);
    for path in experiments() {
        let loaded = load(&path, &[]).unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
        assert_eq!(loaded.plan.name, path.file_stem().unwrap().to_str().unwrap(), "{}", path.display());
    }
}

#[test]
fn the_papers_tasks_are_what_the_planner_writes() {
    let tasks = tasks();
    assert_eq!(tasks.len(), 7);
    for (name, task) in tasks {
        let path = folder().join(format!("{name}.toml"));
        let file = format!("experiments/{name}.toml");
        let planned =
            task.plan(&name, &recipe::rules()).with_settings(Path::new(&file), &[], Scope::Decisions).unwrap().0;
        let command = format!("segplan plan --published {name} -o experiments/{name}.toml --overwrite");
        assert!(fs::read_to_string(&path).unwrap() == planned, "`{}` is outdated: {command}", path.display());
    }
}

/// The keys of a schedule that fits a few minutes of two cores.
const SHORT_SCHEDULE: [&str; 11] = [
    "train.batches_per_epoch",
    "train.learning_rate",
    "train.max_epochs",
    "train.schedule.patience_epochs",
    "train.schedule.threshold",
    "train.stopping.below_learning_rate",
    "train.stopping.patience_epochs",
    "train.stopping.threshold",
    "train.train_loss_ema_decay",
    "train.validation_batches_per_epoch",
    "train.validation_loss_ema_decay",
];

/// The keys that were changed by hand in the experiments of the repository; all other values are those of the rules and the recipe.
#[test]
fn experiments_are_what_the_planner_writes_but_for_named_keys() {
    let expected: [(&str, &[&str]); 3] = [
        ("hippocampus", &[]),
        ("phantom", &["configurations.3d_fullres.features_per_stage", "run.configurations", "run.folds"]),
        ("phantom-cascade", &["configurations.2d.batch_size", "rules.base_features", "rules.reference_patch_size_3d"]),
    ];
    for (name, own) in expected {
        let mut keys = own.to_vec();
        if name != "hippocampus" {
            keys.extend(SHORT_SCHEDULE);
        }
        let plan = load(&folder().join(format!("{name}.toml")), &[]).unwrap().plan;
        let mut changed: Vec<String> = changed_by_hand(&plan).into_iter().map(|change| change.key).collect();
        changed.sort();
        assert_eq!(changed, keys, "{name}");
    }
}

/// A comment never gives the reason of another value than the one below it.
#[test]
fn changed_keys_are_marked_in_their_comments() {
    for name in ["hippocampus", "phantom", "phantom-cascade"] {
        let path = folder().join(format!("{name}.toml"));
        let text = fs::read_to_string(&path).unwrap();
        let changed = changed_by_hand(&load(&path, &[]).unwrap().plan);
        let marked = text.lines().filter(|line| line.contains("Changed by hand; the ")).count();
        assert_eq!(marked, changed.len(), "{name}");
    }
}

#[test]
fn every_experiment_has_a_header() {
    for path in experiments() {
        let text = fs::read_to_string(&path).unwrap();
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("#:schema plan.schema.json"), "{}", path.display());
        let header: Vec<&str> = lines.take_while(|line| line.starts_with('#')).collect();
        assert!(header.len() >= 3 && header[0].starts_with("# Experiment `"), "{}: {header:?}", path.display());
    }
}
