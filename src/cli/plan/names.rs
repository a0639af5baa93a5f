//! Names of experiments.

use crate::cli::failure::Failure;
use crate::cli::terminal::Terminal;
use crate::plan::name::{is_valid, nearest_valid};
use crate::run::Listener;

/// A name that was given, if it can be that of a folder.
pub(super) fn given_name(given: Option<&str>) -> Result<Option<String>, Failure> {
    let Some(given) = given.filter(|given| !is_valid(given)) else { return Ok(given.map(str::to_owned)) };
    let instead = nearest_valid(given).unwrap_or_else(|| "hippocampus".to_owned());
    Err(Failure::wrong_input(miette::miette!(
        help = format!("such as `--name {instead}`: letters, digits, `-`, `_`, `.` and `=`"),
        "`{given}` cannot be the name of a folder"
    )))
}

/// The name of an experiment: as given, or else that of its data set, as far as it can be the name of a folder.
pub(super) fn experiment_name(given: Option<&str>, dataset: &str, terminal: &Terminal) -> Result<String, Failure> {
    if let Some(given) = given_name(given)? {
        return Ok(given);
    }
    let short = short_name(dataset);
    let valid = nearest_valid(&short).unwrap_or_else(|| "experiment".to_owned());
    if valid != short {
        let reason = format!("`{short}` cannot be the name of a folder");
        terminal.say(&format!("the name of the experiment is `{valid}`, because {reason}"));
    }
    Ok(valid)
}

/// `hippocampus` for `Task04_Hippocampus` and `Dataset004_Hippocampus`; any other name in lower case.
fn short_name(dataset: &str) -> String {
    let rest = dataset.strip_prefix("Task").or_else(|| dataset.strip_prefix("Dataset"));
    let short = rest.and_then(|rest| rest.split_once('_')).filter(|(number, _)| number.parse::<u32>().is_ok());
    short.map_or(dataset, |(_, name)| name).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_experiment_is_named_after_its_data_set() {
        assert_eq!(short_name("Task04_Hippocampus"), "hippocampus");
        assert_eq!(short_name("Dataset004_Hippocampus"), "hippocampus");
        assert_eq!(short_name("Task_force"), "task_force");
        assert_eq!(short_name("MyHearts"), "myhearts");
    }
}
