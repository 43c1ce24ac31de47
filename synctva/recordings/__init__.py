"""Recordings: containers, sources, and the features of their utterances."""
