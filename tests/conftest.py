"""Settings of the whole test run; they must stand before torch is imported."""

import gc
import os
from pathlib import Path

from hypothesis import settings

CACHE = Path(__file__).parents[1] / ".cache"

os.environ.update(
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_OFFLINE="1",
    MPLBACKEND="Agg",
    # Results do not depend on the number of cores, and two cores are not fought over.
    OMP_NUM_THREADS="1",
    TOKENIZERS_PARALLELISM="false",
)
# Games and models are made once and kept inside the checkout.
os.environ.setdefault("HF_HOME", str(CACHE / "huggingface"))
os.environ.setdefault("TOOLKIT_CACHE", str(CACHE / "toolkit"))

settings.register_profile("toolkit", deadline=None, derandomize=True)
settings.load_profile("toolkit")


def pytest_configure(config):
    """Watch notebooks, where there is nbval; its cells do not belong to this folder."""
    from tests.notebooks import sharing
    from tests.notebooks.times import NotebookTimes

    config.pluginmanager.register(sharing)
    config.pluginmanager.register(NotebookTimes())


def pytest_collection_finish():
    """Take what imports have made out of the search for garbage.

    The trainer of transformers starts one with every run, and otherwise it would go
    through half a million objects that stay, which takes longer than a small run.
    """
    gc.collect()
    gc.freeze()
