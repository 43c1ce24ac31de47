"""Transcripts in the forms in which people have them → conversations.

`reading` recognises the form and reads a file or a text. Every other module reads a family of
forms, from text to a `Transcript`.
"""
