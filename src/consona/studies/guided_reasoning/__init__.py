"""Guided reasoning: from task-fMRI to a steered and a tuned model, and what the brain added."""
