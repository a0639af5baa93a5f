"""Axis codes that NiBabel gives to affines: aligned in every order and direction, oblique, sheared, and of no volume.

Command:  python tests/reference/orient.py   (from the root of the repository)
Versions: Python 3.11, nibabel 5.4.2, numpy 2.4.6, scipy 1.17.1
Writes:   tests/reference/values/orient.json
"""

import itertools
import json
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy.spatial.transform import Rotation

rng = np.random.default_rng(11)


def matrix(rotation, spacing, shear=0.0):
    affine = np.eye(4)
    skew = np.eye(3)
    skew[0, 1], skew[1, 2] = shear, -shear
    affine[:3, :3] = rotation @ skew @ np.diag(spacing)
    affine[:3, 3] = rng.uniform(-200, 200, 3)
    return affine.round(5)


affines = []
for axes in itertools.permutations(range(3)):
    for signs in itertools.product([1, -1], repeat=3):
        affines.append(matrix(np.eye(3)[:, axes] * signs, rng.uniform(0.3, 8, 3)))
for _ in range(200):
    affines.append(matrix(Rotation.random(random_state=rng).as_matrix(), rng.uniform(0.3, 8, 3)))
for _ in range(100):
    reflected = Rotation.random(random_state=rng).as_matrix() * [1, 1, -1]
    affines.append(matrix(reflected, rng.uniform(0.3, 8, 3), rng.uniform(-0.6, 0.6)))
for _ in range(50):
    # Near 45 degrees about an axis, where two axes of the world are about equally near.
    turned = Rotation.from_euler("xyz"[rng.integers(3)], 45 + rng.uniform(-2, 2), degrees=True).as_matrix()
    affines.append(matrix(turned, rng.uniform(0.3, 8, 3)))

values = []
for affine in affines:
    codes = "".join(nib.aff2axcodes(affine))
    values.append({"affine": affine[:3].tolist(), "codes": codes})
Path("tests/reference/values/orient.json").write_text(json.dumps(values) + "\n")
print(len(values), "affines")
