"""Whole studies from configuration files, and back into them."""
