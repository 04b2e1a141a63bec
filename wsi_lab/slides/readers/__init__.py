"""One reader per way to get pixels out of a file, all behind `wsi_lab.slides.reader.Reader`."""
