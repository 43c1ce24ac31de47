import unittest

import pytest

from synctva import SyncTVAForEmotionRecognition, SyncTVAModel
from tests.support.toy import toy_batch, toy_config

from . import upstream
from .skips import MODEL, skip

common = upstream.load("test_modeling_common")

pytestmark = pytest.mark.slow


class SyncTVAModelTester:
    """A toy configuration and a toy batch, with the attributes that the common tests read."""

    is_training = True

    def __init__(self):
        config = self.get_config()
        self.hidden_size = config.hidden_size
        self.num_hidden_layers = config.num_hidden_layers
        self.num_attention_heads = config.num_attention_heads
        self.inputs = toy_batch()
        del self.inputs["labels"]
        self.batch_size, self.seq_length = self.inputs["attention_mask"].shape
        # Four rows for each utterance: a node for each modality, or one for none.
        self.encoder_seq_length = 4 * self.seq_length

    def get_config(self):
        return toy_config()

    def prepare_config_and_inputs_for_common(self):
        return self.get_config(), dict(self.inputs)


@skip(MODEL)
class SyncTVAModelTest(common.ModelTesterMixin, unittest.TestCase):
    all_model_classes = (SyncTVAModel, SyncTVAForEmotionRecognition)
    # transformers reads a model's age from the copyright line of its file, which ours lacks.
    test_can_init_all_missing_weights_before_2023 = True

    def setUp(self):
        self.model_tester = SyncTVAModelTester()
