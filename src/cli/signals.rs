//! Signals that ask to stop: progress is saved, and the same command resumes.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cli::exit_code::ExitCode;
use crate::cli::failure::{Failure, plain};

/// A flag that Ctrl-C, SIGTERM, SIGHUP and SIGUSR1 set. A second signal ends the process at once.
pub(super) fn stop_on_signals() -> Result<Arc<AtomicBool>, Failure> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    ctrlc::set_handler(move || handle_signal(&flag, "asked to stop")).map_err(|error| Failure::failed(plain(error)))?;
    let flag = Arc::clone(&interrupted);
    on_sigusr1(move || handle_signal(&flag, "SIGUSR1")).map_err(|error| Failure::failed(plain(error)))?;
    Ok(interrupted)
}

/// Sets the flag; at the second signal, ends the process.
fn handle_signal(interrupted: &AtomicBool, name: &str) {
    if interrupted.swap(true, Ordering::Relaxed) {
        std::process::exit(i32::from(ExitCode::Interrupted.number()));
    }
    let advice = "a second signal quits at once and loses unsaved progress";
    // If standard error is closed, the process stops all the same.
    let _ = writeln!(std::io::stderr(), "\n{name}: stopping after the current step or tile; {advice}");
}

/// Calls `act` at each SIGUSR1, which Slurm's `--signal=USR1@SECONDS` sends before a job reaches its time limit.
///
/// `ctrlc` does not handle this signal, which would end the process.
#[cfg(unix)]
fn on_sigusr1(act: impl Fn() + Send + 'static) -> std::io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([signal_hook::consts::SIGUSR1])?;
    let listener = move || signals.forever().for_each(|_| act());
    std::thread::Builder::new().name("SIGUSR1".to_owned()).spawn(listener).map(|_| ())
}

#[cfg(not(unix))]
fn on_sigusr1(_: impl Fn() + Send + 'static) -> std::io::Result<()> {
    Ok(())
}
