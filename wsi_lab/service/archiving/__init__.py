"""Whole studies as files: out of a lab, and into one."""
