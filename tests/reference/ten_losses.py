"""Ten losses of an independent PyTorch implementation of the network, loss and optimiser.

Made with: python tests/reference/ten_losses.py   (Python 3.11, torch 2.15.0, safetensors 0.8.0)

Writes, for each case below, `values/ten_losses_<case>.safetensors` (initial weights; parameter names are those of the program)
and `values/ten_losses.json` (settings, a sample of the first logits, and the loss before each of ten steps of Adam).
The batches are not stored: both sides compute them as in `images` and `labels`.

A voxel close to the kink of a leaky ReLU can change a gradient by more than rounding does; then even two runs of PyTorch
disagree. Each case therefore uses the first seed with stable losses: with weights perturbed by one rounding, no loss changes
by more than half of the tolerance of the tests.
"""

import copy
import itertools
import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

VALUES = Path(__file__).parent / "values"
STEPS, LEARNING_RATE, WEIGHT_DECAY, SMOOTH = 10, 1e-3, 3e-5, 1e-5
LOGIT_STRIDE = 97
STABILITY = 5e-5

CASES = {
    "3d_sample": dict(patch=[8, 16, 16], pools=[2, 2, 2], features=[4, 8, 16], channels=1, classes=3, batch=2, dice="sample"),
    "2d_batch": dict(patch=[1, 32, 16], pools=[0, 3, 2], features=[4, 8, 16, 16], channels=2, classes=4, batch=3, dice="batch"),
    "anisotropic": dict(patch=[4, 32, 32], pools=[1, 2, 3], features=[3, 5, 7, 7], channels=1, classes=2, batch=2, dice="batch"),
}


class Block(nn.Module):
    def __init__(self, inputs, outputs, kernel):
        super().__init__()
        self.conv = nn.Conv3d(inputs, outputs, kernel, padding=[k // 2 for k in kernel])
        self.norm = nn.InstanceNorm3d(outputs, eps=1e-5, affine=True)

    def forward(self, x):
        return F.leaky_relu(self.norm(self.conv(x)), 0.01)


class UNet(nn.Module):
    def __init__(self, case):
        super().__init__()
        f, most = case["features"], max(case["pools"])
        kernel = [1, 3, 3] if case["patch"][0] == 1 else [3, 3, 3]
        self.pools = [[2 if n + step >= most else 1 for n in case["pools"]] for step in range(most)]
        blocks = lambda i, o: nn.Sequential(Block(i, o, kernel), Block(o, o, kernel))
        self.encoder = nn.ModuleList(blocks(case["channels"] if l == 0 else f[l - 1], f[l]) for l in range(most + 1))
        self.upsample = nn.ModuleList(nn.ConvTranspose3d(f[l + 1], f[l], k, k, bias=False) for l, k in enumerate(self.pools))
        self.decoder = nn.ModuleList(blocks(2 * f[l], f[l]) for l in range(most))
        self.head = nn.Conv3d(f[0], case["classes"], 1, bias=False)
        for name, p in self.named_parameters():
            if p.ndim == 5:
                nn.init.kaiming_normal_(p, a=0.01)
            else:
                # Not 0 and 1, so that a swapped or missing parameter is detected.
                nn.init.normal_(p, 1.0 if "norm.weight" in name else 0.0, 0.1)

    def forward(self, x):
        skips = []
        for level, pool in enumerate(self.pools):
            skips.append(self.encoder[level](x))
            x = F.max_pool3d(skips[-1], pool, pool)
        x = self.encoder[-1](x)
        for level in reversed(range(len(self.pools))):
            x = self.decoder[level](torch.cat([self.upsample[level](x), skips[level]], 1))
        return self.head(x)


def dice_ce(logits, labels, dice):
    u = logits.softmax(1)
    v = F.one_hot(labels, logits.shape[1]).movedim(-1, 1).to(u.dtype)
    axes = (2, 3, 4) if dice == "sample" else (0, 2, 3, 4)
    score = (2 * (u * v).sum(axes) + SMOOTH) / (u.sum(axes) + v.sum(axes) + SMOOTH)
    return F.cross_entropy(logits, labels) - score[..., 1:].mean()


def images(case, step):
    shape = [case["batch"], case["channels"], *case["patch"]]
    index = torch.arange(math.prod(shape), dtype=torch.float64)
    return torch.sin(0.37 * index + step).float().reshape(shape)


def labels(case, step):
    shape = [case["batch"], *case["patch"]]
    index = torch.arange(math.prod(shape))
    return ((index // 5 + index // 64 + step) % case["classes"]).reshape(shape)


def train(net, case):
    adam = torch.optim.Adam(net.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY, amsgrad=True)
    losses = []
    for step in range(STEPS):
        adam.zero_grad()
        loss = dice_ce(net(images(case, step)), labels(case, step), case["dice"])
        loss.backward()
        adam.step()
        losses.append(loss.item())
    return losses


def perturb(net, seed):
    """A copy of the network with weights perturbed in the last digits."""
    generator = torch.Generator().manual_seed(seed)
    net = copy.deepcopy(net)
    with torch.no_grad():
        for p in net.parameters():
            p.mul_(1 + 1e-7 * torch.randn(p.shape, generator=generator))
    return net


def find_stable(case):
    """The first network with stable losses, and these losses."""
    for seed in itertools.count():
        torch.manual_seed(seed)
        net = UNet(case)
        losses = train(copy.deepcopy(net), case)
        others = (train(perturb(net, trial), case) for trial in range(1, 21))
        if all(abs(a / b - 1) < STABILITY for other in others for a, b in zip(other, losses)):
            return net, losses


def main():
    VALUES.mkdir(exist_ok=True)
    torch.use_deterministic_algorithms(True)
    report = {}
    for name, case in CASES.items():
        net, losses = find_stable(case)
        tensors = {key: value.detach().clone() for key, value in net.named_parameters()}
        with torch.no_grad():
            sample = net(images(case, 0)).flatten()[::LOGIT_STRIDE].clone()
        save_file(tensors, VALUES / f"ten_losses_{name}.safetensors")
        parameters = sum(p.numel() for p in net.parameters())
        report[name] = dict(case, parameters=parameters, losses=losses, logits=sample.tolist())
    constants = dict(learning_rate=LEARNING_RATE, weight_decay=WEIGHT_DECAY, dice_smooth=SMOOTH, logit_stride=LOGIT_STRIDE)
    text = json.dumps(dict(constants, cases=report), indent=1)
    (VALUES / "ten_losses.json").write_text(text + "\n")


main()
