"""Guided reasoning: from task-fMRI to a steered and a tuned model, and what the brain added."""

from consona.studies.guided_reasoning.study import GuidedReasoning

__all__ = ["GuidedReasoning"]
