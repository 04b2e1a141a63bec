"""The door of Slide Score: its methods, tokens and files, for its released clients."""
