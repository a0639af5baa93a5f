"""Fingerprint, planning, preprocessing and cubic resampling against nnU-Net v2, in one run.

    cargo build --release
    cargo bench --no-run --bench kernels            # prints the path of the executable
    python tests/bench/peers/preprocess.py SEGPLAN KERNELS DATASET [--rounds 5]

SEGPLAN and KERNELS are the two executables; DATASET is a Decathlon folder, such as Task04_Hippocampus. Needs nnunetv2. Both
programs measure the data set, plan it and prepare its 3d_fullres cases from nothing, with as many processes or threads as
there are cores. nnU-Net does so by its functions in a process that is loaded already, so that the import of its libraries
does not count. Resampling is of one block, in one process, by nnU-Net's default function. Medians over the rounds.
"""
import argparse
import contextlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import numpy


def seconds(work):
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def as_nnunet(dataset, raw):
    """A Decathlon folder of one channel as an nnU-Net v2 raw folder."""
    description = json.loads((dataset / "dataset.json").read_text())
    for folder in ("imagesTr", "labelsTr"):
        (raw / folder).mkdir(parents=True)
    for entry in description["training"]:
        name = pathlib.Path(entry["image"]).name
        shutil.copy(dataset / "imagesTr" / name, raw / "imagesTr" / name.replace(".nii.gz", "_0000.nii.gz"))
        shutil.copy(dataset / "labelsTr" / name, raw / "labelsTr" / name)
    labels = {name: int(value) for value, name in description["labels"].items()}
    found = {"channel_names": description["modality"], "labels": labels, "file_ending": ".nii.gz",
             "numTraining": len(description["training"])}
    (raw / "dataset.json").write_text(json.dumps(found))


def theirs(folder, processes):
    from nnunetv2.experiment_planning.plan_and_preprocess_api import extract_fingerprints, plan_experiments, preprocess

    shutil.rmtree(folder / "preprocessed", ignore_errors=True)
    # Its output is not part of the table.
    with contextlib.redirect_stdout(sys.stderr):
        extract_fingerprints([4], num_processes=processes, check_dataset_integrity=False, verbose=False)
        plan_experiments([4])
        preprocess([4], configurations=["3d_fullres"], num_processes=[processes], verbose=False)


def ours(segplan, dataset, folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    quiet = {"check": True, "cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([segplan, "plan", dataset, "-o", "plan.toml"], **quiet)
    data = f'runtime.data=["{dataset.parent}"]'
    subprocess.run([segplan, "run", "plan.toml", "--configuration", "3d_fullres", "--until", "preprocess", "--set", data],
                   **quiet)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("segplan", type=pathlib.Path)
    parser.add_argument("kernels", type=pathlib.Path)
    parser.add_argument("dataset", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    segplan, dataset = arguments.segplan.resolve(), arguments.dataset.resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for variable in ("raw", "preprocessed", "results"):
            os.environ[f"nnUNet_{variable}"] = str(folder / variable)
        as_nnunet(dataset, folder / "raw" / "Dataset004_Peer")
        from nnunetv2.preprocessing.resampling.default_resampling import resample_data_or_seg_to_shape

        block = numpy.sin(numpy.arange(128 * 160 * 160, dtype=numpy.float32) * 0.7).reshape(1, 128, 160, 160)

        def resample():
            resample_data_or_seg_to_shape(block, (160, 200, 200), (1, 1, 1), (0.8, 0.8, 0.8), order=3)

        times = {"prepare": ([], []), "resample": ([], [])}
        for _ in range(arguments.rounds):
            times["prepare"][0].append(seconds(lambda: ours(segplan, dataset, folder / "ours")))
            times["prepare"][1].append(seconds(lambda: theirs(folder, os.cpu_count())))
            found = subprocess.run([arguments.kernels.resolve(), "--repeats", "5", "128,160,160,160,200,200"],
                                   check=True, capture_output=True, text=True)
            times["resample"][0].extend(json.loads(found.stdout)["resample"])
            times["resample"][1].append(seconds(resample))
    print("| what | segplan, s | nnU-Net v2, s | ratio |\n|---|---|---|---|")
    names = {"prepare": f"fingerprint, plan, preprocess {dataset.name}", "resample": "resample 128×160×160 to 160×200×200, cubic"}
    for what, (own, other) in times.items():
        own, other = statistics.median(own), statistics.median(other)
        print(f"| {names[what]} | {own:.3f} | {other:.2f} | {other / own:.1f} |")


if __name__ == "__main__":
    sys.exit(main())
