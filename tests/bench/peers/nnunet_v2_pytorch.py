"""Training step and forward pass of nnU-Net v2's networks for the hippocampus, in PyTorch.

Made with: python tests/bench/peers/nnunet_v2_pytorch.py [--threads 2] [--rounds 5] [--cases plain/9,plain/2,resenc-m/9,resenc-m/2]
(Python 3.11, torch 2.8.0, nnunetv2 2.8.1, dynamic-network-architectures 0.4.4)

Prints JSON: per case medians of the rounds, in seconds, and the smallest and largest of them, under the names that
`segplan bench --json` uses. Both memory formats are measured; `fastest` names the one whose training step is shorter. A training
step is forward pass, Dice and cross-entropy of the output at full resolution, backward pass and SGD with Nesterov momentum; a forward
pass has no gradients. Images are random. Every case and format runs in a process of its own, after one step that is not timed.

`peak_rss_bytes` is the peak resident memory of the training steps, libraries included, and `start_rss_bytes` the memory after loading
these. With `--deep-supervision`, the training step has the loss of all outputs, as in nnU-Net.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet, ResidualEncoderUNet
from nnunetv2.training.loss.compound_losses import DC_and_CE_loss
from nnunetv2.training.loss.deep_supervision import DeepSupervisionWrapper
from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss
from torch import nn

PATCH, CLASSES, FEATURES, STRIDES = (40, 56, 40), 3, [32, 64, 128, 256], [1, 2, 2, 2]
FORMATS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last_3d}
DEEP_WEIGHTS = [2 / 3, 1 / 3, 0]


def build(kind, deep):
    plain = kind == "plain"
    counts = dict(n_conv_per_stage=2) if plain else dict(n_blocks_per_stage=[1, 3, 4, 6])
    return (PlainConvUNet if plain else ResidualEncoderUNet)(
        1, len(FEATURES), FEATURES, nn.Conv3d, 3, STRIDES, **counts, num_classes=CLASSES,
        n_conv_per_stage_decoder=2 if plain else 1, conv_bias=True, norm_op=nn.InstanceNorm3d,
        norm_op_kwargs=dict(eps=1e-5, affine=True), nonlin=nn.LeakyReLU, nonlin_kwargs=dict(inplace=True), deep_supervision=deep,
    )


def resident(name):
    # `getrusage` would never report less than the parent's memory at the time of the fork.
    return int(re.search(rf"{name}:\s*(\d+) kB", Path("/proc/self/status").read_text()).group(1)) * 1024


def seconds(work):
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def measure(kind, batch, memory_format, threads, rounds, deep):
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    started = resident("VmRSS")
    net = build(kind, deep).to(memory_format=FORMATS[memory_format])
    images = torch.randn(batch, 1, *PATCH).to(memory_format=FORMATS[memory_format])
    labels = torch.randint(0, CLASSES, (batch, 1, *PATCH))
    targets = [labels[..., ::s, ::s, ::s].contiguous() for s in (1, 2, 4)]
    loss = DC_and_CE_loss(dict(batch_dice=False, smooth=1e-5, do_bg=False, ddp=False), {}, dice_class=MemoryEfficientSoftDiceLoss)
    loss_of_all = DeepSupervisionWrapper(loss, DEEP_WEIGHTS)
    sgd = torch.optim.SGD(net.parameters(), 1e-2, momentum=0.99, nesterov=True, weight_decay=3e-5)

    def train():
        sgd.zero_grad(set_to_none=True)
        (loss_of_all(net(images), targets) if deep else loss(net(images), labels)).backward()
        sgd.step()

    def forward():
        with torch.no_grad():
            net(images)

    train()
    steps = [seconds(train) for _ in range(rounds)]
    trained = resident("VmHWM")
    net.eval()
    net.decoder.deep_supervision = False
    forward()
    passes = [seconds(forward) for _ in range(rounds)]
    return dict(
        train_step_s=statistics.median(steps), train_step_range_s=[min(steps), max(steps)],
        forward_s=statistics.median(passes), forward_range_s=[min(passes), max(passes)],
        peak_rss_bytes=trained, start_rss_bytes=started, parameters=sum(p.numel() for p in net.parameters()),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cases", default="plain/9,plain/2,resenc-m/9,resenc-m/2")
    parser.add_argument("--deep-supervision", action="store_true")
    parser.add_argument("--format", choices=FORMATS, help="measure only this memory format, in this process")
    arguments = parser.parse_args()
    shared = arguments.threads, arguments.rounds, arguments.deep_supervision
    if arguments.format:
        kind, batch = arguments.cases.split("/")
        print(json.dumps(measure(kind, int(batch), arguments.format, *shared)))
        return
    results = []
    for case in arguments.cases.split(","):
        kind, batch = case.split("/")
        formats = {}
        for name in FORMATS:
            command = [sys.executable, __file__, *sys.argv[1:], "--cases", case, "--format", name]
            formats[name] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        parameters = {found.pop("parameters") for found in formats.values()}.pop()
        fastest = min(formats, key=lambda name: formats[name]["train_step_s"])
        results.append(dict(
            network=kind, batch_size=int(batch), patch_size=PATCH, parameters=parameters, fastest=fastest, formats=formats
        ))
        print(f"{case}: {formats[fastest]}", file=sys.stderr, flush=True)
    head = dict(torch=torch.__version__, threads=arguments.threads, rounds=arguments.rounds, deep_supervision=arguments.deep_supervision)
    text = json.dumps(dict(head, cases=results), indent=1)
    print(re.sub(r"\[\s*([^\[\]{}]*?)\s*\]", lambda m: "[" + re.sub(r"\s+", " ", m[1]) + "]", text))


if __name__ == "__main__":
    main()
