"""Bottleneck and invertible adapters, put into a model and taken out again."""
