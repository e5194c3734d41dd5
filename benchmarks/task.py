"""What every peer is given to do: the same data, the same initial weights, the same batches, and a check of the result."""
import importlib
import math
import os
import time
import timeit

import numpy as np
import torch

from minibatch_lib.data import get_data
from minibatch_lib.minibatch import accuracy
from minibatch_lib.testing import peak_bytes

CHECKED_ROWS = 10_000
FIRST_SEED = 2


def images(rows, real=True):
    """A name, the first `rows` images (rows, 784) float32 and labels (rows,) int64: if `real`, MNIST or Fashion-MNIST where
    they are at hand and large enough, else seeded random images of the same shape, labelled by a random linear rule."""
    for name in ("mnist", "fashion_mnist") if real else ():
        try:
            data = get_data(name, download=False)
        except FileNotFoundError:
            continue
        if rows <= len(data.x_train):
            return name, data.x_train[:rows], data.y_train[:rows]
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(rows, 784, generator=generator)
    rule = torch.randn(784, 10, generator=generator)
    y = torch.cat([((part - 0.5) @ rule).argmax(dim=1) for part in x.split(10_000)])
    return "synthetic", x, y


def initial_weights(sizes):
    """[weight (n_out, n_in), bias (n_out,), ...] of float32, drawn as a linear layer of PyTorch draws them."""
    generator = torch.Generator().manual_seed(1)
    bounds = [(n_in, n_out, 1 / math.sqrt(n_in)) for n_in, n_out in zip(sizes, sizes[1:])]
    return [torch.empty(shape).uniform_(-bound, bound, generator=generator)
            for n_in, n_out, bound in bounds for shape in ((n_out, n_in), (n_out,))]


def outputs(weights, x):
    """What a network of linear layers with a relu between each two makes of `x`, the same arithmetic for all peers."""
    for w, b in zip(weights[:-2:2], weights[1:-2:2]):
        x = torch.addmm(b, x, w.t()).relu_()
    return torch.addmm(weights[-1], x, weights[-2].t())


class Task:
    """Something to be timed: `prepare` and `check` are not, `run` is. `data` names what it runs on."""
    data = "none"

    def prepare(self):
        """Put everything back to the start."""

    def run(self):
        """Do the work."""
        raise NotImplementedError

    def check(self):
        """What came out, as a dict of numbers on which all peers must agree; empty for those that compute nothing."""
        return {}

    def seconds(self):
        """Time of one run from the start."""
        self.prepare()
        start = time.perf_counter()
        self.run()
        return time.perf_counter() - start

    def first(self):
        """Run once, unmeasured; return facts that are worth knowing beside the time."""
        self.seconds()
        return {}


def resident(field):
    """Memory of this process in bytes: "VmRSS" now, "VmHWM" at its highest."""
    with open("/proc/self/status", encoding="utf-8") as f:
        return next(1024 * int(line.split()[1]) for line in f if line.startswith(field))


class Epoch(Task):
    """One pass over shuffled rows, a step of plain gradient descent on each batch. A peer writes `build`, `load`,
    `run` and `weights`; `order()` draws the order of the rows, the same for all."""

    def __init__(self, rows, sizes, batch_size, lr, real=True):
        self.sizes, self.batch_size, self.lr = sizes, batch_size, lr
        self.data, self.x, self.y = images(rows, real)
        self.start, self.generator = initial_weights(sizes), torch.Generator()
        self.build()

    def build(self):
        """Make the model and whatever goes with it."""

    def load(self, weights):
        """Copy `weights`, as `initial_weights` gives them, into the model."""

    def weights(self):
        """The weights of the model now, in the form of `initial_weights`."""

    def order(self):
        """The row numbers (n,) int64 in the order of this epoch."""
        return torch.randperm(len(self.x), generator=self.generator)

    def shuffle(self, seed):
        """Get ready for an epoch whose order is that of `seed`."""
        self.generator.manual_seed(seed)

    def prepare(self):
        self.load(self.start)
        self.shuffle(FIRST_SEED)

    def first(self):
        """The memory that an epoch takes beyond what was there before, where the system can tell."""
        self.prepare()
        if not os.path.exists("/proc/self/clear_refs"):
            return super().first()
        with open("/proc/self/clear_refs", "w", encoding="utf-8") as f:
            f.write("5")  # forget the highest so far
        before = resident("VmRSS")
        self.run()
        return {"epoch_bytes": max(0, resident("VmHWM") - before)}

    def check(self):
        """The loss on the first rows after the epoch."""
        out = outputs([torch.as_tensor(w) for w in self.weights()], self.x[:CHECKED_ROWS])
        return {"loss": torch.nn.functional.cross_entropy(out, self.y[:CHECKED_ROWS]).item()}


