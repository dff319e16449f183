"""Names of the images in which the repositories of the data sets are installed.

SWE-Gym's are published as `xingyaoww/sweb.eval.x86_64.…` with `__` written `_s_`
(https://github.com/SWE-Gym/SWE-Gym), SWE-bench's as `swebench/sweb.eval.x86_64.…` with
`_1776_` (https://github.com/SWE-bench/SWE-bench), because names of images cannot hold
two underscores in a row. SWE-smith names its images in a column.
"""

from __future__ import annotations

from toolkit.environments.swe_gym.records import Record

WORKDIR = "/testbed"
"""Where the repository is in an image."""
ACTIVATE = "/opt/miniconda3/bin/activate"
"""Script that enters the conda environment with what the repository needs."""
CONDA_ENV = "testbed"
"""Name of that environment."""
TYPICAL_GB = 3
"""What an image takes on disk when it shares few layers with others: 1 to 5 GB."""
_PUBLISHED = {
    "swe-gym": ("xingyaoww/sweb.eval.x86_64.", "_s_"),
    "swe-bench": ("swebench/sweb.eval.x86_64.", "_1776_"),
}


def image_of(record: Record) -> str:
    """Return the full name of the image of a task.

    An image that the row names wins. Names without a registry are Docker Hub's; they
    are written out, because Podman does not guess.

    >>> from dataclasses import replace
    >>> record = Record(
    ...     instance="getmoto__moto-5406", kind="swe-gym", repo="getmoto/moto",
    ...     problem="", gold="", test_patch="", fail_to_pass=(), pass_to_pass=(),
    ... )
    >>> image_of(record)
    'docker.io/xingyaoww/sweb.eval.x86_64.getmoto_s_moto-5406:latest'
    >>> image_of(replace(record, kind="swe-bench", instance="psf__requests-1"))
    'docker.io/swebench/sweb.eval.x86_64.psf_1776_requests-1:latest'
    >>> image_of(replace(record, image="localhost/mine:2"))
    'localhost/mine:2'
    """
    name = record.image
    if not name:
        prefix, underscores = _PUBLISHED[record.kind]
        name = prefix + record.instance.replace("__", underscores).lower()
    registry, slash, rest = name.partition("/")
    if not slash or not (registry == "localhost" or set(registry) & set(".:")):
        registry, rest = "docker.io", name if slash else f"library/{name}"
    tagged = ":" in rest or "@" in rest
    return f"{registry}/{rest}{'' if tagged else ':latest'}"
