"""Properties that hold for whatever is given: hypothesis looks for what they do not hold for.

A run of all tests takes few examples and always the same; `HYPOTHESIS_PROFILE=search` looks for new ones.
"""

import os

from hypothesis import HealthCheck, settings

_SHARED = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("run", derandomize=True, max_examples=20, **_SHARED)
settings.register_profile("search", max_examples=500, **_SHARED)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "run"))
