"""Many threads that share a pipeline, and a long training: memory does not grow."""

import random
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import TrainerCallback, pipeline

from synctva.modeling_synctva import text_encoder
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from tests.support import toy
from tests.support.toy import toy_config
from tests.support.training_program import toy_trainer

THREADS = 8
WIDTHS = {**toy.WIDTHS, "text": 16}
WORDS = ["hello", "no", "way", "good", "bad", "day", "!"]


@pytest.fixture
def recognise(tmp_path, toy_encoder_spec):
    torch.manual_seed(0)
    thresholds = np.linspace(0.2, 1, 99).tolist()
    config = toy_config(text_dim=16, calibration_temperature=1.7, conformal_thresholds=thresholds)
    SyncTVAForEmotionRecognition(config).save_pretrained(tmp_path)
    SyncTVAProcessor(*WIDTHS.values(), text_encoder=toy_encoder_spec).save_pretrained(tmp_path)
    return pipeline("emotion-recognition", model=str(tmp_path))


def conversation(generator, length):
    """Return a conversation of texts, with features for some utterances."""
    utterances = []
    for _ in range(length):
        utterance = {
            "text": " ".join(generator.choices(WORDS, k=generator.randint(0, 9))),
            "speaker": generator.choice(["Ann", "Bo", "Cy"]),
        }
        for name in ("visual", "audio"):
            if generator.random() < 0.5:
                values = [generator.gauss(0, 1) for _ in range(WIDTHS[name])]
                utterance[f"{name}_features"] = values
        utterances.append(utterance)
    return utterances


def requests(recognise):
    """Return calls with single conversations, batches, each parameter, and explanations."""
    generator = random.Random(0)
    parameters = [
        {},
        {"top_k": None, "calibrate": False},
        {"top_k": 2, "abstain_below": 0.5},
        {"prediction_set": 0.9},
        {"batch_size": 3},
    ]
    calls = []
    for number in range(15):
        options = parameters[number % 5]
        one = conversation(generator, generator.randint(1, 12))
        if "batch_size" in options:
            one = [one, *(conversation(generator, length) for length in (1, 5, 9))]
        calls.append(lambda one=one, options=options: recognise(one, **options))
    for number in range(3):
        one = conversation(generator, 6)
        calls.append(lambda one=one, number=number: recognise.explain(one, number))
    return calls


def resident_megabytes():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def ask_from_threads(recognise, seconds):
    """Return the calls, the answers of each thread, the number of answers and memory over time."""
    calls = requests(recognise)
    answers = [{} for _ in range(THREADS)]  # per thread: call → its different answers
    counts = [0] * THREADS
    errors = []
    together = threading.Barrier(THREADS)
    end = time.monotonic() + seconds

    def ask(thread):
        generator = random.Random(thread)
        try:
            together.wait()
            while time.monotonic() < end or len(answers[thread]) < len(calls):
                order = generator.sample(range(len(calls)), len(calls))
                for number in order:
                    answer = calls[number]()
                    known = answers[thread].setdefault(number, [])
                    if answer not in known:
                        known.append(answer)
                    counts[thread] += 1
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=ask, args=(thread,)) for thread in range(THREADS)]
    for thread in threads:
        thread.start()
    memory = []
    while any(thread.is_alive() for thread in threads):
        memory.append(resident_megabytes())
        time.sleep(min(1.0, seconds / 20))
    for thread in threads:
        thread.join()
    assert not errors, errors
    return calls, answers, sum(counts), memory


def assert_same_without_threads(calls, answers):
    for number, call in enumerate(calls):
        expected = call()
        for thread in answers:
            for answer in thread[number]:
                assert_same(answer, expected)


def assert_same(answer, expected):
    """Check that answers are equal, numbers up to 1e-6: threads may sum in another order."""
    if isinstance(expected, dict):
        assert list(answer) == list(expected)
        for key in expected:
            assert_same(answer[key], expected[key])
    elif isinstance(expected, list):
        assert len(answer) == len(expected)
        for one, other in zip(answer, expected, strict=True):
            assert_same(one, other)
    else:
        assert answer == pytest.approx(expected, abs=1e-6)


@pytest.fixture
def switching_often():
    """Make threads switch a hundred times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(before / 100)
    yield
    sys.setswitchinterval(before)


def test_concurrent_first_calls_give_the_same_answers_as_one_thread(recognise, switching_often):
    text_encoder._load.cache_clear()  # so that the first call loads it
    calls, answers, _, _ = ask_from_threads(recognise, seconds=1)
    assert text_encoder._load.cache_info().misses == 1  # once for all threads
    assert_same_without_threads(calls, answers)


@pytest.mark.slow  # a minute
def test_memory_does_not_grow_in_a_minute_of_threads(recognise):
    calls, answers, count, memory = ask_from_threads(recognise, seconds=60)
    assert_same_without_threads(calls, answers)
    warm = memory[len(memory) // 4]
    print(f"{count} calls; resident after a quarter {warm:.1f} MB, at the end {memory[-1]:.1f} MB")
    assert memory[-1] - warm < 8


class Memory(TrainerCallback):
    """Resident memory after each epoch."""

    def __init__(self):
        self.megabytes = []

    def on_epoch_end(self, args, state, control, **kwargs):
        self.megabytes.append(resident_megabytes())


@pytest.mark.slow  # half a minute
def test_memory_does_not_grow_in_a_long_training(tmp_path):
    memory = Memory()
    options = {"num_train_epochs": 40, "conversations": 64, "ema_decay": 0.9}
    toy_trainer(tmp_path, **options, modality_dropout=0.3, callbacks=(memory,)).train()
    after = {number: round(memory.megabytes[number - 1], 1) for number in (1, 2, 5, 10, 20, 40)}
    print(f"resident MB after epoch: {after}")
    assert max(memory.megabytes) - memory.megabytes[1] < 8
