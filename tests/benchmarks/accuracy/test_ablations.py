"""Ablations by name: each changes the model or its training, if it can."""

import pytest
import torch

from benchmarks.accuracy.ablations import ABLATIONS
from synctva.losses import CRITERIA
from synctva.modeling_synctva.configuration_synctva import CROSS_GRAPHS, MODALITIES
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.trainer.arguments import SyncTVATrainingArguments
from synctva.trainer.recipes import RECIPES
from tests.support.toy import toy_batch, toy_config


def arguments(tmp_path, dataset="meld"):
    training = {**RECIPES[dataset].training, "use_cpu": True, "report_to": []}
    return SyncTVATrainingArguments(output_dir=str(tmp_path), **training)


def test_the_parts_of_the_model_and_the_losses_are_there():
    assert {f"no-{graph}" for graph in CROSS_GRAPHS} <= set(ABLATIONS)
    assert {f"loss-{name.replace('_', '-')}" for name in CRITERIA} <= set(ABLATIONS)


@pytest.mark.parametrize("name", ABLATIONS)
def test_each_changes_config_or_training_but_not_its_own_result(tmp_path, name):
    ablation, config, training = ABLATIONS[name], toy_config(), arguments(tmp_path)
    everything = set(MODALITIES)
    expected = name != "loss-class-weighted"  # MELD's own
    assert ablation.changes(config, training, everything) == expected
    for target, values in ((config, ablation.config), (training, ablation.training)):
        for field, value in values.items():
            setattr(target, field, value)
    assert not ablation.changes(config, training, everything)


@pytest.mark.parametrize("name", [name for name, found in ABLATIONS.items() if found.config])
def test_each_change_of_the_config_makes_another_model(name):
    """Other answers, other parameters or another loss from the same seed."""
    batch, found = toy_batch(), []
    for changes in ({}, ABLATIONS[name].config):
        torch.manual_seed(0)
        model = SyncTVAForEmotionRecognition(toy_config(**changes)).eval()
        for parameter_name, parameter in model.named_parameters():
            if "relation_bias" in parameter_name:  # starts at 0, where relations are all alike
                torch.nn.init.normal_(parameter, generator=torch.Generator().manual_seed(1))
        found.append((model.num_parameters(), model(**batch).loss.item()))
    assert found[0] != found[1]


def test_a_graph_without_its_modalities_is_nothing_to_remove(tmp_path):
    config, training = toy_config(), arguments(tmp_path)
    removable = {
        name
        for name, ablation in ABLATIONS.items()
        if name.startswith("no-") and ablation.changes(config, training, {"text", "audio"})
    }
    assert "no-text-audio" in removable
    assert not {"no-text-visual", "no-visual-audio"} & removable


def test_a_value_that_the_recipe_has_is_nothing_to_change(tmp_path):
    config = toy_config()
    for dataset, same in (("meld", "loss-class-weighted"), ("iemocap", "loss-cross-entropy")):
        training = arguments(tmp_path, dataset)
        unchanged = [
            name
            for name, ablation in ABLATIONS.items()
            if not ablation.changes(config, training, set(MODALITIES))
        ]
        assert unchanged == [same]
