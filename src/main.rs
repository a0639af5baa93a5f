//! The `segplan` program: see [`segplan::cli`].

use std::process::ExitCode;

use segplan::alloc::CachingAllocator;

#[global_allocator]
static ALLOCATOR: CachingAllocator = CachingAllocator::new();

fn main() -> ExitCode {
    segplan::cli::main()
}
