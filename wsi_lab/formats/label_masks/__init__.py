"""Label masks: pictures whose pixels say what lies there, as number; 0 is nothing."""
