//! A run folder with random weights and its package, made in a moment.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use segplan::dataset::input::Input;
use segplan::device::open_device;
use segplan::network::{PlannedNetwork, weights};
use segplan::plan::edit::resolved_text;
use segplan::plan::read::load;
use segplan::plan::schema::{ConfigurationName, Plan};
use segplan::random::{Key, Purpose, stream};
use segplan::run::folder::RunFolder;
use segplan::run::{Listener, NetworkId, NetworkState};
use segplan::segment::package::{Licence, PackageRequest, write_package};
use segplan::segment::{Request, SegmentError, Segmented, segment};

/// A listener that ignores everything.
pub(crate) struct Silent;

impl Listener for Silent {}

/// The phantom's plan with small networks, and paths and cases that no package may contain.
pub(crate) fn plan() -> Plan {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/phantom.toml");
    let set = [
        "configurations.2d.features_per_stage=[2, 2, 2, 2]",
        "configurations.3d_fullres.features_per_stage=[2, 2, 2, 2]",
        "run.configurations=[\"2d\"]",
        "run.folds=[0, 1]",
        "split.folds=2",
        "data.generator=none",
        "data.exclude=[\"patient_17\"]",
        "runtime.data=[\"/home/someone/data\"]",
        "runtime.runs=\"/scratch/someone/runs\"",
    ];
    load(&file, &set.map(str::to_owned)).unwrap().plan
}

/// Writes a run folder in which two folds of the 2D network are trained.
pub(crate) fn write_run(root: &Path, plan: &Plan) -> RunFolder {
    let folder = RunFolder { root: root.to_owned() };
    fs::create_dir_all(root).unwrap();
    fs::write(folder.resolved_plan(), resolved_text(plan)).unwrap();
    let device = open_device("cpu").unwrap();
    for id in NetworkId::all(plan, ConfigurationName::TwoD) {
        let key = Key { purpose: Purpose::Weights, seed: id.seed, counters: [id.fold as u64, 0, 0, 0] };
        let network = PlannedNetwork::new(plan, id.configuration).init(&mut stream(key), &device);
        weights::save(&network, &folder.network(id).weights()).unwrap();
        let state = NetworkState { trained: Some(String::new()), ..NetworkState::default() };
        state.write(&folder.network(id)).unwrap();
    }
    folder
}

/// A folder with the run `run` and its package `model.segplan`.
pub(crate) fn packaged() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let run = write_run(&folder.path().join("run"), &plan());
    let path = folder.path().join("model.segplan");
    package(&run.root, &path).unwrap();
    (folder, path)
}

pub(crate) fn package(run: &Path, output: &Path) -> Result<usize, SegmentError> {
    let licence = Licence::Spdx("CC-BY-4.0".to_owned());
    let request = PackageRequest { run, output, configuration: None, folds: &[], licence };
    write_package(&request, &Silent).map(|packaged| packaged.networks)
}

/// Segments an image that cannot be read: a package that is intact fails at that, after all of its entries have been used.
pub(crate) fn use_package(model: &Path) -> Result<Segmented, SegmentError> {
    let folder = model.parent().unwrap();
    let image = folder.join("image.nii");
    fs::write(&image, b"no image").unwrap();
    let request = Request {
        model,
        input: &Input::Files(vec![image]),
        output: &folder.join("out"),
        configuration: None,
        folds: &[],
        settings: &[],
        device: None,
        probabilities: false,
        memory_gib: None,
        overwrite: false,
    };
    segment(&request, &Silent, &AtomicBool::new(false))
}
