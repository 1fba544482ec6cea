"""What the commands of the command line do; `napari_blindspot.cli` only declares their options."""
