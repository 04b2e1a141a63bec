"""Uploads by tus 1.0.0 (https://tus.io): files that come piece by piece."""
