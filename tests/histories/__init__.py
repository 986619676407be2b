"""Histories of jobs, kept: what is under way when a new version comes must be told on by it."""
