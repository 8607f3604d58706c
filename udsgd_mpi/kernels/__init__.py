"""Compiled loops and what they are made of: sums, random numbers, rounding, counters."""
