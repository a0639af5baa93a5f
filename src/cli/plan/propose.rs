//! `segplan plan --update`: a plan whose data set is measured anew, and what the rules then plan differently.

use std::path::Path;

use similar::TextDiff;

use crate::cli::failure::{Failure, plain};
use crate::cli::output::print;
use crate::cli::plan::{Arguments, checked, measured, memory_to_measure, say_notes};
use crate::cli::schema::write_beside;
use crate::cli::terminal::Terminal;
use crate::dataset::scan;
use crate::plan::read::{load_from, load_text, read};
use crate::plan::edit::update;
use crate::run::Listener;
use crate::run::dataset::find_any_dataset;
use crate::store::rewrite;
use crate::units::shell_word;

/// Measures the data set of a plan anew, and prints what would be planned now.
pub(super) fn propose(path: &Path, arguments: &Arguments) -> Result<(), Failure> {
    let loaded = load_from(path, &|file| read(file)).map_err(|error| Failure::wrong_input(error.into()))?;
    let terminal = Terminal::new();
    let dataset = match &arguments.dataset {
        Some(folder) => scan(folder)
            .map_err(|error| Failure::wrong_input(plain(error)))?
            .without(&loaded.plan.data.exclude)
            .map_err(|error| Failure::wrong_input(plain(error)))?,
        None => find_any_dataset(&loaded, &terminal).map_err(|error| Failure::wrong_input(plain(error)))?,
    };
    let fingerprint = measured(&dataset, memory_to_measure(arguments), &terminal)?;
    let update = update(path, &loaded, &dataset, &fingerprint).map_err(|error| Failure::wrong_input(error.into()))?;
    for what in &update.kept {
        terminal.say(what);
    }
    let shown = path.display();
    if update.text == loaded.input {
        terminal.say(&format!("`{shown}` is as it would be planned now"));
        return Ok(());
    }
    let diff = TextDiff::from_lines(&loaded.input, &update.text);
    print(diff.unified_diff().header(&format!("a/{shown}"), &format!("b/{shown}")));
    let proposed = match update.fault {
        Some(fault) => Err(fault),
        None => load_text(path, &update.text, &[]).and_then(|proposed| checked(&proposed, &dataset).map(|()| proposed)),
    };
    let proposed = proposed.map_err(|fault| {
        terminal.say("what stays does not fit what is planned now:");
        Failure::wrong_input(fault.into())
    })?;
    say_notes(&proposed, &dataset, &fingerprint, &terminal);
    if !arguments.write {
        let file = shell_word(&shown.to_string());
        terminal.say(&format!("nothing is written yet: segplan plan --update {file} --write"));
        return Ok(());
    }
    if read(path).is_ok_and(|text| text != loaded.input) {
        let help = "run the same command again";
        return Err(Failure::wrong_input(miette::miette!(help = help, "`{shown}` was edited in the meantime")));
    }
    rewrite(path, update.text.as_bytes()).map_err(|error| Failure::failed(plain(error)))?;
    write_beside(path, false)?;
    terminal.say(&format!("written to `{shown}`"));
    Ok(())
}
