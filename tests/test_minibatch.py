"""Workers of the data loader, which only importable code can have under every start method."""
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import time
from itertools import islice

import numpy as np
import pytest
import torch

from minibatch_lib.minibatch import DataLoader, Dataset
from minibatch_lib.testing import peak_bytes


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
    """A dataset of random numbers from all three sources."""

    def __getitem__(self, i):
        return torch.tensor([torch.rand(1).item(), np.random.rand(), random.random()], dtype=torch.float64), i


def stuck():
    time.sleep(10 ** 6)


class Threads(Squares):
    """A dataset that tells how many threads PyTorch has where it is read."""

    def __getitem__(self, i):
        return torch.zeros(2), torch.get_num_threads()


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="cannot fork")
def test_workers_after_a_fork_keep_to_one_thread():
    assert targets(DataLoader(Threads(), 11, num_workers=1, multiprocessing_context="fork")) == [[1] * 11]


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="cannot fork")
def test_workers_after_a_fork_can_count_on_from_the_largest_seed():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2 ** 64 - 1)
        assert len(targets(DataLoader(Noise(), 2, num_workers=1, multiprocessing_context="fork"))) == 6


def test_loaders_have_the_defaults_of_torchs():
    ours, theirs = (make(Dataset(torch.zeros(3, 2), torch.arange(3))) for make in (DataLoader, lambda ds: torch.utils.data.DataLoader(list(zip(ds.x, ds.y)))))
    assert (ours.num_workers, len(ours), targets(ours)) == (theirs.num_workers, len(theirs), targets(theirs))


def drawn(method, n, **options):
    """What two passes of a loader and one of a new loader give, and where the generators of this process are then."""
    torch.manual_seed(3), np.random.seed(3), random.seed(3)
    loaders = [DataLoader(Noise(), 2, num_workers=n, multiprocessing_context=method, **options) for _ in range(2)]
    passes = [torch.cat([xb for xb, _ in dl]) for dl in (loaders[0], *loaders)]
    return torch.stack(passes), (torch.rand(1).item(), np.random.rand(), random.random())


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("method, n", [("fork", 1), ("fork", 2), ("fork", 3), pytest.param("spawn", 2, marks=pytest.mark.slow), pytest.param("forkserver", 2, marks=pytest.mark.slow)])
def test_random_numbers_are_those_without_workers(method, n, shuffle):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"cannot {method}")
    here, there = drawn(method, 0, shuffle=shuffle), drawn(method, n, shuffle=shuffle)
    assert here[0].equal(there[0]) and here[1] == there[1]
    assert len(here[0].unique()) == here[0].numel() == 3 * 11 * 3, "each example of each pass has numbers of its own, from each of the three sources"
    np.random.seed(3), random.seed(3)
    assert here[1][1:] == (np.random.rand(), random.random()), "the loader left the generators where they were"
    torch.manual_seed(4)
    assert not torch.cat([xb for xb, _ in DataLoader(Noise(), 2, shuffle=shuffle)]).equal(here[0][0])


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="cannot fork")
def test_leaving_the_loop_does_not_wait_for_a_worker_that_never_answers():
    start = time.monotonic()
    for _ in DataLoader(Bad(stuck), 2, num_workers=1, multiprocessing_context="fork"):
        break
    assert time.monotonic() - start < 60
    assert not multiprocessing.active_children()


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="cannot fork")
def test_options_are_handed_on_to_torchs_loader():
    with pytest.raises(RuntimeError, match="timed out after 1 seconds"):
        targets(DataLoader(Bad(stuck), 2, num_workers=1, multiprocessing_context="fork", timeout=1))
    dl = DataLoader(Squares(), 3, num_workers=1, multiprocessing_context="fork", persistent_workers=True)
    assert targets(dl) == targets(dl) and len(multiprocessing.active_children()) == 1
    del dl
    with pytest.raises(ValueError, match="persistent_workers"):
        DataLoader(Squares(), 3, persistent_workers=True)
    with pytest.raises(TypeError, match="unexpected keyword argument 'shufle'"):
        DataLoader(Squares(), 3, shufle=True)


