"""Files of every version that has been kept, as text."""
