"""What both widgets use, such as the form and the worker thread; and napari's reader and samples."""
