"""The transfer study: what a little training on one language does to a task in another."""
