//! Every file in `experiments/` is a plan that can be run, and says what it is.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};

use segplan::plan::read::load;
use segplan::plan::make::default_rules;
use segplan::plan::rules::published::tasks;
use segplan::plan::rules::{Measured, configurations};
use segplan::plan::schema::ConfigurationName;

fn experiments() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments");
    let mut found: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    found.sort();
    found
}

#[test]
fn every_experiment_is_a_valid_plan_of_its_own_name() {
    assert!(experiments().len() >= 3);
    for path in experiments() {
        let plan = load(&path, &[]).unwrap_or_else(|error| panic!("{}: {error:?}", path.display())).plan;
        assert_eq!(plan.name, path.file_stem().unwrap().to_str().unwrap(), "{}", path.display());
    }
}

#[test]
fn the_papers_tasks_are_as_the_planner_makes_them() {
    let tasks = tasks();
    assert_eq!(tasks.len(), 7);
    for (name, task) in tasks {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("experiments/{name}.toml"));
        let committed = fs::read_to_string(&path).unwrap();
        let made = task.planned(&name, &default_rules()).text();
        assert!(
            committed == made,
            "make `{}` anew: segplan plan --published {name} -o FILE --overwrite",
            path.display()
        );
    }
}

#[test]
fn the_phantoms_cascade_is_as_the_planner_makes_it_but_for_a_batch_size() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/phantom-cascade.toml");
    let plan = load(&path, &[]).unwrap().plan;
    let data = &plan.data;
    let measured = Measured { cases: data.cases, spacing: data.median_spacing_mm, median: data.median_shape };
    let mut planned = configurations(&measured, &plan.rules);
    let two_d = planned.get_mut(&ConfigurationName::TwoD).unwrap();
    two_d.batch_size = plan.configurations[&ConfigurationName::TwoD].batch_size;
    assert_eq!(planned.len(), 4);
    assert_eq!(plan.configurations, planned);
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
