"""Cytomine's interface, as its clients and the scripts of ATrISys use it."""
