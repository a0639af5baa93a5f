"""Corrupted first-stage labels by scikit-image: morphology with a ball, gained voxels, removed components.

Command: python tests/reference/faults.py   (writes tests/reference/values/faults.json)
Versions: Python 3.11, NumPy 2.4.6, scikit-image 0.26.0

The logic of the transforms is that of batchgenerators as of 2019-04-12, which nnU-Net commit 6150f1b0 used. For a fractional radius,
its ball is sampled off the voxel centres; here the ball is all voxels within the radius.
"""

import json
from pathlib import Path

import numpy as np
from skimage.measure import label
from skimage.morphology import closing, dilation, erosion, opening

OPERATIONS = {"erode": erosion, "dilate": dilation, "open": opening, "close": closing}
CASES = [([9, 12, 10], 1.0), ([9, 12, 10], 1.7), ([11, 13, 12], 2.5), ([6, 16, 15], 3.3), ([10, 9, 14], 5.8)]


def ball(radius):
    reach = int(radius)
    z, y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1, -reach : reach + 1]
    return z * z + y * y + x * x <= radius * radius


def operated(name, mask, radius):
    """Voxels outside of the grid are ignored."""
    return OPERATIONS[name](mask.astype(np.uint8), ball(radius), mode="ignore").astype(bool)


def blobs(shape, seed):
    """Class 1 in balls of several sizes and a block at the border, class 2 next to them."""
    rng = np.random.default_rng(seed)
    z, y, x = np.indices(shape)
    labels = np.zeros(shape, dtype=np.uint8)
    for class_, count, largest in [(1, 5, 3.2), (2, 4, 2.6)]:
        for _ in range(count):
            centre, radius = [rng.uniform(0, edge) for edge in shape], rng.uniform(1.2, largest)
            distance = (z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2
            labels[distance <= radius**2] = class_
    labels[:3, :4, :3] = 1
    labels[-1, -1, -1] = 1
    return labels


def inside(mask):
    return np.flatnonzero(mask).tolist()


def both(labels, radius):
    masks = [labels == 1, labels == 2]
    for mask, name in [(0, "dilate"), (1, "close")]:
        result = operated(name, masks[mask], radius)
        masks[1 - mask] = masks[1 - mask] & ~(result & ~masks[mask])
        masks[mask] = result
    return (masks[0] + 2 * masks[1]).ravel().tolist()


def case(number, shape, radius):
    labels = blobs(shape, number)
    mask = labels == 1
    numbers = label(mask, connectivity=3)
    first = {n: np.flatnonzero(numbers == n)[0] for n in range(1, numbers.max() + 1)}
    order = sorted(first, key=first.get)
    sizes = [int((numbers == n).sum()) for n in order]
    # One component is too large to be removed wherever there are several.
    share, choice = max(sizes) / mask.size, 0.7
    small = [n for n, size in zip(order, sizes) if size < share * mask.size]
    removed = mask & (numbers != small[int(choice * len(small))]) if small else mask
    return dict(
        shape=shape,
        labels=labels.ravel().tolist(),
        radius=radius,
        morphology={name: inside(operated(name, mask, radius)) for name in OPERATIONS},
        both=both(labels, radius),
        sizes=sizes,
        share=share,
        choice=choice,
        removed=inside(removed),
    )


cases = [case(number, *of) for number, of in enumerate(CASES)]
assert all(len(one["sizes"]) > 2 for one in cases), [one["sizes"] for one in cases]
values = Path(__file__).parent / "values" / "faults.json"
values.write_text(json.dumps(cases, separators=(",", ":")) + "\n")
