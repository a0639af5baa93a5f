//! Numeric kernels for the CPU, on plain slices.
