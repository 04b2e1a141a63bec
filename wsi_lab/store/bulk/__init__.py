"""Shapes and grids that came at once, as rows."""
