//! The `segplan` program: see [`segplan::cli`].

use std::process::ExitCode;

use segplan::kernels::pages::KeptPages;

#[global_allocator]
static ALLOCATOR: KeptPages = KeptPages::new();

fn main() -> ExitCode {
    segplan::cli::main()
}
