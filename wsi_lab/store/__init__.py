"""The lab's memory: one SQLite file, and the only code that speaks SQL."""
