"""Small NIfTI files of every data type, byte order and scaling, and the values that NiBabel reads from them.

Command:  python tests/reference/nifti.py   (from the root of the repository)
Versions: Python 3.11, nibabel 5.4.2, numpy 2.4.6
Writes:   tests/reference/values/nifti/*.nii[.gz] and tests/reference/values/nifti.json
"""

import gzip
import json
from pathlib import Path

import nibabel as nib
import numpy as np

VALUES = Path("tests/reference/values")
FOLDER = VALUES / "nifti"
SHAPE = (4, 3, 2)  # x, y, z


def affine():
    """A rotation about z, anisotropic spacing and an offset: nothing that survives a swapped axis."""
    angle = 0.3
    rotation = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    matrix = np.eye(4)
    matrix[:3, :3] = rotation @ np.diag([0.7, 0.9, 2.5])
    matrix[:3, 3] = [-11.5, 7.25, 101.125]
    return matrix


def make(name, dtype, order, slope=None, inter=0.0, shape=SHAPE, form="both"):
    count = int(np.prod(shape))
    raw = (np.arange(count) * 37 % 101 + 1).reshape(shape, order="F").astype(np.dtype(dtype).newbyteorder(order))
    if np.dtype(dtype).kind in "if":
        raw = raw - np.array(40, dtype=raw.dtype)
    header = nib.Nifti1Header(endianness=order)
    header.set_data_dtype(np.dtype(dtype).newbyteorder(order))
    image = nib.Nifti1Image(raw, affine(), header)
    image.header.set_xyzt_units("mm")
    if form == "qform":
        image.set_qform(affine(), 1)
        image.set_sform(None, 0)
    elif form == "sform":
        image.set_sform(affine(), 2)
        image.set_qform(None, 0)
    else:
        image.set_sform(affine(), 1)
        image.set_qform(affine(), 1)
    # NiBabel rewrites the scaling when it writes an image, so header and voxels are written here, one after the other.
    image.header["scl_slope"] = np.nan if slope is None else slope
    image.header["scl_inter"] = inter
    image.header["vox_offset"] = 352
    image.header["magic"] = b"n+1"
    data = image.header.binaryblock + b"\0\0\0\0" + raw.astype(raw.dtype.newbyteorder(order)).tobytes(order="F")
    path = FOLDER / name
    path.write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
    back = nib.load(path)
    return {
        "file": name,
        "shape_xyzc": list(back.shape),
        "spacing_xyz": [float(step) for step in back.header.get_zooms()[:3]],
        "affine": back.affine[:3].tolist(),
        "values": back.get_fdata().flatten(order="F").tolist(),
    }


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    cases = []
    for dtype in ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"]:
        for order, ending in [("<", "little"), (">", "big")]:
            cases.append(make(f"{dtype}_{ending}.nii.gz", dtype, order))
    cases.append(make("scaled_int16.nii", "int16", "<", slope=0.25, inter=-3.5))
    cases.append(make("scaled_big_uint8.nii.gz", "uint8", ">", slope=2.0, inter=10.0))
    cases.append(make("slope_zero.nii.gz", "int16", "<", slope=0.0, inter=5.0))
    cases.append(make("channels.nii.gz", "float32", "<", shape=(*SHAPE, 3)))
    cases.append(make("qform_only.nii.gz", "float32", "<", form="qform"))
    cases.append(make("sform_only.nii.gz", "float32", ">", form="sform"))
    (VALUES / "nifti.json").write_text(json.dumps(cases) + "\n")


if __name__ == "__main__":
    main()
