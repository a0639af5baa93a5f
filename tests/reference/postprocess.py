"""Components that nnU-Net v2's cross-validated post-processing keeps, and the filtered predictions.

Made with: python tests/reference/postprocess.py   (Python 3.11, nnunetv2 2.8.1, numpy, SimpleITK)

Writes `values/postprocess.json`: sets of small references and predictions, `[z, y, x]` as digits in raster order, with the decision
of `determine_postprocessing` for each set, the mean Dice per label before and after, and the filtered predictions.

nnU-Net's versions differ: v2 labels components with 26 neighbours and first requires a gain of the mean over labels; v1 (June 2019)
labelled with 6 neighbours and first required a gain of one label. Neither accepts a loss of any label, so the first step has the same
result. Both keep all components of maximum size. The paper (2018) has no such rule.
"""

import json
import os
import tempfile
from pathlib import Path

for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
    os.environ.setdefault(name, "/nonexistent")

import numpy
import SimpleITK
from nnunetv2.postprocessing.remove_connected_components import apply_postprocessing, determine_postprocessing

VALUES = Path(__file__).parent / "values"
SHAPE = (6, 9, 10)
CASES = 3


def reference(labels):
    """A box in two halves, the second of which has the last label."""
    volume = numpy.zeros(SHAPE, numpy.uint8)
    volume[1:5, 2:6, 1:4] = 1
    volume[1:5, 2:6, 4:7] = labels
    return volume


def speck(volume, at, label):
    """Two voxels that share nothing but a corner."""
    z, y, x = at
    volume[z, y, x] = volume[z + 1, y + 1, x + 1] = label


def sets():
    """Predictions that differ from their references in one way each, with shifted noise between the cases."""
    def predictions(labels, change):
        found = []
        for case in range(CASES):
            volume = reference(labels)
            volume[1, 2 + case, 1] = 0
            change(volume, case)
            found.append(volume)
        return found

    def loose(volume, case):
        speck(volume, (4, 7, 8), 1 + case % volume.max())

    def loose_that_is_right(volume, case):
        # Severed from the rest: removing it costs more than the speck does.
        volume[:, :, 5] = 0
        speck(volume, (4, 7, 8), 1)

    def inside_another(volume, case):
        # Label 1 within label 2: one component of all foreground, two of label 1.
        volume[2, 3 + case % 2, 5] = 1

    def loose_and_inside(volume, case):
        loose(volume, 0)
        inside_another(volume, case)

    def tie(volume, case):
        # Two components of label 1 with equal size, and a speck next to them.
        volume[1:5, 2:6, 1:7] = 0
        volume[1:5, 2:6, 1:3] = volume[1:5, 2:6, 5:7] = 1
        speck(volume, (4, 7, 8), 1)

    yield "foreground", 2, predictions(2, loose)
    yield "nothing", 2, predictions(2, lambda volume, case: None)
    yield "severed", 2, predictions(2, loose_that_is_right)
    yield "class", 2, predictions(2, inside_another)
    yield "both", 2, predictions(2, loose_and_inside)
    yield "single_label", 1, predictions(1, loose)
    yield "tie", 1, predictions(1, tie)


def decide(labels, references, predictions):
    """nnU-Net's own decision, on files as it reads them."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("references", "predictions")]
        for path, volumes in zip(paths, (references, predictions)):
            path.mkdir()
            for number, volume in enumerate(volumes):
                SimpleITK.WriteImage(SimpleITK.GetImageFromArray(volume), path / f"case_{number}.nii.gz")
        dataset = json.loads((VALUES / "nnunet" / "dataset.json").read_text())
        dataset["labels"] = {"background": 0, **{f"label {label}": label for label in range(1, labels + 1)}}
        plans = json.loads((VALUES / "nnunet" / "nnUNetPlans.json").read_text())
        functions, arguments = determine_postprocessing(str(paths[1]), str(paths[0]), plans, dataset, 2)
        evidence = json.loads((paths[1] / "postprocessing.json").read_text())
    # The first step names all foreground labels in a list, the second one label.
    kept = [one["labels_or_regions"] for one in arguments]
    dice = {
        when: {label: values["Dice"] for label, values in evidence[name]["mean"].items()}
        for when, name in (("before", "input_folder"), ("after", "postprocessed"))
    }
    after = [apply_postprocessing(volume, functions, arguments) for volume in predictions]
    return dict(
        foreground=any(isinstance(one, list) for one in kept),
        classes=[one for one in kept if not isinstance(one, list)],
        dice=dice,
    ), after


def digits(volume):
    return "".join(map(str, volume.ravel()))


def main():
    found = []
    for name, labels, predictions in sets():
        references = [reference(labels) for _ in predictions]
        decided, after = decide(labels, references, predictions)
        cases = [
            dict(reference=digits(one), prediction=digits(two), after=digits(three))
            for one, two, three in zip(references, predictions, after)
        ]
        found.append(dict(name=name, shape=SHAPE, labels=labels, **decided, cases=cases))
        print(name, {key: decided[key] for key in ("foreground", "classes", "dice")})
    (VALUES / "postprocess.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
