"""The image formats, and what their readers and writers share.

A module whose name ends in ``_format`` declares formats, and `registry` lists them; the modules beside them
read and write. Programs open and write files with `napari_blindspot.files.door`, not with these modules.
"""
