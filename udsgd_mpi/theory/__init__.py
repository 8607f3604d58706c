"""Theory: what a run is held against."""
