"""Dice plus cross-entropy and its gradient, in PyTorch, in double precision.

Made with: python tests/reference/dice_ce.py   (Python 3.11, torch 2.15.0)

Writes `values/dice_ce.json`: for both Dice scopes, with and without background, the loss and the gradient of every logit. The
logits are `3 sin(0.7 i + 0.3)` at element i of [2, 3, 2, 3, 4], the labels `(i // 3) % 3`; sample 1 has no label 2.
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F

SHAPE, SMOOTH = [2, 3, 2, 3, 4], 1e-5

index = torch.arange(math.prod(SHAPE), dtype=torch.float64)
voxels = torch.arange(2 * 2 * 3 * 4)
labels = (voxels // 3 % 3).reshape(2, 2, 3, 4)
labels[1][labels[1] == 2] = 0

values = []
for scope, axes in [("sample", (2, 3, 4)), ("batch", (0, 2, 3, 4))]:
    for background in [False, True]:
        logits = (3 * torch.sin(0.7 * index + 0.3)).reshape(SHAPE).requires_grad_()
        u = logits.softmax(1)
        v = F.one_hot(labels, 3).movedim(-1, 1)
        dice = (2 * (u * v).sum(axes) + SMOOTH) / (u.sum(axes) + v.sum(axes) + SMOOTH)
        loss = F.cross_entropy(logits, labels) - dice[..., 0 if background else 1 :].mean()
        loss.backward()
        gradient = [round(g, 9) for g in logits.grad.flatten().tolist()]
        values.append(dict(scope=scope, background=background, loss=loss.item(), gradient=gradient))
(Path(__file__).parent / "values" / "dice_ce.json").write_text(json.dumps(values) + "\n")
