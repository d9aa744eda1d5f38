"""Tiny models with random weights, for tests that need PyTorch: asked for by name, ``pytest tests/engines``."""

from __future__ import annotations

import os

import numpy as np
import pytest

# Nothing here may look for a model on the network.
os.environ["HF_HUB_OFFLINE"] = "1"
# Tiny models gain nothing by threads, which wait for each other on a busy machine. Before torch is imported.
os.environ["OMP_NUM_THREADS"] = "1"
# The same numbers wherever in memory they lie, as far as the library of linear algebra can.
os.environ["MKL_CBWR"] = "COMPATIBLE"


@pytest.fixture(scope="session")
def tiny():
    """Return the module of tiny models, with an oracle beside them."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    import tiny_models

    tiny_models.stub_torchvision_operators()
    pytest.importorskip("torchvision")
    return tiny_models


@pytest.fixture(scope="session")
def sam2(tiny, tmp_path_factory):
    """Return the folder of a tiny SAM 2 and the model that was saved there."""
    folder = tmp_path_factory.mktemp("weights") / "sam2-tiny"
    return folder, tiny.save_tiny_sam2(folder, seed=2)


@pytest.fixture(scope="session")
def grounding_dino(tiny, tmp_path_factory):
    """Return the folder of a tiny Grounding DINO and the model that was saved there."""
    folder = tmp_path_factory.mktemp("weights") / "dino-tiny"
    return folder, tiny.save_tiny_grounding_dino(folder)


@pytest.fixture(scope="session")
def owlv2(tiny, tmp_path_factory):
    """Return the folder of a tiny OWLv2 and the model that was saved there."""
    folder = tmp_path_factory.mktemp("weights") / "owlv2-tiny"
    return folder, tiny.save_tiny_owlv2(folder)


@pytest.fixture(scope="session")
def sam3(tiny, tmp_path_factory):
    """Return the folder of a tiny SAM 3 and the model that was saved there."""
    folder = tmp_path_factory.mktemp("weights") / "sam3-tiny"
    return folder, tiny.save_tiny_sam3(folder)


@pytest.fixture(scope="session")
def photo_maker():
    """Return a function that makes a picture with large soft shapes and noise: uint8 of shape (H, W, 3)."""

    def make(size_hw=(120, 200), *, seed=0):
        rng = np.random.RandomState(seed)
        height, width = size_hw
        y, x = np.mgrid[0:height, 0:width]
        waves = [
            np.sin(x * rng.uniform(1, 9) / width + rng.uniform(0, 6))
            + np.cos(y * rng.uniform(1, 9) / height + rng.uniform(0, 6))
            for _ in range(3)
        ]
        soft = np.stack(waves, axis=-1) * 50 + 127
        return np.clip(soft + rng.normal(0, 12, soft.shape), 0, 255).astype(np.uint8)

    return make


@pytest.fixture
def photo(photo_maker):
    """Return a function that makes a picture: uint8 of shape (H, W, 3)."""
    return photo_maker
