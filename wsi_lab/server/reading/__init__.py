"""Readings over HTTP: what readers go through, by numbers and not by ids."""
