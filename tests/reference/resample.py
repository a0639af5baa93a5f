"""Resampled volumes by scikit-image, which nnU-Net calls.

Command:  python tests/reference/resample.py   (from the root of the repository)
Versions: Python 3.11, scikit-image 0.26.0, scipy 1.17.1, numpy 2.4.6
Writes:   tests/reference/values/resample.json

Inputs are small integers made by a formula that the test repeats, so that only the outputs are stored.
"""

import json
from pathlib import Path

import numpy as np
from skimage.transform import resize

# Input and output shapes, z, y, x: up, down, mixed, unchanged axes, axes of one to four voxels.
SHAPES = [
    ([5, 6, 7], [8, 9, 11]),
    ([9, 8, 10], [4, 5, 3]),
    ([6, 12, 5], [9, 7, 5]),
    ([1, 7, 6], [1, 10, 4]),
    ([1, 5, 5], [4, 8, 3]),
    ([2, 3, 4], [7, 5, 9]),
    ([7, 1, 2], [3, 3, 1]),
    ([3, 40, 2], [6, 17, 5]),
]


def intensities(shape):
    index = np.arange(np.prod(shape))
    return ((index * index * 31 + index * 17) % 211).astype(np.float64).reshape(shape)


def labels(shape):
    z, y, x = np.indices(shape)
    return ((z // 2 + y // 3 + x // 2) % 3) + (z + y + x) // 9 * 2


def rounded(array):
    return [round(float(value), 4) for value in array.flatten()]


def image(source, shape, order):
    return resize(source, shape, order, mode="edge", clip=True, anti_aliasing=False)


def segmentation(source, shape):
    """`resize_segmentation` of batchgenerators: order 1 on each label's indicator.

    Exact halves come out of SciPy as a half more or less one last bit; here they count as halves.
    """
    result = np.zeros(shape, dtype=int)
    for label in np.unique(source):
        result[image((source == label).astype(float), shape, 1) >= 0.5 - 1e-9] = label
    return result


def by_slice(source, shape, order):
    """The separate treatment of z: slices on their own, then the nearest slice."""
    slices = np.stack([image(plane, shape[1:], order) for plane in source])
    return image(slices, shape, 0)


def main():
    cases = []
    for source, target in SHAPES:
        volume = intensities(source)
        case = {"from": source, "to": target}
        case["nearest"] = rounded(image(volume, target, 0))
        case["linear"] = rounded(image(volume, target, 1))
        case["cubic"] = rounded(image(volume, target, 3))
        case["cubic_by_slice"] = rounded(by_slice(volume, target, 3))
        segments = labels(source)
        case["labels_linear"] = segmentation(segments, target).flatten().tolist()
        cases.append(case)
    Path("tests/reference/values/resample.json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
