"""Readings: what readers go through, how far they are, and how they are asked in."""
