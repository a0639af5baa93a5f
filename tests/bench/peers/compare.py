"""Convolutions, training step and forward pass against PyTorch, in turn, on the same threads, in one run.

    cargo build --release
    cargo bench --no-run --bench kernels            # prints the path of the executable
    python tests/bench/peers/compare.py SEGPLAN KERNELS [--threads 2] [--rounds 5] [--cases conv,3d,2d] > TABLE.md

SEGPLAN and KERNELS are the two executables. Needs PyTorch. In each round every case runs in this project and in PyTorch, in
both of its memory formats, of which the faster one counts; each of them warms up first. A 2D network is PyTorch's of 2D
layers. Medians over the rounds; a ratio above 1 means that this project is faster. Peak memory is that of a process that
trains and nothing else, with its libraries. A case is `conv`, `3d`, `2d`, or one batch size of these, such as `3d/9`.

`predict` (with `--data FOLDER`, which holds Task04_Hippocampus) is the prediction of its first case, which one patch covers, by
the 3D network in all eight mirrored versions, from the prepared image to labels on the original grid. PyTorch computes eight
forward passes of a patch and nothing else, as one batch or one after the other, whichever is faster.
"""
import argparse
import json
import multiprocessing
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

PLAN = pathlib.Path(__file__).parents[3] / "experiments" / "hippocampus.toml"
CONVOLUTIONS = ["30,30,40,56,40", "60,60,20,28,20", "120,120,10,14,10", "240,240,5,7,5"]
STEPS = [("3d_fullres", 9, (40, 56, 40)), ("3d_fullres", 2, (40, 56, 40)), ("2d", 366, (1, 56, 40)), ("2d", 4, (1, 256, 256))]
REPEATS = 15  # of a convolution in each round
FORMATS = {"contiguous": torch.contiguous_format, "channels last": None}


class UNet(nn.Module):
    """The network of arXiv:1809.10486 with three poolings, one channel and three classes, by PyTorch's own layers of 2D or 3D."""

    def __init__(self, features, flat):
        super().__init__()
        names = "Conv", "ConvTranspose", "InstanceNorm", "MaxPool"
        Conv, Up, Norm, Pool = (getattr(nn, f"{name}{2 if flat else 3}d") for name in names)

        def block(inputs, outputs):
            layers = []
            for first in (inputs, outputs):
                layers += [Conv(first, outputs, 3, padding=1), Norm(outputs, affine=True), nn.LeakyReLU(0.01, inplace=True)]
            return nn.Sequential(*layers)

        self.encoder = nn.ModuleList(block(i, o) for i, o in zip([1] + features, features))
        self.up = nn.ModuleList(Up(coarse, fine, 2, 2, bias=False) for fine, coarse in zip(features, features[1:]))
        self.decoder = nn.ModuleList(block(2 * f, f) for f in features[:-1])
        self.head = Conv(features[0], 3, 1, bias=False)
        self.pool = Pool(2, 2)

    def forward(self, maps):
        skips = []
        for level, block in enumerate(self.encoder):
            maps = block(self.pool(maps) if level else maps)
            skips.append(maps)
        for up, block, skip in reversed(list(zip(self.up, self.decoder, skips))):
            maps = block(torch.cat([up(maps), skip], 1))
        return self.head(maps)


def dice_ce(logits, labels):
    probability, indicator = logits.softmax(1), F.one_hot(labels, 3).movedim(-1, 1).float()
    axes = tuple(range(2, logits.ndim))
    shared, total = (probability * indicator).sum(axes), (probability + indicator).sum(axes)
    return F.cross_entropy(logits, labels) - ((2 * shared + 1e-5) / (total + 1e-5))[:, 1:].mean()


def seconds(work):
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def layout(memory_format, flat):
    return memory_format or (torch.channels_last if flat else torch.channels_last_3d)


def their_convolution(case, memory_format, repeats):
    memory_format = layout(memory_format, False)
    inputs, outputs, *edges = map(int, case.split(","))
    conv = nn.Conv3d(inputs, outputs, 3, padding=1).to(memory_format=memory_format)
    images = torch.randn(2, inputs, *edges).to(memory_format=memory_format).requires_grad_(True)
    gradient = torch.randn_like(conv(images))
    times = {"forward": [], "backward": []}
    for _ in range(repeats + 1):
        images.grad = conv.weight.grad = conv.bias.grad = None
        results = []
        times["forward"].append(seconds(lambda: results.append(conv(images))))
        times["backward"].append(seconds(lambda: results[0].backward(gradient)))
    return {part: values[1:] for part, values in times.items()}


def their_step(batch, patch, memory_format):
    flat = patch[0] == 1
    memory_format, patch = layout(memory_format, flat), patch[flat:]
    net = UNet([30, 60, 120, 240], flat).to(memory_format=memory_format)
    images = torch.randn(batch, 1, *patch).to(memory_format=memory_format)
    labels = torch.randint(0, 3, (batch, *patch))
    adam = torch.optim.Adam(net.parameters(), 3e-4, weight_decay=3e-5, amsgrad=True)

    def train():
        adam.zero_grad(set_to_none=True)
        dice_ce(net(images), labels).backward()
        adam.step()

    def forward():
        with torch.no_grad():
            net(images)

    train()
    step = [seconds(train)]
    forward()
    return {"training step": step, "forward pass": [seconds(forward)]}


