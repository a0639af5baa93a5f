"""Reference values of the augmentation: SciPy's Gaussian, spline and label interpolation, and NumPy's gamma.

Command: python tests/reference/augment.py   (writes tests/reference/values/augment.json)
Versions: Python 3.11, NumPy 2.4.6, SciPy 1.17.1

Images, labels and noise come from a hash of the voxel's place, which src/train/augment/oracle.rs makes too.
"""

import json
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

CASES = [
    dict(name="space", loaded=[16, 19, 17], patch=[9, 12, 10], alpha=60.0, sigma=3.7, angles=[0.2, -0.15, 0.26], scale=1.2),
    dict(name="space, wide Gaussian", loaded=[20, 23, 19], patch=[14, 16, 13], alpha=900.0, sigma=11.3, angles=[-0.1, 0.2, 0.05], scale=0.9),
    dict(name="space, elastic alone", loaded=[15, 12, 18], patch=[12, 10, 14], alpha=700.0, sigma=9.0, angles=None, scale=None),
    dict(name="plane", loaded=[1, 40, 37], patch=[1, 28, 26], alpha=200.0, sigma=10.5, angles=[2.5, 0.0, 0.0], scale=1.25),
    dict(name="plane, rotation alone", loaded=[1, 21, 24], patch=[1, 15, 18], alpha=None, sigma=None, angles=[-0.7, 0.0, 0.0], scale=None),
]


def scramble(count, stream):
    """32 bits for each place: a Weyl sequence through one round of a multiplicative hash."""
    x = (np.arange(count, dtype=np.uint64) * 0x9E3779B1 + stream * 0x85EBCA77) & 0xFFFFFFFF
    x ^= x >> np.uint64(15)
    x = (x * 0x2C1B3C6D) & 0xFFFFFFFF
    return x ^ (x >> np.uint64(13))


def uniform(count, stream):
    return (scramble(count, stream) >> np.uint64(8)).astype(np.float64) / 2**23 - 1.0


def blobs(shape, stream):
    """Labels -1, 0, 1 and 3 in cubes of 3 voxels."""
    z, y, x = np.indices(shape) // 3
    return np.array([-1, 0, 1, 3])[scramble(4096, stream)[(z * 16 + y) * 16 + x] >> np.uint64(30)]


def rotation(angles):
    (s0, s1, s2), (c0, c1, c2) = np.sin(angles), np.cos(angles)
    first = np.array([[1, 0, 0], [0, c0, -s0], [0, s0, c0]])
    second = np.array([[c1, 0, s1], [0, 1, 0], [-s1, 0, c1]])
    third = np.array([[c2, -s2, 0], [s2, c2, 0], [0, 0, 1]])
    return first @ second @ third


def coordinates(case):
    patch = case["patch"]
    grid = np.stack(np.meshgrid(*[np.arange(n) - (n - 1) / 2 for n in patch], indexing="ij"))
    if case["alpha"]:
        for axis in range(0 if patch[0] > 1 else 1, 3):
            noise = uniform(np.prod(patch), 10 + axis).reshape(patch)
            noise = noise if patch[0] > 1 else noise[0]
            smooth = gaussian_filter(noise, case["sigma"], mode="constant", cval=0.0) * case["alpha"]
            grid[axis] += smooth
    if case["angles"]:
        grid = (grid.reshape(3, -1).T @ rotation(case["angles"])).T.reshape(grid.shape)
    if case["scale"]:
        grid = grid * case["scale"]
    return grid + np.array([int(np.round(n / 2.0)) for n in case["loaded"]]).reshape(3, 1, 1, 1)


def interpolate(volume, grid, **options):
    if volume.shape[0] == 1:
        return map_coordinates(volume[0], grid[1:, 0], mode="constant", **options)[None]
    return map_coordinates(volume, grid, mode="constant", **options)


def majority(labels, grid):
    inside = interpolate(np.ones(labels.shape), grid, order=1, cval=-1.0) >= 0
    result = np.where(inside, 0, -1)
    for label in np.unique(labels):
        result[interpolate((labels == label).astype(float), grid, order=1, cval=-1.0) >= 0.5] = label
    return result


def gamma(values, exponent):
    mean, deviation, low, extent = values.mean(), values.std(), values.min(), np.ptp(values)
    values = ((values - low) / (extent + 1e-7)) ** exponent * extent + low
    values = values - values.mean() + mean
    return values / (values.std() + 1e-8) * deviation


def reference(case):
    loaded, grid = case["loaded"], coordinates(case)
    image = interpolate(uniform(np.prod(loaded), 1).reshape(loaded), grid, order=3, cval=0.0)
    labels = blobs(loaded, 2)
    every = lambda values, step=1: [round(float(v), 4) for v in values.ravel()[::step]]
    return case | dict(
        positions=[every(axis, 7) for axis in grid],
        image=every(image, 3),
        linear=majority(labels, grid).ravel().tolist(),
        nearest=interpolate(labels, grid, order=0, cval=-1).ravel().tolist(),
        gamma={str(g): every(gamma(image, g), 5) for g in (0.7, 1.5)},
    )


values = Path(__file__).parent / "values" / "augment.json"
values.write_text(json.dumps([reference(case) for case in CASES], separators=(",", ":")) + "\n")
