"""Theory: what a run is compared with."""
