# Each recipe is one plain command: nobody needs `just` to follow the README.

_default:
    @just --list --unsorted

# Run everything of a plan that is not up to date
[group: 'use']
run PLAN *ARGS:
    cargo run --release -- run {{PLAN}} {{ARGS}}

# Measure a data set and print its plan
[group: 'use']
plan DATASET *ARGS:
    cargo run --release -- plan {{DATASET}} {{ARGS}}

# Write tables, figures and a page for finished runs
[group: 'use']
report *RUNS:
    cargo run --release -- report {{RUNS}}

# Check formatting, lints and documentation; warnings are errors
[group: 'check']
check: format lint doc

# Check formatting
[group: 'check']
format:
    cargo fmt --check

# Run clippy on all targets
[group: 'check']
lint *ARGS:
    cargo clippy --release --all-targets {{ARGS}} -- -D warnings

# Build the documentation
[group: 'check']
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --release --no-deps

# Run the unit tests
[group: 'test']
test *ARGS:
    cargo test --release --lib {{ARGS}}

# Run all tests, with trainings through the real binary
[group: 'test']
test-all *ARGS:
    cargo test --release {{ARGS}}

# Run the micro-benchmarks of kernels and augmentation
[group: 'test']
bench *ARGS:
    cargo bench {{ARGS}}

# Recompute the expected values of a numeric test, such as `just reference adam`; needs the packages that the script names
[group: 'maintain']
reference SCRIPT *ARGS:
    python3 tests/reference/{{SCRIPT}}.py {{ARGS}}

# Plan the paper's tasks again, after a change of rules or comments
[group: 'maintain']
tasks:
    for task in 01 02 03 04 05 06 07; do cargo run --release -- plan --published task$task -o experiments/task$task.toml --overwrite || exit 1; done

# Build an optimised binary and pack it with its licences
[group: 'maintain']
dist *ARGS:
    cargo build --release --locked {{ARGS}}
    mkdir -p dist
    tar -czf dist/segplan.tar.gz -C "${CARGO_TARGET_DIR:-target}/release" segplan -C "{{justfile_directory()}}" LICENSE-MIT LICENSE-APACHE README.md

# Run everything that continuous integration runs
[group: 'check']
ci:
    bash .ci/run
