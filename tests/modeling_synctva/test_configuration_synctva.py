import json

import pytest
from huggingface_hub.errors import StrictDataclassError

from synctva.modeling_synctva.configuration_synctva import SyncTVAConfig
from tests.support.toy import toy_config


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hidden_size", 0), ("hidden_size", 15), ("hidden_size", "16"), ("text_dim", -1),
        ("num_attention_heads", 3), ("hidden_dropout_prob", 1.0), ("hidden_dropout_prob", -0.1),
        ("past_window", -1), ("max_distance", 1.5), ("value_rank", 0),
        ("auxiliary_loss_weight", -1), ("strength_loss_weight", float("inf")),
        ("layer_norm_eps", 0.0), ("graph_attention", "dense"), ("cross_graphs", ["text-smell"]),
        ("cross_graphs", ["text-audio", "text-audio"]), ("text_max_length", 4),
        ("causal", "yes"), ("calibration_temperature", 0), ("calibration_temperature", "hot"),
        ("calibration_temperature", float("nan")), ("conformal_thresholds", [0.5]),
        ("conformal_thresholds", [0.5] * 98 + [0.4]), ("conformal_thresholds", [0.5] * 98 + [1.5]),
        ("conformal_thresholds", [float("nan")] * 99), ("conformal_thresholds", ["0.5"] * 99),
    ],
)  # fmt: skip
def test_out_of_range_names_field_value_and_expectation(field, value):
    with pytest.raises((StrictDataclassError, TypeError)) as error:
        toy_config(**{field: value})
    message = str(error.value)
    blamed = "hidden_size" if field == "num_attention_heads" else field
    assert blamed in message
    assert "expected" in message
    if field != "num_attention_heads":
        assert str(value) in message or repr(value) in message or type(value).__name__ in message


def test_causal_requires_empty_future_windows():
    with pytest.raises(StrictDataclassError, match="future_window = 2: expected 0, because causal"):
        toy_config(causal=True)


@pytest.mark.parametrize("kind", ["regression", "multi_label_classification"])
def test_other_problems_are_refused(kind):
    with pytest.raises(StrictDataclassError, match=f"problem_type = '{kind}': expected None"):
        toy_config(problem_type=kind)
    with pytest.raises(StrictDataclassError, match=f"problem_type = '{kind}': expected None"):
        SyncTVAConfig.from_dict(toy_config().to_dict(), problem_type=kind)
    assert toy_config(problem_type="single_label_classification").num_labels == 3


def test_round_trip(tmp_path):
    config = toy_config(
        cross_graphs=["text-audio"],
        id2label={0: "calm", 1: "angry"},
        calibration_temperature=1.25,
        conformal_thresholds=[0, *(level / 100 for level in range(2, 99)), 1.0],
    )
    config.save_pretrained(tmp_path)
    loaded = SyncTVAConfig.from_pretrained(tmp_path)
    assert loaded.to_dict() | {"transformers_version": None} == config.to_dict() | {
        "transformers_version": None
    }
    assert loaded.id2label == {0: "calm", 1: "angry"} and loaded.label2id["angry"] == 1


def test_default_labels_are_those_of_meld():
    assert next(iter(SyncTVAConfig().id2label.values())) == "neutral"
    assert SyncTVAConfig().num_labels == 7
    assert SyncTVAConfig(num_labels=4).num_labels == 4


def test_labels_agree_with_each_other():
    assert SyncTVAConfig(label2id={"no": 0, "yes": 1}).id2label == {0: "no", 1: "yes"}
    assert SyncTVAConfig(id2label={0: "no", 1: "yes"}).label2id == {"no": 0, "yes": 1}
    with pytest.raises(ValueError, match=r"label2id = .*: expected the inverse of id2label"):
        toy_config(label2id={"calm": 1, "glad": 0, "cross": 2})
    with pytest.raises(ValueError, match="num_labels = 4: expected 3, because id2label has as"):
        toy_config(num_labels=4)
    with pytest.raises(ValueError, match="label2id = 'calm': expected a dictionary"):
        toy_config(label2id="calm")


def test_dropping_a_calibration():
    config = toy_config(calibration_temperature=2.0, conformal_thresholds=[0.5] * 99)
    assert config.is_calibrated
    config.drop_calibration()
    assert (config.calibration_temperature, config.conformal_thresholds) == (1.0, None)
    assert not config.is_calibrated
    assert toy_config(conformal_thresholds=[0.5] * 99).is_calibrated


def test_a_printed_config_has_its_lists_in_lines():
    config = toy_config(conformal_thresholds=[level / 100 for level in range(1, 100)])
    printed = repr(config)
    assert '"conformal_thresholds": [0.01, 0.02, ... 96 more ..., 0.99],\n' in printed
    plain = repr(toy_config(architectures=["One", "Two"]))
    assert '"architectures": ["One", "Two"],\n' in plain
    assert json.loads(plain.partition(" ")[2]) == json.loads(
        toy_config(architectures=["One", "Two"]).to_json_string()
    )


def test_installed_code_needs_no_trust_remote_code():
    assert not hasattr(SyncTVAConfig(), "custom_pipelines")
    assert SyncTVAConfig().to_dict()["custom_pipelines"]
