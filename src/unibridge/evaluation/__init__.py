"""Scores as records: rows of JSON lines."""
