"""One file from open to written: its planes are fitted, kept, and put together with their record.

The commands `denoise` and `batch`, the cluster and the batch widget all use it. Many files belong to
`napari_blindspot.batch`; how one plane is fitted belongs to `napari_blindspot.engine`.
"""
