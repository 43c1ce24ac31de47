"""Recordings and their transcripts: containers, sources, and the features of their utterances."""
