//! A model that nnU-Net trained, imported, exported and damaged.

use std::fs;
use std::path::{Path, PathBuf};

use rand::SeedableRng as _;

use super::*;
use crate::network::testing::cpu;
use crate::network::{PlannedNetwork, weights};
use crate::nnunet::archive::ArchiveWriter;
use crate::nnunet::checkpoint::Checkpoint;
use crate::plan::edit::resolved_text;
use crate::plan::read::load_resolved;
use crate::plan::schema::{ConfigurationName, PostprocessRule};
use crate::random::Rng;
use crate::run::folder::RunFolder;
use crate::run::{Listener, NetworkId, NetworkState};
use crate::store::tensors::TensorFile;

/// The files of the model that an import reads.
const FILES: [&str; 4] = ["plans.json", "dataset.json", "fold_0/checkpoint_final.pth", "fold_1/checkpoint_final.pth"];

struct Silent;

impl Listener for Silent {}

/// A copy of a 3D model of two folds that nnU-Net 2.8.1 trained, in a folder for runs.
struct Workplace {
    folder: tempfile::TempDir,
}

impl Workplace {
    fn new() -> Self {
        let workplace = Self { folder: tempfile::tempdir().unwrap() };
        let trained = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/nnunet-model-plain");
        for fold in ["fold_0", "fold_1"] {
            fs::create_dir_all(workplace.model().join(fold)).unwrap();
        }
        for file in FILES {
            fs::copy(trained.join(file), workplace.model().join(file)).unwrap();
        }
        workplace
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn model(&self) -> PathBuf {
        self.path("results/nnUNetTrainer__nnUNetPlans__3d_fullres")
    }

    /// Replaces a text in a file of the model.
    fn replace(&self, file: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.model().join(file)).unwrap();
        assert!(text.contains(old), "{old}");
        fs::write(self.model().join(file), text.replace(old, new)).unwrap();
    }

    fn import_from(&self, model: &Path) -> Result<ImportedModel, String> {
        let run = self.path("runs/imported");
        let request = ModelImport { model, run: &run, checkpoint: FINAL_CHECKPOINT };
        import_model(&request, &Silent).map_err(|error| error.to_string())
    }

    /// Why the model is not imported, without its path. Nothing remains of the run.
    fn refusal(&self) -> String {
        let reason = self.import_from(&self.model()).expect_err("refused");
        assert!(!self.path("runs/imported").exists());
        let path = self.model().display().to_string();
        reason.replace(&format!("{path}/"), "").replace(&path, "MODEL")
    }
}

#[test]
fn an_imported_model_is_exported_with_the_same_weights() {
    let workplace = Workplace::new();
    let imported = workplace.import_from(&workplace.path("results")).unwrap();
    let networks: Vec<String> = imported.networks.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["3d_fullres fold 0 seed 12345", "3d_fullres fold 1 seed 12345"]);
    let run = RunFolder { root: workplace.path("runs/imported") };
    let plan = load_resolved(&run.resolved_plan()).unwrap().plan;
    assert_eq!((plan.name.as_str(), plan.predict.mirror_axes.as_slice()), ("imported", &[0, 1, 2][..]));
    assert_eq!(plan.postprocess.rule, PostprocessRule::None);
    assert_eq!(plan.configurations.keys().copied().collect::<Vec<_>>(), [ConfigurationName::FullRes]);

    let model = export_model(&ModelExport { run: &run.root, configuration: None }).unwrap();
    let folder = workplace.path("exported");
    model.write(&folder, &Silent).unwrap();
    assert!(model.names().iter().all(|name| folder.join(name).is_file()));
    let read = |folder: &Path| Checkpoint::read(&folder.join("fold_1/checkpoint_final.pth")).unwrap();
    assert_eq!(read(&folder), read(&workplace.model()));
    let exists = workplace.import_from(&folder).unwrap_err();
    assert!(exists.ends_with("exists; choose another folder, or delete this one"), "{exists}");
}

#[test]
fn models_that_do_not_fit_are_refused_by_name() {
    let workplace = Workplace::new();
    workplace.replace("dataset.json", "\"lesion\": 2", "\"lesion\": 2, \"vessel\": 3");
    assert_eq!(
        workplace.refusal(),
        "`fold_0/checkpoint_final.pth` does not fit its plans.json: tensor `decoder.seg_layers.0.bias` has shape [3]; expected [4]"
    );
    let workplace = Workplace::new();
    workplace.replace("plans.json", "\"ZScoreNormalization\"", "\"OtherNormalization\"");
    let start = "`MODEL` cannot be imported, because predictions would differ:\n  `3d_fullres`: normalisation of channel 1: `OtherNormalization`";
    assert!(workplace.refusal().starts_with(start), "{}", workplace.refusal());
    let workplace = Workplace::new();
    workplace.replace("plans.json", "architectures.unet.PlainConvUNet", "architectures.primus.Primus");
    assert!(
        workplace
            .refusal()
            .contains("left out: its network is `dynamic_network_architectures.architectures.primus.Primus`")
    );
}

