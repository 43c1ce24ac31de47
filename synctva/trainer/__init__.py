"""Training: `SyncTVATrainer` and its parts.

`trainer`, `arguments`, `recipes` and `preparation` are what one trains with. The rest are parts of
them: `collator`, `sampling`, `streaming` and `statistics` prepare the data, `parent` is the
checkpoint to start from, `checkpoints`, `averaging` and `pushing` each add one ability to
transformers' Trainer. Nothing is imported here, so that each module costs what it needs itself.
"""
