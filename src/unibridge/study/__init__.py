"""The whole journey of a run, and its stages as folders."""
