from __future__ import annotations

import pytest
import torch

from models.errors import GenerationFailed
from models.seeding import LARGEST, generators


def test_a_seed_decides_its_noise_alone():
    together = [torch.randn(8, generator=one) for one in generators([3, 4])]
    (alone,) = generators([4])
    assert torch.equal(together[1], torch.randn(8, generator=alone))
    assert not torch.equal(together[0], together[1])
    assert all(one.device.type == "cpu" for one in generators([0, LARGEST]))


def test_a_seed_that_torch_would_cut_short_is_refused():
    # Why: the generator reads 32 bits, so these two would silently be one.
    cut = torch.Generator("cpu").manual_seed(5 + 2**32)
    (kept,) = generators([5])
    assert torch.equal(torch.randn(8, generator=cut), torch.randn(8, generator=kept))
    for seed in (-1, LARGEST + 1):
        with pytest.raises(GenerationFailed, match="a seed must be from 0 to 4294967295"):
            generators([seed])
