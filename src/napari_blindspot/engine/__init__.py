"""Runs the method on real hardware: device, fit, prediction. Importing it loads torch."""

import os

# Has an effect only before torch is loaded. Threads that spin while they wait for each other take the cores
# from those that they wait for as soon as anything else runs, and a fit gets many times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
