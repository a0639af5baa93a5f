"""Adam with AMSGrad and the L2 term, in PyTorch.

Made with: python tests/reference/adam.py   (Python 3.11, torch 2.15.0)

Writes `values/adam.json`: five weights over 30 steps. The gradient of weight j at step t (from 0) is
`0.8^t sin(t + j) + 0.01 j`: it shrinks, so that AMSGrad's maximum holds from the first steps on. The learning rate is divided by
5 at step 20.
"""

import json
import math
from pathlib import Path

import torch

values = []
for amsgrad, weight_decay in [(True, 0.03), (False, 0.0)]:
    w = torch.tensor([0.5, -0.25, 0.0, 1.0, -2.0], requires_grad=True)
    adam = torch.optim.Adam([w], 1e-2, betas=(0.9, 0.999), eps=1e-8, weight_decay=weight_decay, amsgrad=amsgrad)
    path = []
    for t in range(30):
        adam.param_groups[0]["lr"] = 1e-2 if t < 20 else 2e-3
        w.grad = torch.tensor([0.8**t * math.sin(t + j) + 0.01 * j for j in range(5)])
        adam.step()
        path.append(w.tolist())
    values.append(dict(amsgrad=amsgrad, weight_decay=weight_decay, path=path))
(Path(__file__).parent / "values" / "adam.json").write_text(json.dumps(values) + "\n")