#[test]
fn folds_without_a_checkpoint_are_noted_or_refused() {
    let workplace = Workplace::new();
    fs::create_dir(workplace.model().join("fold_2")).unwrap();
    fs::create_dir(workplace.model().join("fold_all")).unwrap();
    let notes = workplace.import_from(&workplace.model()).unwrap().notes;
    assert!(
        notes.iter().any(|note| note.ends_with("`fold_2` has no `checkpoint_final.pth`, and is left out")),
        "{notes:?}"
    );
    assert!(notes.iter().any(|note| note.contains("`fold_all` is left out")), "{notes:?}");

    let workplace = Workplace::new();
    for fold in ["fold_0", "fold_1"] {
        fs::remove_dir_all(workplace.model().join(fold)).unwrap();
    }
    fs::create_dir(workplace.model().join("fold_all")).unwrap();
    assert!(workplace.refusal().starts_with("`MODEL` has only `fold_all`"), "{}", workplace.refusal());
}

#[test]
fn an_archive_is_unpacked_only_into_its_own_folder() {
    let workplace = Workplace::new();
    let root = "Dataset001_Phantom/nnUNetTrainer__nnUNetPlans__3d_fullres";
    let archive = |others: &[(&str, &[u8])]| {
        let mut archive = ArchiveWriter::new(Vec::new());
        for file in FILES {
            archive.add(&format!("{root}/{file}"), &fs::read(workplace.model().join(file)).unwrap()).unwrap();
        }
        for (name, bytes) in others {
            archive.add(name, bytes).unwrap();
        }
        let path = workplace.path("model.zip");
        fs::write(&path, archive.finish().unwrap()).unwrap();
        path
    };
    for outside in ["../plans.json", "/tmp/plans.json", "a/../../dataset.json", "C:\\plans.json"] {
        let reason = workplace.import_from(&archive(&[(outside, b"{}")])).unwrap_err();
        assert!(reason.ends_with(&format!("entry `{outside}` leads out of the archive")), "{reason}");
    }
    assert_eq!(workplace.import_from(&archive(&[("readme.txt", b"hello")])).unwrap().networks.len(), 2);
    let left: Vec<_> = fs::read_dir(workplace.path("runs")).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["imported"]);
}

#[test]
fn a_run_that_nnunet_cannot_represent_is_refused_with_every_reason() {
    let workplace = Workplace::new();
    workplace.import_from(&workplace.model()).unwrap();
    let run = RunFolder { root: workplace.path("runs/imported") };
    let text = fs::read_to_string(run.resolved_plan()).unwrap();
    let text = text.replace("\"strided_convolution\"", "\"max_pool\"").replace("\"logits\"", "\"probabilities\"");
    fs::write(run.resolved_plan(), text).unwrap();
    let reason = export_model(&ModelExport { run: &run.root, configuration: None }).unwrap_err().to_string();
    assert!(reason.contains("`network.downsampling` = \"max_pool\""), "{reason}");
    assert!(reason.contains("`predict.average` = \"probabilities\""), "{reason}");
}

/// nnU-Net has no small model of a cascade: the networks are random.
#[test]
fn both_stages_of_a_cascade_are_exported_and_imported_together() {
    let workplace = Workplace::new();
    workplace.import_from(&workplace.model()).unwrap();
    let imported = RunFolder { root: workplace.path("runs/imported") };
    let mut plan = load_resolved(&imported.resolved_plan()).unwrap().plan;
    fs::remove_dir_all(&imported.root).unwrap();
    let full = plan.configurations[&ConfigurationName::FullRes].clone();
    plan.configurations =
        [ConfigurationName::LowRes, ConfigurationName::Cascade].map(|name| (name, full.clone())).into();
    plan.run.configurations = plan.configurations.keys().copied().collect();
    let run = RunFolder { root: workplace.path("runs/cascade") };
    let device = cpu();
    for (&configuration, seed) in plan.configurations.keys().zip(1..) {
        let fold = run.network(NetworkId { configuration, seed: plan.run.seeds[0], fold: 0 });
        let network = PlannedNetwork::new(&plan, configuration).init(&mut Rng::seed_from_u64(seed), &device);
        weights::save(&network, &fold.weights()).unwrap();
        NetworkState { trained: Some(String::new()), ..NetworkState::default() }.write(&fold).unwrap();
    }
    fs::write(run.resolved_plan(), resolved_text(&plan)).unwrap();
    for name in plan.configurations.keys() {
        let model = export_model(&ModelExport { run: &run.root, configuration: Some(*name) }).unwrap();
        model.write(&workplace.path(&format!("cascade/{name}")), &Silent).unwrap();
    }
    let second = workplace.import_from(&workplace.path("cascade/3d_cascade")).unwrap_err();
    assert!(second.contains("is the second stage of a cascade"), "{second}");
    assert_eq!(workplace.import_from(&workplace.path("cascade")).unwrap().networks.len(), 2);
    for &configuration in plan.configurations.keys() {
        let read = |run: &RunFolder| {
            let fold = run.network(NetworkId { configuration, seed: plan.run.seeds[0], fold: 0 });
            weights::read("", &TensorFile::open(&fold.weights()).unwrap()).unwrap()
        };
        assert_eq!(read(&imported), read(&run), "{configuration}");
    }
}
