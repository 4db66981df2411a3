"""Mutations of each promise's own code, and the run that shows which tests see them."""
