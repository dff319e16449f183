"""What the notebooks need: a start, pictures and checks."""
