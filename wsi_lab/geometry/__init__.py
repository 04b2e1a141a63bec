"""Shapes by the million: as columns, packed, drawn, and written; compiled where it counts."""
