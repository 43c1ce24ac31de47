"""Cross-validation: every conversation is held out once, by a model that has not seen it.

`folds` says which conversations each fold holds out, `running` trains and tests the folds, and
`report` puts their scores together.
"""
