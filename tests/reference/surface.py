"""Surface distances of pairs of balls, by MONAI, and by DeepMind's surface-distance, which weighs surfaces by their area.

Made with: python tests/reference/surface.py   (Python 3.11, monai 1.6.1, torch 2.15.0, surface-distance 0.1)

Writes `values/surface.json`: the balls, MONAI's HD95, average symmetric surface distance and normalised surface Dice, and the
last of them by surface-distance.
"""

import json
from pathlib import Path

import numpy
import surface_distance
import torch
from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance, compute_surface_dice

CASES = [
    dict(shape=[20, 24, 28], spacing=[1.0, 1.0, 1.0], tolerance=1.0,
         reference=dict(centre=[9, 11, 13], radius=7.2), prediction=dict(centre=[10, 12, 12], radius=6.1)),
    dict(shape=[14, 30, 30], spacing=[3.0, 0.8, 0.9], tolerance=2.0,
         reference=dict(centre=[20, 12, 13], radius=9.3), prediction=dict(centre=[17, 11, 15], radius=10.4)),
    dict(shape=[9, 20, 31], spacing=[2.5, 1.1, 0.7], tolerance=0.9,
         reference=dict(centre=[2, 3, 4], radius=5.0), prediction=dict(centre=[12, 14, 15], radius=6.0)),
    dict(shape=[10, 10, 10], spacing=[1.0, 2.0, 3.0], tolerance=1.0,
         reference=dict(centre=[4, 8, 12], radius=30.0), prediction=dict(centre=[4, 8, 12], radius=4.5)),
]


def mask(case, ball):
    grids = numpy.meshgrid(*[numpy.arange(n) * s for n, s in zip(case["shape"], case["spacing"])], indexing="ij")
    inside = sum((grid - centre) ** 2 for grid, centre in zip(grids, ball["centre"])) <= ball["radius"] ** 2
    return torch.from_numpy(inside[None, None].astype(numpy.float32))


def main():
    for case in CASES:
        reference, prediction = mask(case, case["reference"]), mask(case, case["prediction"])
        common = dict(include_background=True, spacing=case["spacing"])
        case["hd95"] = compute_hausdorff_distance(prediction, reference, percentile=95, **common).item()
        case["assd"] = compute_average_surface_distance(prediction, reference, symmetric=True, **common).item()
        case["nsd"] = compute_surface_dice(prediction, reference, [case["tolerance"]], **common).item()
        distances = surface_distance.compute_surface_distances(
            reference[0, 0].numpy() > 0, prediction[0, 0].numpy() > 0, case["spacing"])
        case["nsd_by_area"] = surface_distance.compute_surface_dice_at_tolerance(distances, case["tolerance"])
    path = Path(__file__).parent / "values" / "surface.json"
    path.write_text(json.dumps(CASES, indent=1) + "\n")


main()
