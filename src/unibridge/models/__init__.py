"""Pretrained models: loading them, and what differs between their families."""
