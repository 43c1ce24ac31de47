"""The corpora: MELD, IEMOCAP from a CSV or from its release, and a simulator."""
