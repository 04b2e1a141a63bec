"""The handlers of the lab's own interface, `v1`, a file for each noun."""
