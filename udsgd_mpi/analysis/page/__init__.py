"""Pages that stand alone: result files, and shipped experiments with their claims."""
