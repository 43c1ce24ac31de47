import unittest

import pytest

from synctva import SyncTVAProcessor
from tests.support.toy import WIDTHS

from . import upstream
from .skips import PROCESSOR, skip

common = upstream.load("test_processing_common")

pytestmark = pytest.mark.slow


@skip(PROCESSOR)
class SyncTVAProcessorTest(common.ProcessorTesterMixin, unittest.TestCase):
    processor_class = SyncTVAProcessor

    @staticmethod
    def prepare_processor_dict():
        names = [f"measure {number}" for number in range(WIDTHS["audio"])]
        return {f"{name}_dim": width for name, width in WIDTHS.items()} | {"audio_features": names}
