"""The page in the browser, which `synctva app` serves.

`page.py` lays it out, `analysis.py` has the work behind its buttons, and `explanation.py` shows why
an utterance got its emotion.
"""

from .page import APPEARANCE, build_page, import_gradio

__all__ = ["APPEARANCE", "build_page", "import_gradio"]
