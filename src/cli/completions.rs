//! `segplan completions`: completion scripts for shells.

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use crate::cli::output::print;

const EXAMPLES: &str = "\
Examples:
  segplan completions bash > ~/.local/share/bash-completion/completions/segplan
  segplan completions zsh > ~/.zfunc/_segplan
  segplan completions fish > ~/.config/fish/completions/segplan.fish";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn completions(arguments: &Arguments, command: &mut Command) {
    let mut script = Vec::new();
    generate(arguments.shell, command, "segplan", &mut script);
    print(String::from_utf8_lossy(&script));
}
