"""What is predicted is what is measured."""
