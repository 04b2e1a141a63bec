"""Pixels out of slide files: no HTTP, no SQL, no rights."""
