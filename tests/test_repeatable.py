"""The same again: weights for a seed, bit for bit; and imports that warn of nothing."""
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from minibatch_lib import training
from minibatch_lib.minibatch import SGD, CrossEntropyLoss, DataLoader, Dataset, fit, get_model

TRAIN = """
import hashlib, sys, torch
torch.set_num_threads(int(sys.argv[1]))
from minibatch_lib.minibatch import SGD, CrossEntropyLoss, DataLoader, Dataset, fit, get_model
from minibatch_lib.data import get_data
x, y, *_ = get_data()
torch.manual_seed(3)
model = get_model(784, 300, 10)  # large enough for PyTorch to share the work among threads
dl = DataLoader(Dataset(x, y), 500, shuffle=True)
fit(1, model, CrossEntropyLoss(), SGD(model.parameters(), 0.1, momentum=0.9), dl, None)
print(torch.get_num_threads(), hashlib.sha256(b''.join(p.detach().cpu().numpy().tobytes() for p in model.parameters())).hexdigest())
"""


def weights(model):
    """A checksum of all parameters of a model."""
    return hashlib.sha256(b"".join(p.detach().cpu().numpy().tobytes() for p in model.parameters())).hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_a_seed_gives_the_same_weights_in_every_process(threads):
    # Between one thread and two PyTorch promises nothing: sums are added up in another order.
    printed = {subprocess.run([sys.executable, "-c", TRAIN, str(threads)], stdout=subprocess.PIPE, text=True, timeout=300, check=True,
                              env=os.environ | {"PYTHONHASHSEED": seed}).stdout for seed in ("1", "2")}
    assert len(printed) == 1 and printed.pop().startswith(f"{threads} ")


def test_train_gives_the_same_weights_for_a_seed_and_others_for_another():
    trained = [weights(training.train(epochs=1, hidden=(8,), seed=seed, quiet=True)[0]) for seed in (5, 5, 6)]
    assert trained[0] == trained[1] != trained[2]


def test_any_number_of_workers_gives_the_same_weights():
    x = torch.randn(60, 5, generator=torch.Generator().manual_seed(1))
    found = set()
    for num_workers in (0, 1, 2, 3):
        torch.manual_seed(2)
        model = get_model(5, 4, 3)
        dl = DataLoader(Dataset(x, torch.arange(60) % 3), 7, shuffle=True, num_workers=num_workers, generator=torch.Generator().manual_seed(4))
        fit(2, model, CrossEntropyLoss(), SGD(model.parameters(), 0.1), dl, None)
        found.add(weights(model))
    assert len(found) == 1


def test_importing_warns_of_nothing():
    modules = sorted(path.stem for path in Path(training.__file__).parent.glob("[!_]*.py"))
    code = "; ".join(f"import minibatch_lib.{module}" for module in modules)
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120)
    assert not done.returncode and not done.stderr, done.stderr
