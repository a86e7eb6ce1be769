"""Valence axis: is the valence of a language model also in the EEG of people who watch films?"""

from consona.studies.valence_axis.study import PAPER_MODELS, ValenceAxis

__all__ = ["PAPER_MODELS", "ValenceAxis"]
