"""The Batch denoise widget: many files, with a table that says how far each is."""
