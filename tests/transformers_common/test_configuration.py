import unittest

import pytest

from synctva import SyncTVAConfig

from . import upstream

common = upstream.load("test_configuration_common")

pytestmark = pytest.mark.slow

STEPS = [
    name for name in dir(common.ConfigTester) if name.startswith(("create_and_test_", "check_"))
]
"""The steps of `ConfigTester.run_common_tests`."""


@pytest.mark.parametrize("step", STEPS)
def test_config(step):
    tester = common.ConfigTester(
        unittest.TestCase(),
        config_class=SyncTVAConfig,
        has_text_modality=False,  # no vocabulary
        text_dim=12,
        hidden_size=32,
        cross_graphs=["text-audio"],
        causal=False,
    )
    getattr(tester, step)()
