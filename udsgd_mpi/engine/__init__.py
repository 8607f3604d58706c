"""The equation, and what carries it out: iterates, draws, steps, placement, measures."""
