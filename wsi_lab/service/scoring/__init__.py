"""Questions, what was answered to them, and the maps of tissue microarrays."""
