"""Ten losses of nnU-Net v2's own networks, losses and targets, in PyTorch.

Made with: python tests/reference/ten_losses_v2.py
(Python 3.11, torch 2.8.0, nnunetv2 2.8.1, dynamic-network-architectures 0.4.4, batchgeneratorsv2 0.3.6, safetensors 0.8.0)

Writes, for each case below, `values/ten_losses_v2_<case>.safetensors` (initial weights; names are those of the program, and all
weights have three axes, of which z is 1 in 2D) and `values/ten_losses_v2.json`: settings, number of parameters, a sample of the
first logits of every output (finest first), and the loss before each of ten steps:

* `losses`: the output at full resolution only, Adam with AMSGrad;
* `deep_losses`: deep supervision with the weights `deep_weights`, the same Adam;
* `sgd_losses`: deep supervision, v2's optimizer: SGD with Nesterov momentum. The gradient's norm is
  clipped to 0.5 instead of 12, so that most steps are clipped.

The auxiliary head of weight 0 has no gradient, and neither optimizer changes it: weight decay included.
The batches are not stored: both sides compute them as in `images` and `labels`. A case of one slice is a 2D network.
The networks begin with the first seed with stable losses, as in `ten_losses.py`.

`parameter_counts` are the parameters of networks of full size (one channel, three classes); `resenc_m_hippocampus` has the patch
40 x 56 x 40, and thus four stages.
"""

import copy
import itertools
import json
import math
import re
from pathlib import Path

import numpy as np
import torch
from batchgeneratorsv2.transforms.utils.deep_supervision_downsampling import DownsampleSegForDSTransform
from dynamic_network_architectures.architectures.unet import PlainConvUNet, ResidualEncoderUNet
from nnunetv2.training.loss.compound_losses import DC_and_CE_loss
from nnunetv2.training.loss.deep_supervision import DeepSupervisionWrapper
from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss
from safetensors.torch import save_file
from torch import nn

VALUES = Path(__file__).parent / "values"
STEPS, SMOOTH, WEIGHT_DECAY = 10, 1e-5, 3e-5
ADAM = dict(learning_rate=1e-3)
SGD = dict(learning_rate=1e-2, momentum=0.99, gradient_clip=0.5)
LOGIT_STRIDE = 97
STABILITY = 5e-5

# `blocks` counts convolutions of a plain encoder, residual blocks of a residual one. `decoder_convs` is per level.
CASES = {
    "plain": dict(
        kind="plain", patch=[8, 16, 16], strides=[[1, 1, 1], [1, 2, 2], [2, 2, 2], [2, 2, 2]],
        kernels=[[1, 3, 3], [3, 3, 3], [3, 3, 3], [3, 3, 3]], blocks=[2, 2, 2, 2], decoder_convs=2,
        features=[3, 5, 7, 7], channels=1, classes=3, batch=2, dice="sample",
    ),
    "residual": dict(
        kind="residual", patch=[4, 16, 16], strides=[[1, 1, 1], [1, 2, 2], [2, 1, 2], [2, 2, 2]],
        kernels=[[1, 3, 3], [3, 3, 3], [3, 3, 3], [3, 3, 3]], blocks=[1, 2, 2, 2], decoder_convs=1,
        features=[3, 5, 6, 6], channels=2, classes=3, batch=2, dice="batch",
    ),
    "plain_2d": dict(
        kind="plain", patch=[1, 32, 24], strides=[[1, 1, 1], [1, 2, 2], [1, 2, 1], [1, 2, 2]],
        kernels=[[1, 3, 1], [1, 3, 3], [1, 3, 3], [1, 3, 3]], blocks=[2, 2, 2, 2], decoder_convs=2,
        features=[4, 8, 8, 8], channels=2, classes=4, batch=3, dice="batch",
    ),
    "residual_2d": dict(
        kind="residual", patch=[1, 24, 32], strides=[[1, 1, 1], [1, 2, 2], [1, 2, 2], [1, 1, 2]],
        kernels=[[1, 3, 3], [1, 3, 3], [1, 3, 3], [1, 3, 3]], blocks=[1, 3, 2, 2], decoder_convs=1,
        features=[4, 6, 8, 8], channels=1, classes=2, batch=3, dice="sample",
    ),
}


