"""Agents that are away, reads that are stale, models that walk: updates, laws and predictions."""
