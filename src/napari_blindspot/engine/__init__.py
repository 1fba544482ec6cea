"""What makes the method fast and safe: `fit_plane`, the only door, and what lies behind it.

Importing it loads torch. Networks, masks and losses belong to `napari_blindspot.method`, stacks to
`napari_blindspot.stack`.
"""

import os

# Has an effect only before torch is loaded. Threads that spin while they wait for each other take the cores
# from those that they wait for as soon as anything else runs, and a fit gets many times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
