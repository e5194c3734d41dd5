"""The command of minibatch_lib.distributed, in which one process sends a signal to itself or to torchrun, once, at a given call of a function:
`one_dies.py {self,torchrun} SIGNAL RANK FUNCTION CALL OPTIONS`."""
import itertools
import os
import signal
import sys
from pathlib import Path

from minibatch_lib import distributed, training

victim, name, rank, function, call, *options = sys.argv[1:]
owner = {"fsync": os, "on_batch": distributed.SharedRun}[function]
original, calls, died = getattr(owner, function), itertools.count(), Path("died")


def fatal(*args):
    if os.environ["RANK"] == rank and next(calls) == int(call) and not died.exists():
        died.touch()
        os.kill(os.getpid() if victim == "self" else os.getppid(), signal.Signals[name])
        args[0].ctrl_c.wait(60)  # a long step of a `Run`, until Ctrl-C is noted
    return original(*args)


setattr(owner, function, fatal)
training.Run.seconds_between = -1  # a checkpoint after each step
sys.exit(distributed.main_distributed(options))
