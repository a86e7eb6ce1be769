"""Agreement between models and brains: from features and recordings to scores."""

from consona.alignment.projection import HOLD_OUTS, projection

__all__ = ["HOLD_OUTS", "projection"]
