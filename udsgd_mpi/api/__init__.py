"""The package from Python: what the command line does, as functions that leave no trace."""
