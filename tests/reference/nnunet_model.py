"""Two tiny models trained by nnU-Net v2, with every intermediate array of its prediction for one case.

Made with: python tests/reference/nnunet_model.py
(Python 3.11, nnunetv2 2.8.1, torch 2.8.0, dynamic-network-architectures 0.4.4, numpy 2.4.6, SimpleITK 2.5.7, safetensors 0.8.0)

Writes `tests/golden/nnunet-model-plain/` (3D, thick slices along the last axis, CT and a z-score within a mask, two folds) and
`tests/golden/nnunet-model-resenc/` (2D, residual encoder, regions). The images are phantoms drawn here. Fingerprint, plans, data set
description and checkpoints are nnU-Net's own, in the layout of its results folder; planner and trainer are its classes with smaller
constants. Two things are done to its checkpoints afterwards: `optimizer_state`, which would double the size, is left out, and the
file is written again by `torch.save`.

    plans.json, dataset.json, dataset_fingerprint.json
    fold_K/checkpoint_final.pth
    input/phantom_CCCC.nii.gz         one file per channel
    phantom.nii.gz                    the segmentation that nnU-Net writes
    phantom_properties.json           spacing, crop and shapes, as nnU-Net's preprocessor reports them
    golden.safetensors

| array of golden.safetensors | content |
|---|---|
| preprocessed, mask | network input; 0 inside the nonzero mask, -1 outside |
| forward_input, forward_head_i | one patch of sin(0.37 i), through the first fold; head 0 is the finest |
| logits_first_fold_plain_tiles | without Gaussian weights and without mirroring |
| logits_first_fold, logits | with both; of the first fold, and the mean over the folds; fp16 values |
| probabilities, segmentation | on the grid of the image |

Training draws from generators with fixed seeds, but its last digits depend on the machine: another run gives other weights, and
all arrays then change together.
"""

import json
import math
import os
import random
import shutil
import tempfile
from pathlib import Path

os.environ.update(nnUNet_compile="f", nnUNet_n_proc_DA="1", nnUNet_def_n_proc="1")
for folder in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
    os.environ.setdefault(folder, os.path.join(tempfile.mkdtemp(), folder))

import nnunetv2.training.nnUNetTrainer.nnUNetTrainer as trainer_module
import numpy as np
import SimpleITK
import torch
from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner
from nnunetv2.experiment_planning.experiment_planners.residual_unets.residual_encoder_unet_planners import ResEncUNetPlanner
from nnunetv2.experiment_planning.plan_and_preprocess_api import extract_fingerprint_dataset, plan_experiment_dataset
from nnunetv2.experiment_planning.plan_and_preprocess_api import preprocess_dataset
from nnunetv2.inference.export_prediction import convert_predicted_logits_to_segmentation_with_correct_shape
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from safetensors.torch import save_file

GOLDEN = Path(__file__).parents[1] / "golden"
TRAINING_CASES, EPOCHS, STEPS = 12, 8, 40


class TinyPlanner(ExperimentPlanner):
    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.UNet_base_num_features, self.UNet_max_features_3d, self.UNet_max_features_2d = 4, 8, 8
        self.UNet_reference_val_3d = 5.0e4


class TinyResEncPlanner(ResEncUNetPlanner):
    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.UNet_base_num_features, self.UNet_max_features_3d, self.UNet_max_features_2d = 4, 8, 8
        self.UNet_reference_val_2d = 6.0e4
        self.UNet_blocks_per_stage_encoder = (1, 2, 2, 2, 2)


MODELS = {
    "plain": dict(
        planner=TinyPlanner, plans="nnUNetPlans", configuration="3d_fullres", folds=[0, 1], channels=["CT", "MRI"],
        labels=dict(background=0, organ=1, lesion=2), shape=(20, 20, 7), spacing=(1.0, 1.05, 4.2), body=0.44,
    ),
    "resenc": dict(
        planner=TinyResEncPlanner, plans="nnUNetResEncUNetPlans", configuration="2d", folds=[0], channels=["MRI"],
        labels=dict(background=0, whole=[1, 2], core=2), regions_class_order=[1, 2], shape=(3, 23, 22), spacing=(5.0, 1.0, 1.1),
        body=0.48,
    ),
}


