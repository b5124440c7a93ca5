"""Training examples in other words."""
