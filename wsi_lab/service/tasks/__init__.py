"""Tasks: what is to be done with some of a study's slides, and what came of it."""
