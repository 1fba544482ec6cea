"""Devices: which there are, what they can do, how much memory they have, and what torch must be told.

What is computed on them belongs to the other modules of `napari_blindspot.engine`.
"""
