"""The door of PHAS: what its Python client asks for, and what its own pages do."""
