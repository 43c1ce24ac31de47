"""Cards of models and data sets: README.md for the Hub."""