def their_memory(batch, patch, memory_format):
    """Peak memory of a process that does nothing else, MiB."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(peak_memory, (batch, patch, memory_format))


def peak_memory(*step):
    their_step(*step)
    # `getrusage` would never report less than the parent's memory at the time of the fork.
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+) kB", status).group(1)) / 2**10


def our_step(program, name, batch, patch, threads):
    settings = [f"configurations.{name}.patch_size={list(patch)}", f"configurations.{name}.batch_size={batch}",
                f"runtime.threads={threads}", 'runtime.data=["absent"]']
    command = [program, "bench", str(PLAN), "--configuration", name, "--repetitions", "1", "--json"]
    command += [part for setting in settings for part in ("--set", setting)]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)
    found = json.loads(done.stdout)
    return {"training step": [found["train_step_s"]], "forward pass": [found["forward_s"]],
            "peak memory": [found["peak_rss_bytes"] / 2**20]}


def our_prediction(program, data, threads):
    settings = [f"runtime.threads={threads}", f'runtime.data=["{data}"]']
    command = [program, "bench", str(PLAN), "--configuration", "3d_fullres", "--repetitions", "1", "--json"]
    command += [part for setting in settings for part in ("--set", setting)]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)
    return {"prediction": [json.loads(done.stdout)["predict_case_s"]]}


def their_passes(memory_format, versions=8):
    memory_format = layout(memory_format, False)
    net = UNet([30, 60, 120, 240], False).to(memory_format=memory_format).eval()
    images = torch.randn(versions, 1, 40, 56, 40).to(memory_format=memory_format)
    ways = [images], images.split(1)
    with torch.no_grad():
        net(images)
        return {"prediction": [min(seconds(lambda way=way: [net(part) for part in way]) for way in ways)]}


def our_convolution(program, case, repeats):
    done = subprocess.run([program, "--repeats", str(repeats), case], check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    return {part: found[part] for part in ("forward", "backward")}


def rounds(arguments, label, ours, theirs):
    """Medians of what this project and PyTorch need, by part and by format, with the rounds of earlier runs."""
    saved = json.loads(arguments.times.read_text()) if arguments.times and arguments.times.exists() else {}
    found = saved.setdefault(label, {})
    for _ in range(arguments.rounds):
        for name, run in [("", ours)] + [(name, lambda f=f: theirs(f)) for name, f in FORMATS.items()]:
            for part, times in run().items():
                found.setdefault(part, {}).setdefault(name, []).extend(times)
    if arguments.times:
        arguments.times.write_text(json.dumps(saved))
    return {part: {name: statistics.median(times) for name, times in names.items()} for part, names in found.items()}


def rows(label, medians):
    memory = medians.pop("peak memory", None)
    if memory:
        own = memory.pop("")
        best = min(memory, key=memory.get)
        print(f"| {label} | peak memory, MiB | {own:.0f} | {memory[best]:.0f} | {best} | {memory[best] / own:.2f} |", flush=True)
    for part, by_name in medians.items():
        own = by_name.pop("")
        best = min(by_name, key=by_name.get)
        print(f"| {label} | {part} | {own * 1e3:.1f} | {by_name[best] * 1e3:.1f} | {best} | {by_name[best] / own:.2f} |",
              flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("segplan")
    parser.add_argument("kernels")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--times", type=pathlib.Path, help="file of all times, to which those of this run are added")
    parser.add_argument("--cases", default="conv,3d,2d")
    parser.add_argument("--data", type=pathlib.Path, help="folder that holds Task04_Hippocampus, for the case `predict`")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cases = arguments.cases.split(",")
    before = " and those before" if arguments.times else ""
    print(f"PyTorch {torch.__version__}, {arguments.threads} threads, medians of {arguments.rounds} rounds{before}\n")
    print("| case | pass | segplan, ms | PyTorch, ms | its format | ratio |")
    print("|---|---|---|---|---|---|", flush=True)
    for case in CONVOLUTIONS if "conv" in cases else []:
        inputs, outputs, *edges = case.split(",")
        label = f"convolution {inputs} → {outputs}, 2 × {' × '.join(edges)}"
        rows(label, rounds(arguments, label, lambda: our_convolution(arguments.kernels, case, REPEATS),
                           lambda memory: their_convolution(case, memory, REPEATS)))
    for name, batch, patch in STEPS:
        if {name[:2], f"{name[:2]}/{batch}"} & set(cases):
            label = f"{name}, {batch} × {' × '.join(map(str, patch))}"
            medians = rounds(arguments, label, lambda: our_step(arguments.segplan, name, batch, patch, arguments.threads),
                             lambda memory: their_step(batch, patch, memory))
            medians["peak memory"].update({name: their_memory(batch, patch, memory) for name, memory in FORMATS.items()})
            rows(label, medians)
    if "predict" in cases:
        label = "3d_fullres, one case, 8 passes of a patch"
        data = arguments.data.resolve()
        rows(label, rounds(arguments, label, lambda: our_prediction(arguments.segplan, data, arguments.threads), their_passes))


if __name__ == "__main__":
    main()
