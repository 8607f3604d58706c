"""What a run will take, and what its user should know, before it is run."""
