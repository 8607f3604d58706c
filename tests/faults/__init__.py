"""Faults: kills, hangs, full disks, and what survives them."""
