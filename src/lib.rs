//! segplan: nnU-Net (arXiv:1809.10486, 2018) as a declarative experiment framework.
//!
//! A data set is measured, the measurements become an editable plan (one TOML file), and the plan becomes a trained, evaluated and
//! reported segmentation model:
//!
//! ```text
//! files ─► Dataset ─► Fingerprint ─► Plan ─► list of work ─► weights ─► label maps ─► scores ─► report
//! ```
//!
//! The modules below ("rooms") are declared in that order, which is also the dependency rule: a room may name only rooms declared
//! above it, and the files of a room form no circle (`tests/architecture.rs` reads the sources). Every tensor is
//! `[batch, channel, z, y, x]`; every shape and spacing is `[z, y, x]`.
//!
//! | room | input → output | paper |
//! |---|---|---|
//! | [`random`] | seed, fold, epoch, step, sample → random stream | |
//! | [`statistics`], [`units`] | numbers → mean, SD, quantiles, intervals; numbers → text with units | |
//! | [`volume`] | image files ↔ images, label maps and their geometry; resampling, components, morphology | 2.2 |
//! | [`store`] | values ↔ files: atomic, checksummed, versioned by digest | |
//! | [`alloc`] | the global allocator | |
//! | [`kernels`] | slices → slices: the CPU's convolution, pooling, normalisation, loss | |
//! | [`device`] | name → Burn device | |
//! | [`dataset`] | folder → checked data set; the built-in phantom | |
//! | [`fingerprint`] | data set → shapes, spacings, intensities, components | 2.2 |
//! | [`plan`] | fingerprint and rules → plan; TOML ↔ plan; checks, edits, comparison | 2.1 |
//! | [`run`] | the files of a run, each type declared once | |
//! | [`preprocess`] | image and plan → preprocessed case | 2.2 |
//! | [`network`] | plan → U-Net, weights, memory estimate | 2.1 |
//! | [`train`] | preprocessed cases and plan → weights and log | 2.3 |
//! | [`predict`] | networks and preprocessed case → probabilities → labels | 2.4 |
//! | [`postprocess`] | labels → labels | 2.5 |
//! | [`evaluate`] | prediction and reference → scores | 3 |
//! | [`select`] | scores → ranking of configurations and ensembles | 2.6 |
//! | [`report`] | run folders → tables, figures, page, methods paragraph | |
//! | [`segment`] | run or package, and new images → label maps; run → package | 2.4 |
//! | [`preview`], [`mod@bench`] | plan → pictures of augmented patches; timings | |
//! | [`experiment`] | plan → list of work, its state and cost; the runner | 2.3 |
//! | [`nnunet`] | nnU-Net's plans and trained models ↔ plan and run | |
//! | [`cli`] | command line → calls into the other rooms; the only room that prints | |
//!
//! # Where each rule of the paper lives
//!
//! | rule | file |
//! |---|---|
//! | patch size, poolings, batch size, cascade, feature maps | `plan/rules/planner.rs` |
//! | reference patches for a given GPU memory (`--memory-gib`) | `plan/rules/memory_limit.rs` |
//! | comments that explain planned values | `plan/rules/reasons/` |
//! | default, range, meaning and source of each key | `plan/schema/`, one file per table |
//! | order of the preprocessing; target grid, order of interpolation | `preprocess/prepare.rs`; `preprocess/grid.rs` |
//! | cropping; normalisation | `volume/crop.rs`; `preprocess/normalize.rs` |
//! | interpolation of images, of labels | `volume/resample/`: `image.rs`, `labels.rs` |
//! | order of poolings; the U-Net | `plan/schema/configuration.rs`; `network/unet.rs` |
//! | initial weights | `network/init.rs` |
//! | loss | `train/loss/` |
//! | optimiser | `train/optimizer/` |
//! | learning rate; end of training | `train/schedule/plateau.rs`; `train/stopping.rs` |
//! | criterion of an improvement, for both; moving averages | `train/plateau_detector.rs`; `train/ema.rs` |
//! | order of the decisions after an epoch | `train/progress.rs` |
//! | foreground sampling | `train/sampler.rs` |
//! | random transforms | `train/augment/`, one file per transform |
//! | tiles, mirroring; weights of a tile | `predict/tiles.rs`; `predict/tile_weights.rs` |
//! | softmax or sigmoid; labels from classes or regions | `predict/activation.rs`; `predict/channels.rs` |
//! | largest components | `postprocess.rs` |
//! | Dice of empty masks; surface distances | `evaluate/counts.rs`; `evaluate/surface.rs` |
//! | means over cases and classes | `evaluate/summary.rs` |
//! | pseudo Dice during training | `train/pseudo_dice.rs` |
//! | choice of the best configuration or ensemble | `select.rs` |
//! | order and dependencies of the work | `experiment/work/` |
//! | folds | `experiment/splits.rs` |
//!
//! # Where to look for the rest
//!
//! | topic | file |
//! |---|---|
//! | checks of a data set | `dataset/gate/` |
//! | file formats of images | `volume/io/` |
//! | plots of losses and learning rate, per network | `report/figure/training/`: `losses.rs`, `learning_rate.rs` |
//! | the same of all folds, in a report | `report/figure/training/overlay.rs` |
//! | tables in each format | `report/table/` |
//! | methods paragraph, CLAIM checklist | `report/text/` |
//! | files and columns of a run | `run/` |
//! | messages on the terminal | `cli/` |
//!
//! # Guide
//!
//! * [`guide::method`]: the paper section by section, the implementation, and every deviation
//! * [`guide::architecture`]: data flow, list of work, run folder, locks, digests
//! * [`guide::extending`]: how to add a schedule, a transform, a format, a metric
//! * [`guide::decisions`]: why the design and the dependencies are what they are

pub mod random;
pub mod statistics;
pub mod units;
pub mod volume;

pub mod store;
pub mod alloc;
pub mod kernels;
pub mod device;
pub mod dataset;
pub mod fingerprint;
pub mod plan;
pub mod run;
pub mod preprocess;
pub mod network;
pub mod train;
pub mod predict;
pub mod postprocess;
pub mod evaluate;
pub mod select;
pub mod report;
pub mod segment;
pub mod preview;
pub mod bench;
pub mod experiment;
pub mod nnunet;
pub mod cli;
pub mod guide;
