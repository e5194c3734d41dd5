"""Peers measured side by side: each in a process of its own with its own limit of threads, in turn, round by round."""
import importlib
import os
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from statistics import median
from unittest.mock import patch

from tqdm import tqdm

TOLERANCE = 1e-3  # relative: float32 sums in another order, over an epoch
THREAD_LIMITS = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"]


class Disagreement(Exception):
    """A peer came to another result than the first one, so it did not do the same work."""


def environment(threads):
    """Variables for a process of `threads` threads. OPENBLAS_CORETYPE, which slows NumPy and scikit-learn, is left out."""
    variables = {key: value for key, value in os.environ.items() if key not in ("OPENBLAS_CORETYPE", "XLA_FLAGS")}
    variables |= dict.fromkeys(THREAD_LIMITS, str(threads))
    if threads == 1:
        variables["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    return variables


def confine(threads):
    """Keep this process to `threads` of its cores, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def make(module, kind, options, threads):
    """In a new process: make the task of a peer, and run it once, unmeasured; return the data it runs on and its check."""
    global task
    if module.startswith("jax"):  # it heeds no variable, but starts as many threads as it may use cores
        confine(threads)
    task = getattr(importlib.import_module(f"peers.{module}"), kind)(**options)
    task.seconds()
    return getattr(task, "data", None), task.check()


def measure():
    """In the same process: seconds of one run, and its check."""
    return task.seconds(), task.check()


def agree(name, check, wanted):
    """Disagreement unless the numbers in `check` are those `wanted`; an empty check agrees with all."""
    for what, value in check.items():
        if abs(value - wanted[what]) > TOLERANCE * abs(wanted[what]):
            raise Disagreement(f"{name}: {what} {value:.6g}, but the first peer has {wanted[what]:.6g}")


def compare(title, kind, peers, threads, rounds, **options):
    """Seconds of every peer in every round, and what all of them came to: {"data":, "check":, "seconds": {peer: [...]}}."""
    with ExitStack() as stack, patch.dict(os.environ, environment(threads), clear=True):
        bar = stack.enter_context(tqdm(total=(rounds + 1) * len(peers), desc=f"{title}, {threads} thread", leave=False))
        processes = {peer: stack.enter_context(ProcessPoolExecutor(1, get_context("spawn"))) for peer in peers}
        made = {peer: process.submit(make, peer, kind, options, threads) for peer, process in processes.items()}
        checks, seconds = {}, {peer: [] for peer in peers}
        for peer, future in made.items():
            data, checks[peer] = future.result()
            bar.update()
        wanted = next(iter(checks.values()))
        for peer, check in checks.items():
            agree(peer, check, wanted)
        for _ in range(rounds):
            for peer, process in processes.items():
                spent, check = process.submit(measure).result()
                agree(peer, check, wanted)
                seconds[peer].append(spent)
                bar.update()
    return {"data": data, "check": wanted, "seconds": seconds}


def ratio(seconds, peer, others):
    """Median time of a peer over the smallest median among `others`."""
    return median(seconds[peer]) / min(median(seconds[other]) for other in others)
