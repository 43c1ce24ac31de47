import pytest

from synctva.export import export_onnx, export_program
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from tests.support.toy import WIDTHS, toy_model


@pytest.fixture(scope="session")
def model():
    return toy_model(num_hidden_layers=1)


@pytest.fixture(scope="session")
def program(model):
    return export_program(model)


@pytest.fixture(scope="session")
def file(model, program, tmp_path_factory):
    processor = SyncTVAProcessor(
        **{f"{name}_dim": width for name, width in WIDTHS.items()},
        audio_encoder={"name": "prosody", "width": WIDTHS["audio"]},
    )
    path = tmp_path_factory.mktemp("onnx") / "new" / "model.onnx"
    with pytest.MonkeyPatch.context() as patch:  # to export the program only once
        patch.setattr("synctva.export.onnx_file.export_program", lambda model: program)
        return export_onnx(model, path, processor)
