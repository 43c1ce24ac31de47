"""Under load: many threads at one pipeline, and a long training; neither's memory grows."""

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
from tests.support.toy_conversations import toy_config
from tests.support.training_program import toy_trainer

THREADS = 8
WIDTHS = {"text": 16, "visual": 5, "audio": 4}
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
    """Raw texts, and the features that a few utterances have beside."""
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
    """What is asked: single conversations, batches, every parameter, explanations."""
    generator = random.Random(0)
    parameters = [
        {},
        {"top_k": None, "calibrate": False},
        {"top_k": 2, "abstain_below": 0.5},
        {"prediction_set": 0.9},
        {"batch_size": 3},
    ]
    asked = []
    for number in range(15):
        given = parameters[number % 5]
        one = conversation(generator, generator.randint(1, 12))
        if "batch_size" in given:
            one = [one, *(conversation(generator, length) for length in (1, 5, 9))]
        asked.append(lambda one=one, given=given: recognise(one, **given))
    for number in range(3):
        one = conversation(generator, 6)
        asked.append(lambda one=one, number=number: recognise.explain(one, number))
    return asked


def resident_megabytes():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def ask_from_threads(recognise, seconds):
    """Answers of all threads by request, and resident memory over time."""
    asked = requests(recognise)
    answers = [{} for _ in range(THREADS)]  # by thread: request → its different answers
    counts = [0] * THREADS
    errors = []
    together = threading.Barrier(THREADS)
    end = time.monotonic() + seconds

    def ask(thread):
        generator = random.Random(thread)
        try:
            together.wait()
            while time.monotonic() < end or len(answers[thread]) < len(asked):
                order = generator.sample(range(len(asked)), len(asked))
                for number in order:
                    answer = asked[number]()
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
    return asked, answers, sum(counts), memory


def assert_as_alone(asked, answers):
    for number, request in enumerate(asked):
        alone = request()
        for thread in answers:
            for answer in thread[number]:
                assert_same(answer, alone)


def assert_same(answer, expected):
    """Equal, numbers to 1e-6: threads may sum in another order."""
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
    """Threads take turns a hundred times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(before / 100)
    yield
    sys.setswitchinterval(before)


def test_threads_that_all_come_first_get_the_answers_of_one(recognise, switching_often):
    text_encoder._load.cache_clear()  # what is loaded with the first answer
    asked, answers, _, _ = ask_from_threads(recognise, seconds=1)
    assert text_encoder._load.cache_info().misses == 1  # once for all of them
    assert_as_alone(asked, answers)


@pytest.mark.slow  # a minute
def test_a_minute_of_threads_leaves_memory_as_it_was(recognise):
    asked, answers, count, memory = ask_from_threads(recognise, seconds=60)
    assert_as_alone(asked, answers)
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
def test_the_memory_of_a_long_training_is_flat_after_its_first_epoch(tmp_path):
    memory = Memory()
    options = {"num_train_epochs": 40, "conversations": 64, "ema_decay": 0.9}
    toy_trainer(tmp_path, **options, modality_dropout=0.3, callbacks=(memory,)).train()
    after = {number: round(memory.megabytes[number - 1], 1) for number in (1, 2, 5, 10, 20, 40)}
    print(f"resident MB after epoch: {after}")
    assert max(memory.megabytes) - memory.megabytes[1] < 8
