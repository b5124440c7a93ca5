"""Adapting to a language, learning a task, and what is made of both."""
