"""Prints every lower bound of pyproject.toml, held: `numpy>=1.26` is `numpy==1.26.*` here.

    python .ci/lowest.py [name ...]

With names only those of these packages. What was not built for the Python that runs this is held at
the first that was.
"""

import re
import sys
from pathlib import Path

#: By the Python that needs it: the first TensorFlow that was built for it.
FIRST_TENSORFLOW = {(3, 13): "2.20"}


def lowest(names):
    text = (Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8")
    # A need with an upper bound too is about a tool, not about what users have.
    for name, version in re.findall(r'"([a-z0-9-]+)>=([0-9.]+)"', text):
        held = version
        if name.startswith("tensorflow"):
            held = FIRST_TENSORFLOW.get(sys.version_info[:2], version)
        if not names or name in names:
            yield f"{name}=={held}.*"


sys.stdout.writelines(f"{line}\n" for line in dict.fromkeys(lowest(sys.argv[1:])))
