"""Tensors of nnU-Net checkpoints as PyTorch reads them (torch 2.8.0, nnunetv2 2.8.1).

python tests/reference/nnunet_checkpoint.py
    writes values/nnunet/checkpoint.json: names, shapes and sums of the weights in ../golden/nnunet-model-plain/fold_0.

python tests/reference/nnunet_checkpoint.py EXPECTED.pth WRITTEN.pth
    compares a checkpoint that segplan wrote with nnU-Net's: names, values, and which names share a storage.
"""
import json
import pathlib
import sys

import torch

FOLDER = pathlib.Path(__file__).parent
CHECKPOINT = FOLDER.parent / "golden/nnunet-model-plain/fold_0/checkpoint_final.pth"


def load(path):
    return torch.load(path, map_location="cpu", weights_only=False)


def storages(weights):
    """Names by storage."""
    shared = {}
    for name, tensor in weights.items():
        shared.setdefault(tensor.untyped_storage().data_ptr(), set()).add(name)
    return sorted(map(sorted, shared.values()))


if len(sys.argv) == 3:
    expected, written = map(load, sys.argv[1:])
    for key in ("trainer_name", "inference_allowed_mirroring_axes"):
        assert expected[key] == written[key], (key, expected[key], written[key])
    for key in ("configuration", "fold"):
        assert expected["init_args"][key] == written["init_args"][key], key
    expected, written = expected["network_weights"], written["network_weights"]
    assert expected.keys() == written.keys(), expected.keys() ^ written.keys()
    assert all(torch.equal(tensor, written[name]) for name, tensor in expected.items())
    assert storages(expected) == storages(written)
    print(f"{len(written)} names of {len(storages(written))} tensors are equal")
else:
    weights = load(CHECKPOINT)["network_weights"]
    values = {
        name: {"shape": list(tensor.shape), "sum": tensor.double().sum().item()} for name, tensor in weights.items()
    }
    (FOLDER / "values/nnunet/checkpoint.json").write_text(json.dumps(values, indent=1) + "\n")
