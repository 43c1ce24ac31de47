"""A text encoder fine-tuned on the conversations of a corpus, for the features of its utterances.

A strong encoder that has seen the corpus matters more than what is built on top of it. Its upper
layers and a small classifier are trained on whole conversations, window by window; the lower layers
stay as they are, and their states are computed once (`token_states.py`). Then the encoder's pooled
states are the text features on which Sync-TVA is trained.
"""

from synctva.finetuning.arguments import FinetuningArguments
from synctva.finetuning.finetuner import CONTEXT, Finetuner, load_encoder, save_encoder

__all__ = [
    "CONTEXT",
    "Finetuner",
    "FinetuningArguments",
    "load_encoder",
    "save_encoder",
]
