"""Jobs on small recordings, and one that has been run."""

import shutil

import pytest

from synctva.recording_jobs.listing import list_recordings
from synctva.recording_jobs.recogniser import RecordingRecogniser
from synctva.recording_jobs.running import run_job
from tests.support.recording_jobs import toy_recogniser, write_recordings, write_toy_model


class Job:
    """A job whose recogniser counts what it hears."""

    def __init__(self, model, source, output, **options):
        self.heard = 0
        self.source, self.output = source, output
        options = {"parameters": {"top_k": None}, "recogniser": self.hear} | options
        self.recogniser = RecordingRecogniser(model, output, **options)

    def hear(self, samples, language):
        self.heard += 1
        return toy_recogniser(samples, language)

    def run(self):
        return run_job(list_recordings(self.source, self.output), self.output, self.recogniser)


@pytest.fixture(scope="session")
def toy_sound_model(tmp_path_factory):
    return write_toy_model(tmp_path_factory.mktemp("toy_sound_model"))


@pytest.fixture(scope="session")
def done(toy_sound_model, tmp_path_factory):
    """A job that has been run; its folder is not to be changed."""
    folder = tmp_path_factory.mktemp("done")
    write_recordings(folder / "recordings")
    job = Job(toy_sound_model, folder / "recordings", folder / "out")
    job.errors = job.run()
    return job


@pytest.fixture
def job(done, toy_sound_model, tmp_path):
    """The same job in a folder of its own, which may be changed."""
    for folder in (done.source, done.output):
        shutil.copytree(folder, tmp_path / folder.name)
    return Job(toy_sound_model, tmp_path / done.source.name, tmp_path / done.output.name)
