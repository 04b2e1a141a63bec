"""Frozen values and pure rules of the field: no I/O, no HTTP, no SQL."""
