"""Show and explain the emotions of a conversation on a page in the browser.

    synctva app                          # http://127.0.0.1:7860, only for this machine
    synctva app --model runs/meld-seed0 --port 8000
    synctva app --write_space space      # a folder to upload as a Space of the Hub

The page needs Gradio, which the extra `app` installs. docs/app.md describes it.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence

from transformers import pipeline
from transformers.utils import logging

from synctva.app import APPEARANCE, build_page, import_gradio
from synctva.model_lookup import find_model
from synctva.space import write_space
from synctva_command_line.parsing import parse, parser_of


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    return parse(parser_of("app"), arguments)


def main(arguments: Sequence[str]) -> None:
    options = parse_arguments(arguments)
    model = find_model(options.model)
    if options.write_space:
        write_space(options.write_space, model)
        print(f"hf upload --repo-type space <user/name> {options.write_space} .")
        return
    gradio = import_gradio()  # before the model is loaded, because it may be missing
    # The browser draws the characters that matplotlib's font lacks.
    warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
    logging.disable_progress_bar()
    page = build_page(pipeline("emotion-recognition", model=model))
    page.launch(
        server_name=options.host,
        server_port=options.port,
        share=False,
        show_error=True,
        max_file_size="4gb",
        footer_links=[],
        # Darker than Gradio's colours, so that text has a contrast of at least 4.5 to 1.
        theme=gradio.themes.Default(primary_hue="blue").set(
            button_primary_background_fill="*primary_700",
            button_primary_background_fill_hover="*primary_800",
            block_info_text_color="*neutral_600",
        ),
        css=APPEARANCE,
    )
