"""The flags of every subcommand."""
