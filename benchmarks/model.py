"""Timings predicted from three numbers, by what the page `benchmarks` defines: prints one JSON object. In a process of its own.

The page's cells marked `#| model` are run here, so that what it explains is what is measured.
"""
import json
import sys
from pathlib import Path

import torch
from torch import nn

import task
from minibatch_lib import matmul
from minibatch_lib.forward_backward import forward_and_backward, linear, linear_grad, linear_grad_einsum, linear_grad_outer
from minibatch_lib.minibatch import SGD, CrossEntropyLoss, DataLoader, Dataset, fit, get_model
from minibatch_lib.modules import MSELoss

PAGE = Path(__file__).resolve().parent.parent / "nbs" / "benchmarks.ipynb"
SIZES, BATCH = [784, 50, 10], 50


def from_page(mark="model"):
    """The names that the marked cells of the page define; its imports come first."""
    cells = ["".join(cell["source"]) for cell in json.loads(PAGE.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    names = {}
    for source in cells:
        if source.startswith(f"#| {mark}\n") or "Imports of the model" in source:
            exec(compile("import math\n" + source, str(PAGE), "exec"), names)
    return names


def train_step(model, opt, loss_func, xb, yb):
    """A function that takes one step on a batch."""
    def step():
        loss_func(model(xb), yb).backward()
        opt.step()
        opt.zero_grad()
    return step


def there_and_back(model, loss_func, xb, yb):
    """A function that works out the gradients of a batch."""
    def run():
        loss_func(model(xb), yb).backward()
        model.zero_grad()
    return run


def theirs(sizes):
    """Layers of these sizes by torch.nn."""
    layers = [part for i, j in zip(sizes, sizes[1:]) for part in (nn.Linear(i, j), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def walk(dl):
    for _ in dl:
        pass


def rows(x, y):
    """{name: function} of what is predicted: each is as its page times it."""
    x = (x - x.mean()) / x.std()
    torch.manual_seed(0)
    five, weight, found = x[:5].clone(), torch.randn(784, 10), {}
    for f in (matmul.matmul_loops, matmul.matmul_dot, matmul.matmul_broadcast, matmul.matmul_einsum, matmul.matmul):
        found[f"00: {f.__name__}"] = lambda f=f: f(five, weight)
    inp, (w1, b1, w2, b2) = x[:1000].clone(), [t.t().contiguous() if t.dim() == 2 else t for t in task.initial_weights([784, 50, 1])]
    out = linear(inp, w1, b1)
    out.g = torch.randn(out.shape)
    for f in (linear_grad_outer, linear_grad_einsum, linear_grad):
        found[f"01: {f.__name__}"] = lambda f=f: f(inp, out, w1, b1)
    found["01: forward_and_backward, 6,000 images"] = lambda: forward_and_backward(x, y, w1, b1, w2, b2, input_grad=False)
    for sizes, n, name in ((SIZES, BATCH, "50 images"), ([784, 512, 512, 10], 512, "512 images, wide layers")):
        model, their_model = get_model(sizes[0], sizes[1:-1], sizes[-1]), theirs(sizes)
        found[f"02: a step on {name}"] = train_step(model, SGD(model.parameters(), 0.01), CrossEntropyLoss(), x[:n], y[:n])
        found[f"02: the same by torch.nn, {name}"] = train_step(
            their_model, torch.optim.SGD(their_model.parameters(), 0.01), nn.CrossEntropyLoss(), x[:n], y[:n])
    found["02: there and back, 6,000 images"] = there_and_back(get_model(784, 50, 1), MSELoss(), x, y[:, None])
    found["02: the same by torch.nn, 6,000 images"] = there_and_back(theirs([784, 50, 1]), nn.MSELoss(), x, y.float()[:, None])
    ds = Dataset(x, y)
    found["03: a pass of DataLoader"] = lambda: walk(DataLoader(ds, BATCH, shuffle=True))
    found["03: a pass of PyTorch's DataLoader"] = lambda: walk(torch.utils.data.DataLoader(ds, BATCH, shuffle=True))
    for batch_size in (1, 8, 50, 500, 6_000):
        n, model = min(len(x), 40 * batch_size), get_model(*SIZES)
        dl, opt = DataLoader(Dataset(x[:n], y[:n]), batch_size, shuffle=True), SGD(model.parameters(), 0.01)
        found[f"03: fit, batches of {batch_size:,}"] = lambda model=model, opt=opt, dl=dl: fit(1, model, CrossEntropyLoss(), opt, dl, None)
    return found


def causes(x):
    """{name: function}: what the pages name as a cause, each alone beside what does without."""
    g, inp = torch.randn(len(x), 50), torch.randn(len(x), 50)
    out, w = inp.relu(), torch.randn(784, 50)
    return {"relu's way back, by a boolean mask": lambda: g.masked_fill(inp <= 0, 0),
            "relu's way back, by PyTorch's own": lambda: torch.ops.aten.threshold_backward.default(g, out, 0),
            "gradient of the weight, images transposed": lambda: x.t() @ g,
            "gradient of the weight, gradient transposed": lambda: g.t() @ x,
            "gradient of the images": lambda: g @ w.t()}


def main(threads, rounds):
    """Measure all in turn, round by round."""
    torch.set_num_threads(threads)
    data, x, y = task.images(6_000)
    page, predicted, alone = from_page(), rows(x, y), causes(x)
    numbers, seconds = [], {name: [] for name in predicted | alone}
    for _ in range(rounds):
        numbers.append(page["machine_numbers"]())
        for name, f in (predicted | alone).items():
            seconds[name].append(page["seconds_of"](f))
    best = {kind: max(found[kind] for found in numbers) for kind in numbers[0]}
    print(json.dumps(dict(data=data, numbers=best, seconds=seconds, needs={name: page["count"](f) for name, f in predicted.items()})))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
