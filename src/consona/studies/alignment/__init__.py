"""Alignment: your own stimuli, your own recordings, and a model or a table of features."""

from consona.studies.alignment.study import Alignment

__all__ = ["Alignment"]
