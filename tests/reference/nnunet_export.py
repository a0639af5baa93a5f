"""Predicts with two results folders of nnU-Net, and compares the probabilities (nnunetv2 2.8.1, torch 2.8.0).

segplan import MODEL -o runs/model && segplan export --nnunet-model runs/model -o EXPORTED
python tests/reference/nnunet_export.py MODEL EXPORTED CHANNEL_0.nii.gz [CHANNEL_1.nii.gz ...]
"""
import os
import pathlib
import sys

for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
    os.environ.setdefault(name, "/nonexistent")

import numpy as np
import torch
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor


def predict(folder, images):
    predictor = nnUNetPredictor(perform_everything_on_device=False, device=torch.device("cpu"))
    folds = sorted(int(fold.name.removeprefix("fold_")) for fold in pathlib.Path(folder).glob("fold_*"))
    predictor.initialize_from_trained_model_folder(folder, folds, "checkpoint_final.pth")
    image, properties = SimpleITKIO().read_images(images)
    return predictor.predict_single_npy_array(image, properties, save_or_return_probabilities=True)


expected, found = (predict(folder, sys.argv[3:]) for folder in sys.argv[1:3])
assert (expected[0] == found[0]).all(), f"{(expected[0] != found[0]).sum()} voxels differ"
difference = np.abs(expected[1] - found[1]).max()
assert difference <= 1e-6, difference
print(f"equal labels ({np.bincount(found[0].astype(int).ravel())}), largest difference of a probability {difference}")
