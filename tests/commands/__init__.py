"""What a user types, what is said, and which files it leaves."""
