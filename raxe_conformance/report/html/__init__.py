"""The report as pages: one HTML file a variant and an index, each without any outside request.

source reads and refuses, curves counts, canvas and charts draw, page and index_page gather what the templates show,
site writes.
"""
