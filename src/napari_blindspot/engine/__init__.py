"""Runs the method on real hardware: device, fit, prediction. Importing it loads torch."""
