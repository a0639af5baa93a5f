# What a recipe runs is one plain command: nobody needs `just` to follow the README.

_default:
    @just --list --unsorted

# Do whatever of a plan is not yet done
run FILE *ARGS:
    cargo run --release -- run {{FILE}} {{ARGS}}

# Measure a data set and print its plan
plan DATASET *ARGS:
    cargo run --release -- plan {{DATASET}} {{ARGS}}

# Turn finished runs into tables, figures and a page
report *RUNS:
    cargo run --release -- report {{RUNS}}

# Plan the paper's tasks anew, after a change of rules or defaults
tasks:
    for task in 01 02 03 04 05 06 07; do cargo run --release -- plan --published task$task -o experiments/task$task.toml --overwrite; done

# Format, lints and documentation, warnings as errors
[group: 'check']
check:
    cargo fmt --check
    cargo clippy --release --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --release --no-deps

# All tests
[group: 'check']
test *ARGS:
    cargo test --release {{ARGS}}

# Everything that continuous integration runs
[group: 'check']
ci:
    bash .ci/run
