"""Corpora: one file per corpus, each with a synthetic twin; a loader reads from disk and never downloads.

Import from the file, for instance ``from consona.datasets.faced import load_faced``.
"""
