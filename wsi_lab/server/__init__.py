"""The lab over HTTP: one list of routes, one base handler, one table from error to status."""
