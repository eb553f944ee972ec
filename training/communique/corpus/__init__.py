"""Statements on their way in and out: reading, writing, duplicates, lint and splits."""
