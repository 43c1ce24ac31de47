"""Training: `SyncTVATrainer` and its parts.

`trainer`, `arguments`, `recipes` and `preparation` are what one trains with. The rest are parts of
them: `collator`, `sampling`, `streaming` and `statistics` prepare the data, `parent` is the
checkpoint to start from, `checkpoints`, `averaging` and `pushing` each add one ability to
transformers' Trainer. `command_options` are the options of `synctva train`; `search` and
`search_space` look for the best arguments, and `run_settings` keeps a run from being continued with
others. Nothing is imported here, so that each module costs what it needs itself.
"""
