"""What a user would pick instead, each family of methods in a module.

A module declares its methods in ``METHODS``, a tuple of
`napari_blindspot.benchmark.method_protocol.Method`, and `napari_blindspot.benchmark.methods` finds it by
that. A new peer is a new module here and nothing else. Importing such a module must be cheap: torch and
packages of others are imported by the factories.
"""
