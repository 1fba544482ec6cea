"""The command line. `napari_blindspot.cli.app` declares the options, each other module does one command."""
