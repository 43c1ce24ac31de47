"""Speech in recordings: which words, when, and by which speaker.

`transcription.py` is the way in. It uses `recognition.py` (sound → words, by Whisper, whose weights
`whisper_weights.py` locates), `speakers.py` (who speaks, by the voices that `voice_encoder.py`
describes) and `utterances.py` (words → utterances).
"""

from synctva.speech.transcription import transcribe
from synctva.speech.utterances import Limits

__all__ = ["Limits", "transcribe"]
