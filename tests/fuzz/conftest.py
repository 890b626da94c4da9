"""How many examples are tried: few and always the same in CI, many and new ones elsewhere."""

from __future__ import annotations

import os

import hypothesis

#: No deadline: a busy machine is slow. No database: it would lie in the folder of whoever runs it.
COMMON = {
    "deadline": None,
    "database": None,
    "suppress_health_check": list(hypothesis.HealthCheck),
}

hypothesis.settings.register_profile("ci", max_examples=25, derandomize=True, **COMMON)
hypothesis.settings.register_profile("long", max_examples=3000, print_blob=True, **COMMON)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
