"""The scores as a module for `evaluate.load("synctva/metrics/emotion_metrics.py")`, offline.

It only wraps `scores.py`. Evaluate copies this file into the user's cache and runs it there, so
that relative imports would fail.
"""

import datasets
import evaluate

from synctva.metrics.scores import score

_DESCRIPTION = """Emotion recognition in conversation: accuracy, weighted and macro F1, F1 of each
class, negative log-likelihood, expected calibration error and confusion matrix."""

_INPUTS = """
Args:
    predictions: logits or log-probabilities of the labelled utterances, (K, C).
    references: their true classes, (K,) integers in [0, C).
    label_names: the C names in the order of the classes.
Returns:
    The dictionary of `synctva.metrics.scores.score`.
"""

_CITATION = """@article{guo2017calibration,
  title={On Calibration of Modern Neural Networks},
  author={Guo, Chuan and Pleiss, Geoff and Sun, Yu and Weinberger, Kilian Q.},
  journal={arXiv:1706.04599},
  year={2017}
}"""


class EmotionMetrics(evaluate.Metric):
    """All scores of `results.json` at once, and the confusion matrix."""

    def _info(self):
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_INPUTS,
            features=datasets.Features(
                {
                    "predictions": datasets.List(datasets.Value("float64")),
                    "references": datasets.Value("int64"),
                }
            ),
        )

    def _compute(self, predictions, references, label_names):
        return score(predictions, references, label_names)
