"""Small NIfTI files at the edges of the standard, and what ITK and NiBabel read from them.

Command:  python tests/reference/nifti_edges.py   (from the root of the repository)
Versions: Python 3.11, nibabel 5.4.2, SimpleITK 2.5.7, numpy 2.4.6
Writes:   tests/reference/values/nifti_edges/*.nii[.gz] and tests/reference/values/nifti_edges.json

NiBabel reads the values. ITK, which heeds units and signs, gives spacing and affine (LPS turned into RAS); NiBabel does of
NIfTI-2, which SimpleITK does not read, of the file of two dimensions, whose affine ITK cuts, of the
negative spacing and of the slice without thickness.
"""

import gzip
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk

VALUES = Path("tests/reference/values")
FOLDER = VALUES / "nifti_edges"
SHAPE = (4, 3, 2)  # x, y, z


def affine(scale=1.0, spacing=(0.7, 0.9, 2.5)):
    angle = 0.3
    rotation = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    matrix = np.eye(4)
    matrix[:3, :3] = rotation @ np.diag(spacing) * scale
    matrix[:3, 3] = np.array([-11.5, 7.25, 101.125]) * scale
    return matrix


def voxels(shape=SHAPE):
    return (np.arange(int(np.prod(shape))) * 37 % 101 + 1).reshape(shape, order="F").astype(np.int16)


def image(kind=nib.Nifti1Image, scale=1.0, unit="mm", shape=SHAPE):
    made = kind(voxels(shape), affine(scale))
    made.set_sform(affine(scale), 1)
    made.set_qform(affine(scale), 1)
    made.header.set_xyzt_units(unit)
    return made


def raw(made):
    """Bytes of a single file, without NiBabel's corrections."""
    made.header["vox_offset"] = 352
    made.header["magic"] = b"n+1"
    return made.header.binaryblock + b"\0\0\0\0" + np.asarray(made.dataobj).tobytes(order="F")


def save(name, data):
    path = FOLDER / name
    path.write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
    return path


def record(path, trust_itk=True):
    back = nib.load(path)
    entry = {"file": path.name, "shape_xyz": list(back.shape[:3]), "values": back.get_fdata().flatten(order="F").tolist()}
    if trust_itk:
        itk = sitk.ReadImage(str(path))
        size = itk.GetDimension()
        flip = np.diag([-1, -1, 1][:size])
        columns = flip @ np.array(itk.GetDirection()).reshape(size, size) @ np.diag(itk.GetSpacing())
        entry["spacing_xyz"] = list(itk.GetSpacing())
        entry["columns"] = columns.T.tolist()
        entry["origin"] = (flip @ np.array(itk.GetOrigin())).tolist()
        assert np.array_equal(sitk.GetArrayFromImage(itk).flatten(), back.get_fdata().flatten(order="F")), path
    else:
        entry["spacing_xyz"] = [float(step) for step in back.header.get_zooms()]
        entry["columns"] = back.affine[:3, : back.ndim].T.tolist()
        entry["origin"] = back.affine[:3, 3].tolist()
    return entry


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    entries = []
    for unit, scale in [("meter", 0.001), ("micron", 1000.0), ("unknown", 1.0)]:
        entries.append(record(save(f"unit_{unit}.nii.gz", raw(image(scale=scale, unit=unit)))))

    made = image()
    made.header["pixdim"][1] = -0.7
    # ITK takes the sform for damaged and mirrors the qform; NiBabel keeps the sform.
    entries.append(record(save("negative_spacing.nii.gz", raw(made)), trust_itk=False))

    one_slice = image(shape=(4, 3, 1))
    one_slice.header["pixdim"][3] = 0
    # ITK replaces the axis of the slice in the sform as well.
    entries.append(record(save("one_slice_without_thickness.nii.gz", raw(one_slice)), trust_itk=False))

    flat = nib.Nifti1Image(voxels((4, 3)), affine())
    flat.set_sform(affine(), 1)
    flat.header["pixdim"][3] = 0
    entries.append(record(save("two_dimensions.nii.gz", raw(flat)), trust_itk=False))

    for order in "<>":
        header = nib.Nifti2Header(endianness=order)
        second = nib.Nifti2Image(voxels().astype(np.dtype(np.int16).newbyteorder(order)), affine(), header)
        second.set_sform(affine(), 1)
        second.set_qform(affine(), 1)
        second.header.set_xyzt_units("mm")
        second.header.set_slope_inter(1, 0)
        name = f"nifti2_{'little' if order == '<' else 'big'}.nii.gz"
        path = save(name, second.to_bytes())
        entries.append(record(path, trust_itk=False))

    (VALUES / "nifti_edges.json").write_text(json.dumps(entries) + "\n")


if __name__ == "__main__":
    main()
