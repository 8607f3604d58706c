"""Data sets, and how they are shared out to the agents."""
