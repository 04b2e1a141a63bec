"""Bytes and texts of other systems <-> the model. Pure, and limited: what comes in is hostile."""