def build(case, deep_supervision):
    flat = case["patch"][0] == 1
    plain = case["kind"] == "plain"
    axes = [sizes[flat:] for sizes in case["kernels"]], [strides[flat:] for strides in case["strides"]]
    counts = dict(n_conv_per_stage=case["blocks"]) if plain else dict(n_blocks_per_stage=case["blocks"])
    return (PlainConvUNet if plain else ResidualEncoderUNet)(
        case["channels"], len(case["features"]), case["features"], nn.Conv2d if flat else nn.Conv3d, *axes, **counts,
        num_classes=case["classes"], n_conv_per_stage_decoder=case["decoder_convs"], conv_bias=True,
        norm_op=nn.InstanceNorm2d if flat else nn.InstanceNorm3d, norm_op_kwargs=dict(eps=1e-5, affine=True),
        nonlin=nn.LeakyReLU, nonlin_kwargs=dict(inplace=True), deep_supervision=deep_supervision,
    )


def init(case):
    net = build(case, True)
    for name, p in net.named_parameters():
        if p.ndim > 1:
            nn.init.kaiming_normal_(p, a=0.01)
        else:
            # Not 0 and 1, so that a swapped or missing parameter is detected.
            nn.init.normal_(p, 1.0 if "norm.weight" in name or "all_modules.1.weight" in name else 0.0, 0.1)
    return net


def our_name(name, stages):
    """The program's name of a parameter."""
    finest_first = lambda match: str(stages - 2 - int(match))
    rules = [
        (r"encoder\.stages\.(\d+)\.0\.convs\.(\d+)\.", lambda m: f"encoder.{m[1]}.{m[2]}."),
        (r"encoder\.stem\.convs\.0\.", lambda m: "encoder.stem."),
        (r"encoder\.stages\.(\d+)\.blocks\.(\d+)\.(conv\d)\.", lambda m: f"encoder.stages.{m[1]}.{m[2]}.{m[3]}."),
        (r"encoder\.stages\.(\d+)\.blocks\.(\d+)\.skip\.\d\.", lambda m: f"encoder.stages.{m[1]}.{m[2]}.projection."),
        (r"decoder\.stages\.(\d+)\.convs\.(\d+)\.", lambda m: f"decoder.{finest_first(m[1])}.{m[2]}."),
        (r"decoder\.transpconvs\.(\d+)\.", lambda m: f"upsample.{finest_first(m[1])}."),
        (rf"decoder\.seg_layers\.{stages - 2}\.", lambda m: "head."),
        (r"decoder\.seg_layers\.(\d+)\.", lambda m: f"auxiliary_heads.{int(finest_first(m[1])) - 1}."),
    ]
    replace = next(replace for pattern, replace in rules if re.match(pattern, name))
    pattern = next(pattern for pattern, _ in rules if re.match(pattern, name))
    return re.sub(f"^{pattern}", replace, name)


def tensors(net, case):
    """Initial weights by the program's names, in three axes."""
    found = {}
    for name, value in net.state_dict().items():
        if ".all_modules." in name or name.startswith("decoder.encoder."):
            continue  # A second name of the same storage.
        three = value.unsqueeze(2) if value.ndim == 4 else value
        found[our_name(name, len(case["features"]))] = three.clone().contiguous()
    assert sum(v.numel() for v in found.values()) == sum(p.numel() for p in net.parameters())
    return found


def images(case, step):
    shape = [case["batch"], case["channels"], *case["patch"]]
    index = torch.arange(math.prod(shape), dtype=torch.float64)
    return without_slice_axis(torch.sin(0.37 * index + step).float().reshape(shape), case)


