"""Sound: decoding, prosody as Praat defines it, spectra, and the audio encoder."""
