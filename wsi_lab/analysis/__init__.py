"""What a study's results say: how far readers agree, what they say together, and plots of both.

Works on any frame, wherever it comes from; `wsi_lab.client` makes them of studies.
"""