class FullBatch(Task):
    """Mean squared error of all rows at once and its gradients, once forward and once back. A peer writes `build`,
    `run`, which leaves `self.loss`, and `gradients`."""

    def __init__(self, rows, sizes):
        self.sizes, (self.data, self.x, y) = sizes, images(rows)
        self.targ, self.start = y.float(), initial_weights(sizes)
        self.build()

    def build(self):
        """Make the model from `self.start`."""

    def gradients(self):
        """Gradients of the last run, in the form of `initial_weights`, but for the loss's factor."""

    def first(self):
        """The memory that PyTorch takes for it; nothing for a peer that does not allocate by PyTorch."""
        peak = peak_bytes(self.run)
        return {"peak_bytes": peak} if peak else {}

    def check(self):
        return {"loss": self.loss.item(), "gradient": math.sqrt(sum(float(np.square(g).sum()) for g in self.gradients()))}


class Loader(Task):
    """All batches of one pass over shuffled rows, looked at by nobody. A peer writes `build` and `run`, which leaves the
    last batch in `self.last`."""

    def __init__(self, rows, batch_size):
        self.batch_size, self.generator = batch_size, torch.Generator()
        self.data, self.x, self.y = images(rows)
        self.build()

    def build(self):
        """Make the loader."""

    def order(self):
        """The row numbers (n,) int64 in the order of this pass."""
        return torch.randperm(len(self.x), generator=self.generator)

    def prepare(self):
        self.generator.manual_seed(FIRST_SEED)

    def check(self):
        xb, yb = self.last
        return {"rows of the last batch": len(yb), "their mean": xb.mean().item(), "their labels": yb.float().mean().item()}


class ToAccuracy(Task):
    """Epochs of a peer until its weights reach `accuracy` on validation images; judging them takes none of the time."""
    data, most_epochs = "mnist", 30

    def __init__(self, peer, accuracy, **options):
        *_, self.x_valid, self.y_valid = get_data(self.data, download=False)
        self.wanted, self.epoch = accuracy, importlib.import_module(peer).Epoch(**options)

    def reached(self):
        """The accuracy of the weights now."""
        return accuracy(outputs([torch.as_tensor(w) for w in self.epoch.weights()], self.x_valid), self.y_valid).item()

    def seconds(self):
        self.epoch.load(self.epoch.start)
        total = 0.0
        for self.epochs in range(1, self.most_epochs + 1):
            self.epoch.shuffle(FIRST_SEED + self.epochs - 1)
            start = time.perf_counter()
            self.epoch.run()
            total += time.perf_counter() - start
            if self.reached() >= self.wanted:
                return total
        raise RuntimeError(f"{self.wanted} not reached in {self.most_epochs} epochs")

    def first(self):
        self.seconds()
        return {"epochs": self.epochs}

    def check(self):
        return {"accuracy": self.reached()}


class Rung(Task):
    """One way to multiply two matrices (n, k) and (k, m), repeated until it takes long enough to be timed."""

    def __init__(self, sizes, module, name):
        n, k, m = sizes
        generator, multiply = torch.Generator().manual_seed(0), getattr(importlib.import_module(module), name)
        a, b = torch.randn(n, k, generator=generator), torch.randn(k, m, generator=generator)
        if module == "numpy":
            a, b = a.numpy(), b.numpy()
        self.timer = timeit.Timer(lambda: multiply(a, b))
        self.number = max(1, self.timer.autorange()[0] // 10)  # that many take 20 ms at least
        self.norm = float(np.linalg.norm(multiply(a, b)))

    def seconds(self):
        return self.timer.timeit(self.number) / self.number

    def check(self):
        return {"norm": self.norm}
