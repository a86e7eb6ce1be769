"""The studies: each names its steps, ends in claims, and answers for its controls."""
