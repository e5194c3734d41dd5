"""Trainings with one fault planted in each, and healthy ones; run as a program it counts how often each is named:

    python tests/planted.py [SEEDS [FAULT ...]]
"""
import math
import sys
from collections import Counter

import torch
from torch import nn

from minibatch_lib.data import get_data
from minibatch_lib.inside import watch
from minibatch_lib.minibatch import SGD, CrossEntropyLoss, get_model
from minibatch_lib.modules import Linear

STEPS, BATCH_SIZE, HEALTHY = 200, 50, 50
ARCHITECTURES = {"784-50-10": [50], "784-200-100-10": [200, 100], "ten layers of 50": [50] * 10}
DEEP = "ten layers of 50"
DATA = "fashion_mini", "mnist"
DATA_READ = {}


def read(data):
    """The images of a data set, as they are and normalised, and their labels; read once."""
    if data not in DATA_READ:
        pixels, y, *_ = get_data(data, download=False)
        DATA_READ[data] = pixels, (pixels - pixels.mean()) / pixels.std(), y
    return DATA_READ[data]


def linears(model):
    """The names of the linear layers of a model, in order."""
    return [name for name, module in model.named_modules() if isinstance(module, (Linear, nn.Linear))]


def build(architecture, seed):
    """A model of ours; the deep one with Kaiming's start, the others with PyTorch's."""
    torch.manual_seed(seed)
    model = get_model(784, ARCHITECTURES[architecture], 10)
    if architecture == DEEP:
        for layer in (model[int(name)] for name in linears(model)):
            nn.init.kaiming_normal_(layer.weight.data, nonlinearity="relu")
            layer.bias.data.zero_()
    return model


def scale(factor, hidden=False):
    """Plant weights that are `factor` times as large, all of them or those between hidden layers."""
    def plant(run):
        names = linears(run.model)
        with torch.no_grad():
            for name in names[1:-1] if hidden else names:
                run.model[int(name)].weight.mul_(factor)
    return plant


def dead(run):
    """Plant a bias far below 0 in front of a relu in the middle."""
    name = linears(run.model)[(len(linears(run.model)) - 1) // 2]
    run.model[int(name)].bias.data.fill_(-20)
    run.layer = str(int(name) + 1)


def frozen(run):
    """Freeze a layer in the middle."""
    run.layer = linears(run.model)[len(linears(run.model)) // 2]
    run.model[int(run.layer)].requires_grad_(False)


def shuffled(run):
    """Give the labels to other images."""
    run.y = run.y[torch.randperm(len(run.y))]


FAULTS = {  # the rule that must name it: what plants it
    "large_start": scale(10),
    "small_start": scale(0.1),
    "dead_relu": dead,
    "lr_high": lambda run: setattr(run, "lr", run.lr * 100),
    "lr_low": lambda run: setattr(run, "lr", run.lr / 1000),
    "vanishing": scale(0.4, hidden=True),
    "exploding": scale(2, hidden=True),
    "no_zero_grad": lambda run: setattr(run, "clears", False),
    "not_normalised": lambda run: setattr(run, "x", run.pixels * 255),
    "not_learning": frozen,
    "labels_shuffled": shuffled,
}
DEEP_ONLY = {"vanishing", "exploding"}  # with fewer layers there is nothing that could vanish
FIRST_LOOK = {"large_start": 1, "small_start": 1, "vanishing": 1, "exploding": 1, "not_normalised": 1, "no_zero_grad": 10}


def cases():
    """Every fault, architecture and data set that go together."""
    return [(fault, architecture, data) for fault in FAULTS for architecture in ARCHITECTURES for data in DATA
            if architecture == DEEP or fault not in DEEP_ONLY]


class Run:
    """A training of 200 steps at most, with a fault or none, watched."""

    def __init__(self, fault, architecture, data, seed, every=1):
        self.pixels, self.x, self.y = read(data)
        self.model = build(architecture, seed)
        self.lr, self.clears, self.layer, self.losses = (0.02 if architecture == DEEP else 0.05), True, None, []
        if fault:
            FAULTS[fault](self)
        self.opt = SGD(self.model.parameters(), self.lr, momentum=0.9)
        self.draws = torch.Generator().manual_seed(seed)
        self.watch = watch(self.model, self.opt, every)

    def go(self, steps):
        """Train until `steps` steps are over, or the loss is no number."""
        loss_func = CrossEntropyLoss()
        with self.watch as w:
            while w.step < steps:
                if w.step % (6000 // BATCH_SIZE) == 0:
                    self.order = torch.randperm(len(self.x), generator=self.draws)[:6000]
                rows = self.order[w.step % (6000 // BATCH_SIZE) * BATCH_SIZE:][:BATCH_SIZE]
                loss = loss_func(self.model(self.x[rows]), self.y[rows])
                w.loss(loss)
                self.losses.append(loss.item())
                if not math.isfinite(self.losses[-1]):
                    return False
                if self.clears:
                    self.opt.zero_grad()
                loss.backward()
                self.opt.step()
        return True

    def healthy(self):
        """Whether the loss, over ten steps, has fallen below 0.7 times that of a blind guess."""
        return len(self.losses) == STEPS and min(sum(self.losses[i:i + 10]) / 10 for i in range(STEPS - 9)) < 0.7 * math.log(10)


def named(fault, architecture, data, seed, every=1):
    """Whether a planted fault is named by its own rule, at its layer where there is one, within 200 steps."""
    run = Run(fault, architecture, data, seed, every)
    for steps in (FIRST_LOOK.get(fault, 60), 110, STEPS):
        going = run.go(steps)
        if any(f.rule == fault and run.layer in (None, f.layer) for f in run.watch.findings()):
            return True
        if not going:
            return False
    return False


def healthy_findings(architecture, data, seed, every=1):
    """The findings in a run without a fault, or None if it did not learn."""
    run = Run(None, architecture, data, seed, every)
    run.go(STEPS)
    return run.watch.findings() if run.healthy() else None


def main(seeds=20, *faults):
    """Print the table: each fault named in how many of the seeds, and findings in healthy runs."""
    torch.set_num_threads(1)
    for case in cases():
        if not faults or case[0] in faults:
            print(f"{case[0]:16} {case[1]:17} {case[2]:13} {sum(named(*case, seed) for seed in range(int(seeds))):2} of {seeds}", flush=True)
    for architecture in ARCHITECTURES if not faults or "healthy" in faults else ():
        for data in DATA:
            found = [healthy_findings(architecture, data, seed) for seed in range(HEALTHY)]
            learned = [findings for findings in found if findings is not None]
            print(f"{'healthy':16} {architecture:17} {data:13} findings in {sum(map(bool, learned))} of {len(learned)}",
                  dict(Counter(f.rule for findings in learned for f in findings)) or "", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
