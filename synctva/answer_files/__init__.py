"""Answers in files: JSON, tables, subtitles, labels, annotation, and the report."""

from .writing import FORMS, Form, answer_paths, write_answers

__all__ = ["FORMS", "Form", "answer_paths", "write_answers"]