class Unplugged(Squares):
    """A dataset whose fifth example is on a machine that does not answer."""

    def __getitem__(self, i):
        if i == 5:
            raise ConnectionResetError("no such luck")
        return super().__getitem__(i)


def test_a_broken_connection_of_the_dataset_is_not_taken_for_a_lost_worker():
    with pytest.raises(ConnectionResetError, match="no such luck"):
        targets(DataLoader(Unplugged(), 2, num_workers=1))


def test_a_worker_that_is_killed_while_it_hands_a_batch_over_is_lost(monkeypatch):
    dl = DataLoader(Squares(), 2, num_workers=1)

    def lost():
        yield from ()
        raise ConnectionResetError(104, "Connection reset by peer")
    monkeypatch.setattr(dl, "theirs", type("Theirs", (), dict(persistent_workers=True, __iter__=lambda self: lost()))())
    with pytest.raises(RuntimeError, match="DataLoader worker was lost in the middle of a batch .ConnectionResetError"):
        targets(dl)


def test_an_error_in_a_worker_arrives():
    with pytest.raises(KeyError, match="no example 5"):
        targets(DataLoader(Bad(fails), 2, num_workers=2))


def test_a_dead_worker_is_an_error():
    start = time.monotonic()
    with pytest.raises(RuntimeError, match=r"DataLoader worker (\(pid.* \d+\) exited unexpectedly|was lost)") as error:
        targets(DataLoader(Bad(dies), 2, num_workers=2))
    assert time.monotonic() - start < 60
    assert not re.search("perhaps|memory", str(error.value))
    assert not multiprocessing.active_children()


class TwoArguments(Exception):
    """An exception that cannot be made again from its message alone."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def fails_with_two():
    raise TwoArguments("this", "that")


def test_an_error_that_cannot_travel_arrives_as_its_message():
    with pytest.raises(RuntimeError, match="TwoArguments: this and that"):
        targets(DataLoader(Bad(fails_with_two), 2, num_workers=2))


INTERRUPTED = """
import multiprocessing, os, sys, time, torch
from minibatch_lib.minibatch import DataLoader

class Slow:
    def __len__(self): return 1000
    def __getitem__(self, i):
        time.sleep(0.01)
        return torch.zeros(1000), i

if __name__ == "__main__":
    before = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
    try:
        for i, batch in enumerate(DataLoader(Slow(), 4, num_workers=2, multiprocessing_context="fork")):
            if i == 1: print("ready", flush=True)
    except KeyboardInterrupt:
        after = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
        print("left", len(multiprocessing.active_children()), len([f for f in after - before if f.startswith("torch_")]), flush=True)
        sys.exit(130)
"""


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
def test_ctrl_c_stops_the_workers_too(tmp_path):
    """The signal goes to the whole group, as from a keyboard; the workers say nothing and are gone."""
    script = tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED)
    run = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                           start_new_session=True)
    try:
        assert run.stdout.readline() == "ready\n"
        os.killpg(run.pid, signal.SIGINT)
        out, err = run.communicate(timeout=60)
    finally:
        run.kill()
    assert (run.returncode, out, err) == (130, "left 0 0\n", "")


def test_an_endless_sampler_is_streamed():
    """Never more than twice as many batches as workers are on their way."""
    sent = []

    def endless():
        while True:
            sent.append(1)
            yield [0, 1]

    class Endless:
        def __iter__(self):
            return endless()

    for i, _ in enumerate(DataLoader(Squares(), batch_sampler=Endless(), num_workers=2)):
        if i == 9:
            break
    assert len(sent) <= 10 + 2 * 2
    assert not multiprocessing.active_children()


def test_memory_of_a_pass():
    """At most three batches and the row numbers, at the size of MNIST."""
    ds = Dataset(torch.zeros(50_000, 784), torch.zeros(50_000, dtype=torch.int64))

    def walk():
        for _ in islice(DataLoader(ds, 50, shuffle=True), 20):
            pass

    assert peak_bytes(walk) <= 3 * 50 * (784 * 4 + 8) + 50_000 * 8


def test_workers_end_when_the_loop_is_left():
    for _ in DataLoader(Squares(), 2, num_workers=2):
        break
    assert not multiprocessing.active_children()
