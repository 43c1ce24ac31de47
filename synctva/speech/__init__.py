"""Speech in recordings: which words, when, and by which speaker.

`transcription.py` is the way in. It uses `recognition.py` (sound → words, by Whisper, whose weights
`whisper_weights.py` locates), `speakers.py` (who speaks, by the voices that `voice_encoder.py`
describes) and `utterances.py` (words → utterances). Words that the user has take the place of the
recognised ones in `known_words.py`, with times from `alignment.py`.
"""

from synctva.speech.transcription import transcribe
from synctva.speech.utterances import Limits

__all__ = ["Limits", "transcribe"]
