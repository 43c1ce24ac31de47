"""Training: `SyncTVATrainer` and its parts.

`trainer`, `arguments` and `recipes` are what one trains with. The rest are parts of the trainer:
`collator`, `sampling`, `streaming` and `statistics` prepare the data, `checkpoints`, `averaging`
and `pushing` each add one ability to transformers' Trainer. Nothing is imported here, so that each
module costs what it needs itself.
"""
