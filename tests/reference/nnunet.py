"""Loads and uses the output of `segplan export --nnunet` with nnU-Net v2 itself.

segplan export --nnunet experiments/hippocampus.toml -o FOLDER
python tests/reference/nnunet.py FOLDER IMAGE.nii.gz LABELS.nii.gz     (nnunetv2 2.8.1, torch 2.15.0)

For each configuration, the preprocessor runs on the case, and the network is built and applied to one patch. Patch size, poolings per
axis and spacing are compared with the exported files, and printed.

The other direction is `values/nnunet/`: plans of nnU-Net v2's own planner for the Decathlon's hippocampus task, by
nnUNetv2_convert_MSD_dataset -i Task04_Hippocampus && nnUNetv2_extract_fingerprint -d 4 && nnUNetv2_plan_experiment -d 4
"""
import json
import os
import sys

for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
    os.environ.setdefault(name, "/nonexistent")

import numpy as np
import torch
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

folder, image, labels = sys.argv[1:]
manager = PlansManager(os.path.join(folder, "nnUNetPlans.json"))
with open(os.path.join(folder, "dataset.json")) as file:
    dataset = json.load(file)
classes = manager.get_label_manager(dataset).num_segmentation_heads

with open(os.path.join(folder, "nnUNetPlans.json")) as file:
    written = json.load(file)["configurations"]


def resolved(name):
    """A configuration with its inherited keys, resolved without nnU-Net's code."""
    entry = written[name]
    return {**resolved(entry["inherits_from"]), **entry} if "inherits_from" in entry else entry


for name in manager.available_configurations:
    configuration = manager.get_configuration(name)
    preprocessor = configuration.preprocessor_class(verbose=False)
    data, segmentation, _ = preprocessor.run_case([image], labels, manager, configuration, dataset)
    assert data.shape[1:] == segmentation.shape[1:], (data.shape, segmentation.shape)
    assert np.isfinite(data).all()

    network = get_network_from_plans(
        configuration.network_arch_class_name,
        configuration.network_arch_init_kwargs,
        configuration.network_arch_init_kwargs_req_import,
        len(dataset["channel_names"]),
        classes,
        deep_supervision=False,
    )
    patch = tuple(configuration.patch_size)
    with torch.no_grad():
        logits = network(torch.zeros(1, len(dataset["channel_names"]), *patch))
    assert logits.shape == (1, classes, *patch), logits.shape
    pools = np.log2(np.prod(configuration.pool_op_kernel_sizes, axis=0)).astype(int)
    expected = resolved(name)
    strides = expected["architecture"]["arch_kwargs"]["strides"]
    assert list(patch) == expected["patch_size"]
    assert list(configuration.spacing) == expected["spacing"]
    assert [2**int(pool) for pool in pools] == np.prod(strides, axis=0).tolist()
    print(
        f"{name}: patch {list(patch)}, pools {pools.tolist()}, spacing {configuration.spacing}, "
        f"batch {configuration.batch_size}, {type(network).__name__}, prepared {list(data.shape)}"
    )
