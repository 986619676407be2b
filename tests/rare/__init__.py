"""Sequences that are rare and cost money: each was found by trying to break the app, and was red before it was mended."""
