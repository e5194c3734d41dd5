"""Workers of the data loader, which only importable code can have under every start method."""
import multiprocessing
import os
from concurrent.futures.process import BrokenProcessPool

import pytest
import torch

from minibatch_lib.minibatch import DataLoader, Dataset


class Squares:
    """A dataset that makes its examples one at a time."""

    def __len__(self):
        return 11

    def __getitem__(self, i):
        return torch.full((2,), float(i)), i * i


class Bad(Squares):
    """A dataset whose fifth example does what it is told."""

    def __init__(self, act):
        self.act = act

    def __getitem__(self, i):
        if i == 5:
            self.act()
        return super().__getitem__(i)


def fails():
    raise KeyError("no example 5")


def dies():
    os._exit(3)


def targets(dl):
    return [yb.tolist() for _, yb in dl]


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_workers_give_the_same_batches(method):
    loaders = [DataLoader(Squares(), 3, shuffle=True, num_workers=n, generator=torch.Generator().manual_seed(1),
                          multiprocessing_context=method) for n in (0, 2)]
    assert targets(loaders[0]) == targets(loaders[1])


def test_a_context_may_be_given():
    context = multiprocessing.get_context("spawn")
    ds = Dataset(torch.arange(8.), torch.arange(8))
    assert targets(DataLoader(ds, 5, num_workers=1, multiprocessing_context=context)) == [[0, 1, 2, 3, 4], [5, 6, 7]]


class Noise(Squares):
    """A dataset of random numbers."""

    def __getitem__(self, i):
        return torch.rand(2), i


def test_workers_draw_different_numbers():
    drawn = [torch.cat([xb for xb, _ in DataLoader(Noise(), 2, num_workers=n)]) for n in (1, 2)]
    assert len(drawn[1].unique()) == 22
    assert drawn[0].equal(drawn[1])


def test_an_error_in_a_worker_arrives():
    with pytest.raises(KeyError, match="no example 5"):
        targets(DataLoader(Bad(fails), 2, num_workers=2))


def test_a_dead_worker_is_an_error():
    with pytest.raises(BrokenProcessPool):
        targets(DataLoader(Bad(dies), 2, num_workers=2))


def test_workers_end_when_the_loop_is_left():
    for _ in DataLoader(Squares(), 2, num_workers=2):
        break
    assert not multiprocessing.active_children()
