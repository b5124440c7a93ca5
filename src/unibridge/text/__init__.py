"""Corpora, label files and parallel text, read and written."""
