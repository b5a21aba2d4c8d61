"""A network that timm ships for tests, with random weights that stand in for pretrained ones."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors.torch import save_file

from vlcore.experiment.files import models_folder
from vlcore.model import frozen_towers

NETWORK = "test_vit"  # 300,000 parameters, images of 160 px, 64 features
ARCHITECTURE = f"timm:{NETWORK}"


def write_weights(network: str = NETWORK, seed: int = 1, folder: Path | None = None) -> Path:
    """Write weights of a network, its last layer included, to where towers look for them; returns
    the file."""
    import timm  # five seconds, which not each process of the tests needs

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        state = timm.create_model(network, pretrained=False).state_dict()
    folder = folder or models_folder() / ".towers" / network
    folder.mkdir(parents=True, exist_ok=True)
    save_file(state, folder / frozen_towers.SAFETENSORS)
    return folder / frozen_towers.SAFETENSORS


@contextmanager
def as_in_a_new_process() -> Iterator[None]:
    """Nothing is known of networks: neither before nor afterwards."""
    forget()
    try:
        yield
    finally:
        forget()


def forget() -> None:
    for cached in (frozen_towers._timm_spec, frozen_towers.open_tower):
        cached.cache_clear()