def labels(case, step):
    shape = [case["batch"], 1, *case["patch"]]
    index = torch.arange(math.prod(shape))
    return without_slice_axis(((index // 5 + index // 64 + step) % case["classes"]).reshape(shape), case)


def without_slice_axis(batch, case):
    return batch.squeeze(2) if case["patch"][0] == 1 else batch


def deep_scales(case):
    """Scales of the outputs as `_get_deep_supervision_scales` of nnU-Net's trainer."""
    flat = case["patch"][0] == 1
    return list(list(i) for i in 1 / np.cumprod(np.vstack([s[flat:] for s in case["strides"]]), axis=0))[:-1]


def deep_weights(case):
    """Weights of the outputs as `_build_loss` of nnU-Net's trainer."""
    weights = np.array([1 / 2**i for i in range(len(case["features"]) - 1)])
    weights[-1] = 0
    return weights / weights.sum()


def targets(case, step):
    shrink = DownsampleSegForDSTransform(deep_scales(case))
    samples = [shrink(segmentation=sample)["segmentation"] for sample in labels(case, step)]
    return [torch.stack(level) for level in zip(*samples)]


def train(net, case, deep, make_optimizer, clip=None):
    net = copy.deepcopy(net)
    net.decoder.deep_supervision = deep
    dice = dict(batch_dice=case["dice"] == "batch", smooth=SMOOTH, do_bg=False, ddp=False)
    loss_of = DC_and_CE_loss(dice, {}, dice_class=MemoryEfficientSoftDiceLoss)
    loss_of_all = DeepSupervisionWrapper(loss_of, deep_weights(case))
    optimizer = make_optimizer(net.parameters())
    losses = []
    for step in range(STEPS):
        optimizer.zero_grad()
        logits = net(images(case, step))
        loss = loss_of_all(logits, targets(case, step)) if deep else loss_of(logits, labels(case, step))
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(net.parameters(), clip)
        optimizer.step()
        losses.append(loss.item())
    return losses


def all_losses(net, case):
    adam = lambda parameters: torch.optim.Adam(parameters, ADAM["learning_rate"], weight_decay=WEIGHT_DECAY, amsgrad=True)
    sgd = lambda parameters: torch.optim.SGD(
        parameters, SGD["learning_rate"], momentum=SGD["momentum"], nesterov=True, weight_decay=WEIGHT_DECAY
    )
    return dict(
        losses=train(net, case, False, adam),
        deep_losses=train(net, case, True, adam),
        sgd_losses=train(net, case, True, sgd, SGD["gradient_clip"]),
    )


def perturb(net, seed):
    """A copy of the network with weights perturbed in the last digits."""
    generator = torch.Generator().manual_seed(seed)
    net = copy.deepcopy(net)
    with torch.no_grad():
        for p in net.parameters():
            p.mul_(1 + 1e-7 * torch.randn(p.shape, generator=generator))
    return net


def are_close(found, expected):
    pairs = ((a, b) for key in expected for a, b in zip(found[key], expected[key]))
    return all(abs(a / b - 1) < STABILITY for a, b in pairs)


def find_stable(name, case):
    """The first network with stable losses, and these losses."""
    for seed in itertools.count():
        torch.manual_seed(seed)
        net = init(case)
        losses = all_losses(net, case)
        if all(are_close(all_losses(perturb(net, trial), case), losses) for trial in range(1, 21)):
            print(f"{name}: seed {seed}", flush=True)
            return net, losses


def parameter_counts():
    """Parameters of networks as nnU-Net plans them by default, counted without their weights."""
    edges = lambda kernel, stages, flat: [[1 if flat else kernel, kernel, kernel]] * stages
    counts = {}
    for name, kind, stages, flat in [
        ("plain_3d_6_stages", "plain", 6, False), ("residual_3d_6_stages", "residual", 6, False),
        ("plain_2d_8_stages", "plain", 8, True), ("residual_2d_8_stages", "residual", 8, True),
        ("plain_hippocampus", "plain", 4, False), ("resenc_m_hippocampus", "residual", 4, False),
    ]:
        case = dict(
            kind=kind, patch=[1 if flat else 128, 128, 128], kernels=edges(3, stages, flat),
            strides=[[1, 1, 1]] + edges(2, stages - 1, flat), channels=1, classes=3,
            blocks=[2] * stages if kind == "plain" else [1, 3, 4, 6, 6, 6, 6, 6][:stages],
            decoder_convs=2 if kind == "plain" else 1, features=[min(32 * 2**s, 512 if flat else 320) for s in range(stages)],
        )
        with torch.device("meta"):
            counts[name] = sum(p.numel() for p in build(case, True).parameters())
    return counts


def main():
    VALUES.mkdir(exist_ok=True)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    report = {}
    for name, case in CASES.items():
        net, losses = find_stable(name, case)
        with torch.no_grad():
            logits = [output.flatten()[::LOGIT_STRIDE].tolist() for output in net(images(case, 0))]
        save_file(tensors(net, case), VALUES / f"ten_losses_v2_{name}.safetensors")
        parameters = sum(p.numel() for p in net.parameters())
        report[name] = dict(case, parameters=parameters, deep_weights=deep_weights(case).tolist(), **losses, logits=logits)
    constants = dict(weight_decay=WEIGHT_DECAY, dice_smooth=SMOOTH, logit_stride=LOGIT_STRIDE, adam=ADAM, sgd=SGD)
    text = json.dumps(dict(constants, parameter_counts=parameter_counts(), cases=report), indent=1)
    # Short lists on one line each.
    text = re.sub(r"\[\s*([^\[\]{}]*?)\s*\]", lambda m: "[" + re.sub(r"\s+", " ", m[1]) + "]", text)
    (VALUES / "ten_losses_v2.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
