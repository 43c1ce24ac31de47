import json

import numpy as np
import pytest
import torch
from transformers import ViTConfig, ViTModel

from synctva.video.encoder import VisualEncoder
from synctva.video.hub_image_model import PREPROCESSOR
from tests.support.drawn_face import EXPRESSIONS, drawn_face


@pytest.fixture(scope="module")
def hub_folder(tmp_path_factory):
    """A tiny vision transformer, saved as the Hub would have it."""
    folder = tmp_path_factory.mktemp("vit")
    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        image_size=16,
        patch_size=8,
    )
    ViTModel(config, add_pooling_layer=False).save_pretrained(folder)
    settings = {
        "size": {"height": 16, "width": 16},
        "image_mean": [0.4] * 3,
        "image_std": [0.2] * 3,
    }
    (folder / PREPROCESSOR).write_text(json.dumps(settings))
    return folder


def test_a_hub_model_describes_the_faces(hub_folder):
    encoder = VisualEncoder.from_spec({"name": f"hub:{hub_folder}"})
    assert encoder.width == 8
    image = drawn_face(**EXPRESSIONS["happy"])
    found = encoder.summarise([(0.0, image), (1.0, np.zeros_like(image)), (2.0, image)])
    assert (found.frames, found.frames_with_face) == (3, 2)
    model = ViTModel.from_pretrained(hub_folder, add_pooling_layer=False).eval()
    face = torch.from_numpy(encoder._largest_face(image).copy()).permute(2, 0, 1)[None] / 255
    square = torch.nn.functional.interpolate(face, (16, 16), mode="bilinear", antialias=True)
    with torch.no_grad():
        expected = model((square - 0.4) / 0.2).last_hidden_state[0].mean(0)
    np.testing.assert_allclose(found.features, expected, atol=1e-5)
    assert encoder.encode([(0.0, np.zeros((50, 50, 3), np.uint8))]) is None


def test_a_hub_model_of_another_width_is_refused(hub_folder):
    with pytest.raises(ValueError, match="width = 9: expected 8"):
        VisualEncoder.from_spec({"name": f"hub:{hub_folder}", "width": 9})