def phantom(model, generator):
    """Channels and labels of a body with an organ and a lesion in it, nothing around it; axes z, y, x."""
    shape = np.array(model["shape"]) + generator.integers(-1, 2, 3) * (np.array(model["shape"]) > 10)
    grid = np.indices(shape).astype(float) + 0.5
    middle = shape / 2 + generator.uniform(-0.4, 0.4, 3)
    ball = lambda centre, radii: (((grid.T - centre) / radii) ** 2).sum(-1).T < 1
    body = ball(middle, np.maximum(model["body"] * shape, 2.5))
    organ = body & ball(middle + generator.uniform(-1, 1, 3), shape * generator.uniform(0.24, 0.32, 3) + 0.5)
    lesion = organ & ball(middle + generator.uniform(-1, 1, 3), shape * generator.uniform(0.12, 0.18, 3) + 0.5)
    bright = [(120, 80, 40), (200, 30, 90)]  # body, organ above it, lesion above the organ; per channel
    channels = []
    for levels, _ in zip(bright, model["channels"]):
        noise = generator.normal(0, 15, shape)
        image = np.rint(levels[0] + levels[1] * organ + levels[2] * lesion + noise).clip(1)
        channels.append(np.where(body, image, 0).astype(np.int16))
    return channels, (organ.astype(np.uint8) + lesion).astype(np.uint8)


def write(array, spacing, direction, path):
    image = SimpleITK.GetImageFromArray(array)
    image.SetSpacing([float(s) for s in spacing[::-1]])
    image.SetOrigin((-11.0, 7.0, 3.0))
    image.SetDirection(direction)
    SimpleITK.WriteImage(image, str(path), useCompression=True)


def write_dataset(model, name):
    raw = Path(os.environ["nnUNet_raw"]) / name
    for folder in ("imagesTr", "labelsTr", "imagesTs"):
        (raw / folder).mkdir(parents=True)
    generator = np.random.default_rng(0)
    straight = np.eye(3).ravel().tolist()
    angle = math.radians(12)
    oblique = [math.cos(angle), -math.sin(angle), 0, math.sin(angle), math.cos(angle), 0, 0, 0, 1]
    for case in range(TRAINING_CASES + 1):
        last = case == TRAINING_CASES
        channels, labels = phantom(model, generator)
        spacing = np.array(model["spacing"]) * generator.uniform(0.92, 1.08, 3).round(3)
        stem, images = ("phantom", "imagesTs") if last else (f"phantom_{case:03}", "imagesTr")
        for channel, array in enumerate(channels):
            write(array, spacing, oblique if last else straight, raw / images / f"{stem}_{channel:04}.nii.gz")
        if not last:
            write(labels, spacing, straight, raw / "labelsTr" / f"{stem}.nii.gz")
    dataset = dict(
        channel_names={str(channel): text for channel, text in enumerate(model["channels"])}, labels=model["labels"],
        numTraining=TRAINING_CASES, file_ending=".nii.gz",
    )
    if "regions_class_order" in model:
        dataset["regions_class_order"] = model["regions_class_order"]
    (raw / "dataset.json").write_text(json.dumps(dataset, indent=1))
    return raw


def train(model, name):
    """Trains all folds; returns nnU-Net's results folder."""
    identifier = int(name[7:10])
    extract_fingerprint_dataset(identifier, num_processes=1)
    plan_experiment_dataset(identifier, model["planner"], 8, overwrite_plans_name=model["plans"])
    preprocess_dataset(identifier, model["plans"], [model["configuration"]], [1])
    prepared = Path(os.environ["nnUNet_preprocessed"]) / name
    trainer_module.get_allowed_n_proc_DA = lambda: 0  # Augment in this process.
    for fold in model["folds"]:
        random.seed(fold)
        np.random.seed(fold)
        torch.manual_seed(fold)
        plans = json.loads((prepared / f"{model['plans']}.json").read_text())
        dataset = json.loads((prepared / "dataset.json").read_text())
        trainer = trainer_module.nnUNetTrainer(
            {**plans, "continue_training": False}, model["configuration"], fold, dataset, torch.device("cpu")
        )
        trainer.num_epochs, trainer.num_iterations_per_epoch, trainer.num_val_iterations_per_epoch = EPOCHS, STEPS, 4
        trainer.run_training()
    return Path(trainer.output_folder_base)


