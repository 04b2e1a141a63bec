"""The part of `v1` that is about annotations."""
