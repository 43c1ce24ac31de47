"""How far the recognition of speech is, on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def progress_bar() -> Iterator[Callable[[float], None] | None]:
    """Show a bar with the time left on stderr, which goes away at the end.

    Yields:
        A function to call with the part that is done, in [0, 1], for `transcribe`; None if stderr
        is not a terminal.
    """
    form = "{desc}: {percentage:3.0f}% |{bar:30}| {elapsed}, {remaining} left"
    with tqdm(desc="listening", total=1.0, bar_format=form, disable=None, leave=False) as bar:

        def show(done: float) -> None:
            bar.update(max(done - bar.n, 0.0))
            if done >= 1:
                bar.close()  # before anything else is written there

        yield None if bar.disable else show


__all__ = ["progress_bar"]
