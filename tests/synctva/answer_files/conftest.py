"""Conversations with answers."""

import pytest


def answer(label="joy", score=0.72, **other):
    scores = {"joy": 0.72, "anger": 0.2, "neutral": 0.08}
    return {
        "label": label,
        "score": score,
        "scores": scores,
        "strengths": {"text": 0.4, "visual": 0.0, "audio": 0.3},
        "modalities": ["text", "audio"],
        "informative": True,
        "cautions": [],
        **other,
    }


@pytest.fixture
def answered():
    """Three utterances by two speakers, and one by nobody known whose words look like a speaker."""
    said = [
        {"speaker": "Ann", "text": "I got the job!", "start": 0.5, "end": 1.987, "confidence": 0.9},
        {"speaker": "Bo Li", "text": "“Really?” R&B, 3 < 4", "start": 1.5, "end": 3661.25},
        {"speaker": "Ann", "text": "42", "start": 2.0, "end": 2.5},
        {"text": "Note: nobody knows who says this.", "start": 4000.0, "end": 4001.001},
    ]
    answers = [
        answer(),
        answer("anger", 0.2, informative=False, cautions=["a caution", "another"]),
        answer(None, 0.3, prediction_set=["joy", "anger"]),
        {"error": "it cannot be read"},
    ]
    return [{**u, **a} for u, a in zip(said, answers, strict=True)]
