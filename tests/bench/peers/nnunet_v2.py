"""nnU-Net v2's networks for the hippocampus against PyTorch, in turn, on the same threads, in one run.

    cargo build --release
    python tests/bench/peers/nnunet_v2.py SEGPLAN --data FOLDER [--rounds 5] [--cases plain/9,plain/2,resenc-m/9,resenc-m/2] > TABLE.md

SEGPLAN is the executable, FOLDER holds Task04_Hippocampus. Needs PyTorch and nnunetv2. In each round every case runs in `segplan bench` and in
PyTorch (`nnunet_v2_pytorch.py`, in both of its memory formats, of which the faster one counts), each with a loss of the output at full
resolution; each of them warms up first. Medians over the rounds, and the smallest and largest ratio of a round; a ratio above 1 means that
this project is faster or needs less memory. Peak memory is that of a process that trains; of PyTorch's, the
memory after loading its libraries is subtracted. segplan's optimiser is Adam,
PyTorch's SGD, which has less to compute.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

PLAN = pathlib.Path(__file__).parents[3] / "experiments" / "hippocampus.toml"
NETWORK = """
[network]
downsampling = "strided_convolution"
upsampling_bias = true
head_bias = true
"""
RESIDUAL = """
[configurations.3d_fullres]
blocks_per_stage = [1, 3, 4, 6]
decoder_blocks_per_stage = [1, 1, 1]
"""


def plan_text(kind, batch, data):
    text = f'extends = "{PLAN}"\nname = "bench"\n[runtime]\ndata = ["{data}"]\n' + NETWORK
    if kind == "resenc-m":
        text += 'block = "residual"\n' + RESIDUAL
    else:
        text += "[configurations.3d_fullres]\n"
    return text + f"features_per_stage = [32, 64, 128, 256]\nbatch_size = {batch}\n"


def ours(executable, kind, batch, data, folder):
    path = pathlib.Path(folder) / "bench.toml"
    path.write_text(plan_text(kind, batch, data))
    command = [executable, "bench", str(path), "--configuration", "3d_fullres", "--repetitions", "3", "--json"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found["train_step_s"], found["forward_s"], found["peak_rss_bytes"]


def theirs(kind, batch, threads):
    script = pathlib.Path(__file__).with_name("nnunet_v2_pytorch.py")
    command = [sys.executable, str(script), "--threads", str(threads), "--rounds", "3", "--cases", f"{kind}/{batch}"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("executable")
    parser.add_argument("--data", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cases", default="plain/9,plain/2,resenc-m/9,resenc-m/2")
    arguments = parser.parse_args()
    cases = [(kind, int(batch)) for kind, batch in (case.split("/") for case in arguments.cases.split(","))]
    rows = {case: [] for case in cases}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(arguments.rounds):
            for case in cases:
                rows[case].append((ours(arguments.executable, *case, arguments.data, folder), best(theirs(*case, arguments.threads))))
                print(case, rows[case][-1], file=sys.stderr, flush=True)
    print("| network, batch | measurement | segplan | PyTorch | ratio |\n|---|---|---|---|---|")
    for (kind, batch), rounds in rows.items():
        for at, (name, unit) in enumerate([("training step, s", 1), ("forward pass, s", 1), ("peak memory, MiB", 2**20)]):
            mine, other = ([side[at] / unit for side in sides] for sides in zip(*rounds))
            ratios = [b / a for a, b in zip(mine, other)]
            digits = 0 if unit > 1 else 3
            middle = statistics.median
            print(f"| {kind}, {batch} | {name} | {middle(mine):.{digits}f} | {middle(other):.{digits}f} | "
                  f"{middle(other) / middle(mine):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |")


def best(found):
    """The faster memory format of each measurement. The libraries of PyTorch for GPUs are not counted as memory."""
    formats = [values for case in found["cases"] for values in case["formats"].values()]
    smallest = lambda value: min(value(values) for values in formats)
    memory = lambda values: values["peak_rss_bytes"] - values["start_rss_bytes"]
    return smallest(lambda values: values["train_step_s"]), smallest(lambda values: values["forward_s"]), smallest(memory)


main()
