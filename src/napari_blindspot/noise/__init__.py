"""Measuring the noise of one image from its own pixels, and choosing the gap by it.

numpy and scipy only. How a fit uses what was measured belongs to `napari_blindspot.engine`.
"""
