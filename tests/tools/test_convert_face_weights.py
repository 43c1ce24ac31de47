import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from synctva.modeling_synctva.processing_synctva import FACE_WEIGHTS_FILE
from synctva.video.face_weights import FACE_WEIGHTS_FOLDER
from tools.convert_face_weights import convert

FILTERS = np.arange(2 * 3 * 1 * 4, dtype=np.uint8).reshape(2, 3, 1, 4)  # rows, columns, in, out
BIAS = np.array([0.5, -1.5, 2.5, 3.5], dtype=np.float32)
QUANTISATION = {"dtype": "uint8", "scale": 0.1, "min": -1.0}


@pytest.fixture
def package(tmp_path):
    """A package whose networks have only a few weights."""
    folder = tmp_path / "package"
    (folder / "model").mkdir(parents=True)
    about = {"name": "@owner/faces", "version": "9.8.7", "license": "MIT"}
    (folder / "package.json").write_text(json.dumps(about))
    (folder / "LICENSE").write_text("do as you please")
    plain = [
        {"name": "conv0/filters", "shape": FILTERS.shape, "quantization": QUANTISATION},
        {"name": "conv0/bias", "shape": [4], "dtype": "float32"},
    ]
    separable = [
        {"name": "d/conv1/depthwise_filter", "shape": [2, 3, 4, 1], "quantization": QUANTISATION},
        {"name": "d/conv1/pointwise_filter", "shape": [1, 1, 3, 8], "quantization": QUANTISATION},
        {"name": "d/conv1/bias", "shape": [4], "dtype": "float32"},
        {"name": "fc/weights", "shape": [6, 4], "quantization": QUANTISATION},
    ]
    bias, filters = BIAS.tobytes(), FILTERS.tobytes()
    for file, weights, data in (
        ("tiny_face_detector_model", plain, filters + bias),
        ("face_expression_model", separable, filters + filters + bias + filters),
    ):
        manifest = [{"weights": weights, "paths": [f"{file}.bin"]}]
        (folder / f"model/{file}-weights_manifest.json").write_text(json.dumps(manifest))
        (folder / f"model/{file}.bin").write_bytes(data)
    return folder


def test_numbers_names_and_layout(package, tmp_path):
    convert(package, tmp_path / "out.safetensors")
    tensors = load_file(tmp_path / "out.safetensors")
    assert {name for name in tensors if not name.endswith(".scale_min")} == {
        "detector.conv0.weight",
        "detector.conv0.bias",
        "expression.d.conv1.depthwise.weight",
        "expression.d.conv1.pointwise.weight",
        "expression.d.conv1.pointwise.bias",
        "expression.fc.weight",
    }
    np.testing.assert_array_equal(tensors["detector.conv0.bias"], BIAS)
    filters = tensors["detector.conv0.weight"]  # (out, in, rows, columns)
    assert filters.dtype == np.uint8
    assert filters[3, 0, 1, 2] == FILTERS[1, 2, 0, 3]
    assert tensors["detector.conv0.weight.scale_min"].tolist() == [0.1, -1.0]
    assert "detector.conv0.bias.scale_min" not in tensors
    depthwise = tensors["expression.d.conv1.depthwise.weight"]
    assert depthwise[3, 0, 1, 2] == FILTERS.reshape(2, 3, 4, 1)[1, 2, 3, 0]
    pointwise = tensors["expression.d.conv1.pointwise.weight"]
    assert pointwise[7, 2, 0, 0] == FILTERS.reshape(3, 8)[2, 7]
    assert tensors["expression.fc.weight"][3, 5] == FILTERS.reshape(6, 4)[5, 3]


def test_tarball_and_folder_give_the_same_file(package, tmp_path):
    with tarfile.open(tmp_path / "package.tgz", "w:gz") as archive:
        archive.add(package, arcname="package")
    one = convert(package, tmp_path / "one.safetensors")
    assert one == convert(tmp_path / "package.tgz", tmp_path / "other.safetensors")
    assert one == convert(package, tmp_path / "again.safetensors")


def test_licence_travels(package, tmp_path):
    convert(package, tmp_path / "out.safetensors")
    with safe_open(tmp_path / "out.safetensors", "np") as file:
        about = json.loads(file.metadata()["about"])
    assert about["source"] == "npm package @owner/faces 9.8.7"
    assert about["licence_text"] == "do as you please"


def test_shipped_file_says_where_it_is_from():
    with safe_open(FACE_WEIGHTS_FOLDER / FACE_WEIGHTS_FILE, "np") as file:
        about = json.loads(file.metadata()["about"])
    assert about["source"] == "npm package @vladmandic/face-api 1.7.15"
    assert about["licence"] == "MIT"
    assert "Vladimir Mandic" in about["copyright"] and "Vincent Mühler" in about["copyright"]
    assert "The above copyright notice and this permission notice" in about["licence_text"]
    notice = (Path(__file__).parents[2] / "NOTICE").read_text(encoding="utf-8")
    assert set(about["licence_text"].splitlines()) <= set(notice.splitlines())
    assert "Copyright (c) 2018 Vincent Mühler" in notice


def test_a_manifest_that_does_not_match_is_refused(package, tmp_path):
    path = package / "model/face_expression_model.bin"
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    with pytest.raises(ValueError, match="weight fc/weights: ends at byte 88: expected at most 87"):
        convert(package, tmp_path / "out.safetensors")
    path.write_bytes(data + b"1")
    with pytest.raises(ValueError, match="has 89 bytes: expected 88, as its manifest says"):
        convert(package, tmp_path / "out.safetensors")


def test_a_missing_file_is_named(package, tmp_path):
    with tarfile.open(tmp_path / "empty.tgz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("package/README.md"), io.BytesIO())
    with pytest.raises(FileNotFoundError, match=r"empty.tgz has no package/package.json"):
        convert(tmp_path / "empty.tgz", tmp_path / "out.safetensors")
    (package / "LICENSE").unlink()
    with pytest.raises(FileNotFoundError, match="LICENSE"):
        convert(package, tmp_path / "out.safetensors")
