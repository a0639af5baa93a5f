//! `segplan plan --update`: measures the data set of a plan again, and proposes what the rules give now.

use std::path::Path;

use similar::TextDiff;

use crate::cli::failure::{Failure, plain};
use crate::cli::output::print;
use crate::cli::plan::arguments::Arguments;
use crate::cli::plan::measure::{compute_fingerprint, print_notes, refuse_unrunnable};
use crate::cli::plan::memory::memory_to_measure;
use crate::cli::schema::write_beside;
use crate::cli::terminal::Terminal;
use crate::dataset::scan;
use crate::plan::edit::update;
use crate::plan::read::{load_from, load_text, read_file};
use crate::run::Listener;
use crate::run::dataset::find_any_dataset;
use crate::store::rewrite;
use crate::units::shell_word;

/// Measures the data set of a plan again, and prints the difference to what the rules give now.
pub(super) fn propose(path: &Path, arguments: &Arguments) -> Result<(), Failure> {
    let loaded = load_from(path, &|file| read_file(file)).map_err(|error| Failure::wrong_input(error.into()))?;
    let terminal = Terminal::new();
    let dataset = match &arguments.dataset {
        Some(folder) => scan(folder)
            .map_err(|error| Failure::wrong_input(plain(error)))?
            .without(&loaded.plan.data.exclude)
            .map_err(|error| Failure::wrong_input(plain(error)))?,
        None => find_any_dataset(&loaded, &terminal).map_err(|error| Failure::wrong_input(plain(error)))?,
    };
    let fingerprint = compute_fingerprint(&dataset, memory_to_measure(arguments.memory_gib), &terminal)?;
    let update = update(path, &loaded, &dataset, &fingerprint).map_err(|error| Failure::wrong_input(error.into()))?;
    for what in &update.kept {
        terminal.say(what);
    }
    let shown = path.display();
    if update.text == loaded.input {
        terminal.say(&format!("`{shown}` is up to date"));
        return Ok(());
    }
    let diff = TextDiff::from_lines(&loaded.input, &update.text);
    print(diff.unified_diff().header(&format!("a/{shown}"), &format!("b/{shown}")));
    let proposed = match update.error {
        Some(error) => Err(error),
        None => load_text(path, &update.text, &[])
            .and_then(|proposed| refuse_unrunnable(&proposed, &dataset).map(|()| proposed)),
    };
    let proposed = proposed.map_err(|error| {
        terminal.say("values that were set by hand do not fit the new ones:");
        Failure::wrong_input(error.into())
    })?;
    print_notes(&proposed, &dataset, &fingerprint, &terminal);
    if !arguments.write {
        let file = shell_word(&shown.to_string());
        terminal.say(&format!("nothing was written; to write it: segplan plan --update {file} --write"));
        return Ok(());
    }
    if read_file(path).is_ok_and(|text| text != loaded.input) {
        let help = "run the command again";
        return Err(Failure::wrong_input(miette::miette!(help = help, "`{shown}` was edited in the meantime")));
    }
    rewrite(path, update.text.as_bytes()).map_err(|error| Failure::failed(plain(error)))?;
    write_beside(path, false)?;
    terminal.say(&format!("written to `{shown}`"));
    Ok(())
}
