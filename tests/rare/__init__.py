"""Sequences that are rare and cost money: each was found by somebody who tried to break the app, and was red before it was mended."""
