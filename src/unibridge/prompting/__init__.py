"""Texts classified by what a masked language model says in a blank."""
