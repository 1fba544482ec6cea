"""The paper's method, one idea a module, in plain torch and without input or output.

Importing this package loads torch; nothing above the engine does so at import time.
"""