def collect(model, raw, results, folder):
    """Copies what a prediction needs into the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(raw / "imagesTs", folder / "input")
    for file in ("plans.json", "dataset.json", "dataset_fingerprint.json"):
        shutil.copy(results / file, folder / file)
    for fold in model["folds"]:
        (folder / f"fold_{fold}").mkdir()
        checkpoint = torch.load(results / f"fold_{fold}/checkpoint_final.pth", weights_only=False)
        del checkpoint["optimizer_state"]
        torch.save(checkpoint, folder / f"fold_{fold}/checkpoint_final.pth")


def predictor(folder, folds, plain=False):
    made = nnUNetPredictor(use_gaussian=not plain, use_mirroring=not plain, device=torch.device("cpu"), allow_tqdm=False)
    made.initialize_from_trained_model_folder(str(folder), folds)
    return made


def forward(folder, patch, channels):
    """One patch through the first fold, with all heads."""
    network = predictor(folder, (0,)).network
    checkpoint = torch.load(folder / "fold_0/checkpoint_final.pth", weights_only=False)
    network.load_state_dict(checkpoint["network_weights"])
    network.decoder.deep_supervision = True
    shape = [1, channels, *patch]
    wave = torch.sin(0.37 * torch.arange(math.prod(shape), dtype=torch.float64)).float().reshape(shape)
    with torch.no_grad():
        heads = network.eval()(wave)
    return dict(forward_input=wave, **{f"forward_head_{i}": head for i, head in enumerate(heads)})


def predict(model, folder):
    """All arrays of the table above, and the files that nnU-Net writes."""
    full = predictor(folder, tuple(model["folds"]))
    plans, configuration = full.plans_manager, full.configuration_manager
    files = sorted(str(file) for file in (folder / "input").iterdir())
    preprocessor = configuration.preprocessor_class(verbose=False)
    data, mask, properties = preprocessor.run_case(files, None, plans, configuration, full.dataset_json)
    data = torch.from_numpy(data)
    logits = full.predict_logits_from_preprocessed_data(data)
    segmentation, probabilities = convert_predicted_logits_to_segmentation_with_correct_shape(
        logits.clone(), plans, configuration, full.label_manager, properties, return_probabilities=True
    )
    arrays = dict(
        preprocessed=data,
        mask=torch.from_numpy(mask),
        logits=logits.float(),
        logits_first_fold=predictor(folder, (0,)).predict_logits_from_preprocessed_data(data).float(),
        logits_first_fold_plain_tiles=predictor(folder, (0,), True).predict_logits_from_preprocessed_data(data).float(),
        probabilities=torch.from_numpy(probabilities.astype(np.float32)),
        segmentation=torch.from_numpy(segmentation),
        **forward(folder, configuration.patch_size, len(model["channels"])),
    )
    save_file({key: value.contiguous() for key, value in arrays.items()}, folder / "golden.safetensors")
    plans.image_reader_writer_class().write_seg(segmentation, str(folder / "phantom.nii.gz"), properties)
    kept = ("spacing", "shape_before_cropping", "bbox_used_for_cropping", "shape_after_cropping_and_before_resampling")
    plain = {key: np.array(properties[key]).tolist() for key in kept}
    (folder / "phantom_properties.json").write_text(json.dumps(plain, indent=1) + "\n")
    print(folder.name, {key: list(value.shape) for key, value in arrays.items()}, np.bincount(segmentation.ravel()))
    print(f"patch {configuration.patch_size}, strides {configuration.pool_op_kernel_sizes}", configuration.network_arch_init_kwargs)


def main():
    torch.set_num_threads(1)
    for number, (kind, model) in enumerate(MODELS.items(), 901):
        name = f"Dataset{number}_Phantom{kind.title()}"
        raw = write_dataset(model, name)
        results = train(model, name)
        collect(model, raw, results, GOLDEN / f"nnunet-model-{kind}")
        predict(model, GOLDEN / f"nnunet-model-{kind}")


if __name__ == "__main__":
    main()
