"""The door of WSI Streamer: slides of one source, by their keys there."""
