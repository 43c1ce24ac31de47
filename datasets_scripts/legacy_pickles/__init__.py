"""The feature pickles of published code, read without executing them.

`loading` makes conversations of a file, `forms` lists the published forms, `members` reads the
values of a form, and `safe_unpickling` with `safe_globals` opens the pickle.
"""
