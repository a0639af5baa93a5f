"""Values of PyTorch's plateau schedule, for `src/train/schedule.rs`.

python tests/reference/plateau.py     (torch 2.15.0; writes tests/reference/values/plateau.json)
"""
import json
import math
from pathlib import Path

import torch

parameter = torch.nn.Parameter(torch.zeros(1))
optimizer = torch.optim.Adam([parameter], lr=3e-4)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
    optimizer, factor=0.2, patience=5, threshold=5e-3, threshold_mode="abs", min_lr=0.0, eps=0.0
)
losses, rates, bad = [], [], []
for epoch in range(120):
    loss = round(math.exp(-epoch / 20) + 0.02 * math.sin(1.7 * epoch), 6)
    scheduler.step(loss)
    losses.append(loss)
    rates.append(optimizer.param_groups[0]["lr"])
    bad.append(scheduler.num_bad_epochs)
text = json.dumps({"losses": losses, "learning_rates": rates, "bad_epochs": bad})
(Path(__file__).parent / "values" / "plateau.json").write_text(text + "\n")
