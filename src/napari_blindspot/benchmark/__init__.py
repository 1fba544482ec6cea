"""The yardstick: this project and its rivals on the same images, in the same run, by the field's protocol.

`napari_blindspot.benchmark.cli` has the commands. Importing the package loads neither torch nor any peer.
"""
