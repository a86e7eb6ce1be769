"""Concepts in a model: axes fitted from texts, and what they can do."""

from consona.concepts.axis import difference_axis, explained_share, level_axis, principal_axis, random_axes

__all__ = ["difference_axis", "explained_share", "level_axis", "principal_axis", "random_axes"]
