"""The Batch denoise widget: a table of files, where the results go, and the report."""

from napari_blindspot.widgets.batch.widget import BatchWidget

__all__ = ["BatchWidget"]
