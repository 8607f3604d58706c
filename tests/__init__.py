"""Tests: each module states in its first line what must hold."""
