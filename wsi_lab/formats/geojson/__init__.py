"""GeoJSON, plain and as QuPath writes it, and QuPath's tables of measurements.

What single objects say stays with them: their text is given back equal as long as nobody edits
them. Very many are read by a compiled scanner where they are plain, and side by side otherwise.
"""
