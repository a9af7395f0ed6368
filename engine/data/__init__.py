"""Data sets: what they are (`names`), how they are read, split and prepared. Importing this imports no torch."""
