"""Fine-tuning of a text encoder on the conversations of a corpus, for its text features.

A strong encoder that has seen the corpus matters more than the model on top of it. The encoder's
upper layers and a small classifier are trained on whole conversations, window by window. The lower
layers stay frozen, and their states are computed once (`token_states.py`). The pooled states of the
fine-tuned encoder are then the text features on which Sync-TVA is trained.
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
