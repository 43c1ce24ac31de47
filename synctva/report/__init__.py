"""A conversation and its emotions as one page for the browser, which needs nothing else."""

from .page import report_page

__all__ = ["report_page"]
