"""Shapes on slides: drawn, brought in, shown and taken out."""
