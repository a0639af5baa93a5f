"""Patches per second of batchgenerators for the transforms of tests/bench/augment.rs, in one process.

Prints the median of seven rounds. Needs: pip install batchgenerators
"""

import time

import numpy as np
from batchgenerators.transforms.abstract_transforms import Compose
from batchgenerators.transforms.color_transforms import GammaTransform
from batchgenerators.transforms.spatial_transforms import MirrorTransform, SpatialTransform

LOADED, PATCH, ANGLE = (62, 75, 57), (40, 56, 40), (-15 / 360 * 2 * np.pi, 15 / 360 * 2 * np.pi)

transform = Compose([
    SpatialTransform(
        PATCH, patch_center_dist_from_border=None, random_crop=False,
        do_elastic_deform=True, alpha=(0.0, 900.0), sigma=(9.0, 13.0), p_el_per_sample=1,
        do_rotation=True, angle_x=ANGLE, angle_y=ANGLE, angle_z=ANGLE, p_rot_per_sample=1,
        do_scale=True, scale=(0.85, 1.25), p_scale_per_sample=1,
        border_mode_data="constant", border_cval_data=0, order_data=3,
        border_mode_seg="constant", border_cval_seg=-1, order_seg=1,
    ),
    GammaTransform((0.7, 1.5), invert_image=False, per_channel=True, retain_stats=True, p_per_sample=1),
    MirrorTransform((0, 1, 2)),
])

np.random.seed(0)
image = np.random.rand(1, 1, *LOADED).astype(np.float32)
distance = np.sqrt(sum((axis - edge / 2) ** 2 for axis, edge in zip(np.indices(LOADED), LOADED)))
labels = ((distance < 16).astype(np.float32) + (distance < 9))[None, None]

rates = []
for _ in range(8):
    start = time.perf_counter()
    for _ in range(6):
        transform(data=image.copy(), seg=labels.copy())
    rates.append(6 / (time.perf_counter() - start))
print(f"{np.median(rates[1:]):.2f}")
