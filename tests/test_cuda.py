"""What a graphics processor may do otherwise: `make test-cuda` runs this there, `make test-cuda DEVICE=cpu` tries out the tests.

It needs no network, no data but those in the package, and of pytest nothing but pytest itself.
"""
import copy
import functools
import gc
import json
import os
import pickle
import platform
import random
import statistics
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import test_tape
from minibatch_lib import forward_backward, matmul, minibatch, training
from minibatch_lib.data import checksum, get_data, show_images
from minibatch_lib.images import draw_worst
from minibatch_lib.inside import watch
from minibatch_lib.minibatch import SGD, CrossEntropyLoss, DataLoader, Dataset, Optimizer, accuracy, fit, get_dls, get_model
from minibatch_lib.modules import Add, Dropout, Flatten, GeneralReLU, Linear, MSELoss, ReLU, Sequential, backward
from minibatch_lib.testing import best_of, check_grads, near, peak_bytes, test_near, test_near_zero, test_normal

for taken in (test_near, test_near_zero, test_normal):
    taken.__test__ = False  # they test tensors and are no tests

DEVICE = os.environ.get("DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
if DEVICE == "cuda" and not torch.cuda.is_available():
    pytest.skip("there is no graphics processor here; DEVICE=cpu tries out the tests", allow_module_level=True)

pytestmark = [pytest.mark.cuda, pytest.mark.slow]
on_card = pytest.mark.skipif(DEVICE == "cpu", reason="needs a graphics processor")
both_dtypes = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
ROOT = Path(__file__).resolve().parent.parent
LIMIT = 120  # seconds for another process


def close(a, b, dtype=torch.float32):
    """AssertionError unless two tensors are equal within what the sums of a dtype leave, wherever they are."""
    tolerance = {torch.float64: 1e-10, torch.float32: 2e-4, torch.bfloat16: 5e-2, torch.float16: 1e-2}[dtype]
    torch.testing.assert_close(a.detach().cpu().as_subclass(torch.Tensor), b.detach().cpu().as_subclass(torch.Tensor),
                               rtol=tolerance, atol=tolerance, check_dtype=False)


def randn(*shape, seed=0, dtype=torch.float32):
    """Standard normal numbers, the same on every device."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(DEVICE, dtype)


def classes(n, seed=0, n_classes=10):
    return torch.randint(n_classes, (n,), generator=torch.Generator().manual_seed(seed)).to(DEVICE)


def wait():
    """Until the device is done."""
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def pair(sizes=(20, 16, 10), dtype=torch.float32):
    """The same network twice, on the device: ours and that of torch.nn."""
    torch.manual_seed(0)
    ours = get_model(sizes[0], list(sizes[1:-1]), sizes[-1]).to(dtype).to(DEVICE)
    theirs = training._build(list(sizes), "torch").to(DEVICE, dtype)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def python(*args, **environment):
    """Run Python with these arguments; return what came of it."""
    return subprocess.run([sys.executable, *args], capture_output=True, text=True, timeout=LIMIT,
                          env=os.environ | {"OMP_NUM_THREADS": "1"} | environment)


def test_the_machine():
    if DEVICE == "cuda":
        card = torch.cuda.get_device_properties(0)
        print(f"{torch.cuda.device_count()} x {card.name}, {card.total_memory / 2**30:.0f} GiB, CUDA {torch.version.cuda}", end="; ")
    print(f"torch {torch.__version__}, Python {platform.python_version()}", end=" ")
    assert torch.zeros(1, device=DEVICE).device.type == DEVICE


# Page 00

@both_dtypes
@pytest.mark.parametrize("name", ["matmul_loops", "matmul_dot", "matmul_broadcast", "matmul_einsum", "matmul"])
def test_products(name, dtype):
    a, b = randn(5, 8, dtype=dtype), randn(8, 3, seed=1, dtype=dtype)
    out = getattr(matmul, name)(a, b)
    assert out.device == a.device and out.dtype == dtype
    close(out, a.cpu().double() @ b.cpu().double(), dtype)


@pytest.mark.parametrize("name", ["matmul_loops", "matmul_dot", "matmul_broadcast", "matmul_einsum", "matmul"])
def test_products_of_integers_are_exact_or_refused(name):
    a, b = torch.arange(6, device=DEVICE).reshape(2, 3), torch.arange(12, device=DEVICE).reshape(3, 4) * 10**12
    try:
        out = getattr(matmul, name)(a, b)
    except RuntimeError as e:
        print(f"refused: {str(e).splitlines()[0]}", end=" ")
        assert "not implemented for" in str(e) and "Long" in str(e)
    else:
        assert out.tolist() == (a.cpu() @ b.cpu()).tolist()


def test_norm():
    a = randn(30, 20)
    close(matmul.frobenius_norm(a), torch.linalg.matrix_norm(a.cpu()))


# Page 01

def test_functions_of_page_01():
    x, w, b = randn(6, 5), randn(5, 3, seed=1), randn(3, seed=2)
    close(forward_backward.linear(x, w, b), F.linear(x, w.t(), b))
    close(forward_backward.relu(x), F.relu(x))
    close(forward_backward.general_relu(x, 0.4), F.relu(x) - 0.4)
    close(forward_backward.mse(x[:, :1], w[0, 0].expand(6)), F.mse_loss(x[:, 0], w[0, 0].expand(6)))
    normal = forward_backward.normalize(x, x.mean(), x.std())
    assert abs(normal.mean().item()) < 1e-5 and abs(normal.std().item() - 1) < 1e-5
    close(forward_backward.normalize(x, 0.5, 2), (x - 0.5) / 2)


@both_dtypes
@pytest.mark.parametrize("name", ["linear_grad_outer", "linear_grad_einsum", "linear_grad"])
def test_gradients_of_a_linear_layer(name, dtype):
    inp, w, b = randn(6, 5, dtype=dtype), randn(5, 3, seed=1, dtype=dtype), randn(3, seed=2, dtype=dtype)
    out = forward_backward.linear(inp, w, b)
    out.g = randn(6, 3, seed=3, dtype=dtype)
    getattr(forward_backward, name)(inp, out, w, b)
    leaves = [t.clone().requires_grad_() for t in (inp, w, b)]
    F.linear(leaves[0], leaves[1].t(), leaves[2]).backward(out.g)
    for t, leaf in zip((inp, w, b), leaves):
        assert t.g.device == t.device
        close(t.g, leaf.grad, dtype)


def test_the_whole_way_of_page_01():
    def run(f, device):
        args = [t.to(device) for t in (randn(40, 12), randn(40, seed=1), randn(12, 8, seed=2), randn(8, seed=3), randn(8, 1, seed=4), randn(1, seed=5))]
        loss = f(*args)
        return [loss] + [t.g for i, t in enumerate(args) if i != 1]
    wanted = run(forward_backward.forward_and_backward_textbook, "cpu")
    for f in (forward_backward.forward_and_backward_textbook, forward_backward.forward_and_backward):
        for g, g_wanted in zip(run(f, DEVICE), wanted, strict=True):
            assert g.device.type == DEVICE
            close(g, g_wanted)


@on_card
def test_random_weights_by_a_generator_of_the_device():
    generator = torch.Generator(DEVICE).manual_seed(0)
    try:
        w = forward_backward.kaiming_normal(300, 50, generator=generator)
    except RuntimeError as e:
        print(f"refused: {e}", end=" ")
        assert "generator" in str(e) and "cpu" in str(e) and "cuda" in str(e)
    else:
        assert w.device.type == DEVICE
        test_normal(w, (2 / 300) ** 0.5)


# testing

def test_comparisons():
    a = randn(4, 3)
    assert near(a, a + 1e-7) and not near(a, a + 1) and near(a[0, 0], a[0, 0].item())
    with pytest.raises(AssertionError, match=r"largest difference 1 at \[2, 1\]"):
        test_near(a, a + torch.eye(3, device=DEVICE)[[0, 0, 1, 0]] * torch.tensor([[0.], [0], [1], [0]], device=DEVICE))
    test_near_zero(a * 1e-5)
    test_normal(randn(1000), 1.)


@pytest.mark.parametrize("what", ["function", "module", "loss", "classes"])
def test_gradients_are_checked(what):
    inp, targ = randn(3, 4), randn(3, 4, seed=1)
    if what == "function":
        check_grads(forward_backward.relu, inp, backward=lambda out, inp: forward_backward.relu_grad(inp, out))
        with pytest.raises(AssertionError, match="input 0: wrong at"):
            check_grads(forward_backward.relu, inp, backward=lambda out, inp: setattr(inp, "g", out.g * 2))
    elif what == "module":
        check_grads(Sequential(Linear(4, 3), ReLU(), Dropout(0.5), Linear(3, 2)).to(DEVICE), inp)
    elif what == "loss":
        check_grads(MSELoss(), inp, targ)
    else:
        check_grads(CrossEntropyLoss(), inp, classes(3, n_classes=4))


@on_card
@pytest.mark.parametrize("what", ["check_grads", "train", "train on the CPU"])
def test_random_numbers_of_the_device_are_left_alone(what):
    torch.cuda.manual_seed(5)
    torch.rand(3, device=DEVICE)
    before, before_cpu = torch.cuda.get_rng_state(), torch.get_rng_state()
    if what == "check_grads":
        check_grads(Linear(2, 2).to(DEVICE), randn(2, 2))
    else:
        training.train(epochs=1, hidden=4, batch_size=1000, quiet=True, device="cpu" if "CPU" in what else DEVICE)
    assert torch.equal(torch.cuda.get_rng_state(), before), "the state of the device's generator was changed"
    assert torch.equal(torch.get_rng_state(), before_cpu) or what == "check_grads"  # whose own layer drew


@on_card
def test_time_is_measured_until_the_device_is_done():
    a = randn(6000, 6000)
    a @ a
    wait()
    start = time.perf_counter()
    a @ a
    queued = time.perf_counter() - start
    seconds = best_of(lambda: a @ a)
    rate = 2 * 6000**3 / seconds / 1e12
    print(f"{rate:.1f} Tflop/s, queued in {queued * 1e6:.0f} us", end=" ")
    assert rate < 1500  # more would be the time of the queue


def test_memory_is_counted():
    found = peak_bytes(lambda: torch.zeros(1_000_000, device=DEVICE))
    print(f"{found:,} for 4,000,000 bytes on the device", end=" ")
    assert found == 0 and DEVICE != "cpu" or 4_000_000 <= found < 4_100_000


# Page 02

class TheirAdd(nn.Module):
    def forward(self, a, b):
        return a + b


class TheirGeneralReLU(nn.Module):
    def forward(self, inp):
        return F.relu(inp) - 0.4


LAYERS = {
    "Linear": (lambda: Linear(5, 3), lambda: nn.Linear(5, 3), [(4, 5)]),
    "Linear of one row": (lambda: Linear(5, 3), lambda: nn.Linear(5, 3), [(5,)]),
    "Linear of a stack": (lambda: Linear(5, 3), lambda: nn.Linear(5, 3), [(2, 4, 5)]),
    "Linear of nothing": (lambda: Linear(5, 3), lambda: nn.Linear(5, 3), [(0, 5)]),
    "Linear without bias": (lambda: Linear(5, 3, bias=False), lambda: nn.Linear(5, 3, bias=False), [(4, 5)]),
    "ReLU": (ReLU, nn.ReLU, [(4, 5)]),
    "GeneralReLU": (lambda: GeneralReLU(0.4), TheirGeneralReLU, [(4, 5)]),
    "Flatten": (Flatten, nn.Flatten, [(4, 5, 2)]),
    "Add": (Add, TheirAdd, [(4, 5), (4, 5)]),
    "Dropout at rest": (lambda: Dropout(0.5).eval(), lambda: nn.Dropout(0.5).eval(), [(4, 5)]),
    "Sequential": (lambda: Sequential(Linear(5, 6), ReLU(), Linear(6, 2)), lambda: nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 2)), [(7, 5)]),
    "MSELoss": (MSELoss, nn.MSELoss, [(4, 5), (4, 5)]),
    "CrossEntropyLoss": (CrossEntropyLoss, nn.CrossEntropyLoss, [(40, 10)]),
}


@both_dtypes
@pytest.mark.parametrize("name", LAYERS)
def test_layers_beside_torch(name, dtype):
    make, make_theirs, shapes = LAYERS[name]
    ours, theirs = make().to(dtype).to(DEVICE), make_theirs().to(DEVICE, dtype)
    ours.load_state_dict(theirs.state_dict())
    inputs = [randn(*shape, seed=i, dtype=dtype).requires_grad_() for i, shape in enumerate(shapes)]
    leaves = [t.detach().clone().requires_grad_() for t in inputs]
    more = [classes(40)] if name == "CrossEntropyLoss" else []
    out, wanted = ours(*inputs, *more), theirs(*leaves, *more)
    close(out, wanted, dtype)
    g = randn(*out.shape, seed=9, dtype=dtype)
    backward(out, g)
    wanted.backward(g)
    for t, leaf in [*zip(inputs, leaves, strict=True)]:
        close(t.g, leaf.grad, dtype)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert p.grad.device.type == DEVICE and p.grad.dtype == dtype
        close(p.grad, q.grad, dtype)


def test_dropout():
    layer, x = Dropout(0.25), torch.ones(200, 200, device=DEVICE).requires_grad_()
    torch.manual_seed(3)
    out = layer(x)
    torch.manual_seed(3)
    assert torch.equal(out, layer(x))
    assert out.detach().unique().tolist() == pytest.approx([0, 4 / 3]) and abs((out == 0).double().mean().item() - 0.25) < 4.2 * (0.25 * 0.75) ** 0.5 / 200
    backward(out, torch.ones_like(out))
    assert torch.equal(x.g, out.detach())


def test_a_model_moves_with_all_that_belongs_to_it():
    model, x = get_model(5, 4, 3), randn(6, 5)
    model.register_buffer("n", torch.tensor(3))
    params, opt = list(model.parameters()), SGD(model.parameters(), 0.1, momentum=0.9)
    backward(model(x.cpu()), torch.ones(6, 3))
    wanted = [p.grad.clone() for p in params]
    assert model.to(DEVICE) is model and model.n.device.type == DEVICE
    for p, q, g in zip(model.parameters(), params, wanted):
        assert p is q and p.device.type == p.grad.device.type == DEVICE
        close(p.grad, g)
    for p in params:
        p.grad = None
    before = [p.detach().clone() for p in params]
    for _ in range(2):
        backward(model(x), torch.ones(6, 3, device=DEVICE))
        opt.step()
    assert all(not torch.equal(p, old) for p, old in zip(params, before))
    model.to("cpu")(x.cpu())


def test_the_same_start_as_torch_where_layers_are_made_on_the_device():
    with torch.device(DEVICE):
        torch.manual_seed(1)
        ours = Linear(30, 20)
        torch.manual_seed(1)
        theirs = nn.Linear(30, 20)
    assert ours.weight.device.type == DEVICE and torch.equal(ours.weight, theirs.weight) and torch.equal(ours.bias, theirs.bias)


def test_copies_and_pickles():
    model, x = get_model(5, 4, 3).to(DEVICE), randn(6, 5)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other(x), model(x)) and next(other.parameters()).device.type == DEVICE
    loss = CrossEntropyLoss()(model(x), classes(6, n_classes=3))
    assert f"{loss:.3f}" == f"{loss.item():.3f}" and pickle.loads(pickle.dumps(loss)).item() == loss.item()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=["bfloat16", "float16"])
def test_half_precision_is_refused_or_right(dtype):
    ours, theirs = pair()
    x, y = randn(30, 20), classes(30)
    with pytest.raises(TypeError, match=r"expected torch.float32, got torch.\w+16; use .to\(\)"):
        ours(x.to(dtype))
    ours.to(dtype), theirs.to(dtype)
    loss, wanted = CrossEntropyLoss()(ours(x.to(dtype)), y), F.cross_entropy(theirs(x.to(dtype)), y)
    assert loss.dtype == dtype
    close(loss, wanted, dtype)
    loss.backward()
    wanted.backward()
    for p, q in zip(ours.parameters(), theirs.parameters()):
        assert p.grad.dtype == dtype
        close(p.grad, q.grad, dtype)


def test_autocast_is_refused_or_right():
    ours, theirs = pair()
    x, y = randn(30, 20), classes(30)
    with torch.autocast(DEVICE, dtype=torch.bfloat16):
        loss, wanted = CrossEntropyLoss()(ours(x), y), F.cross_entropy(theirs(x), y)
    wanted.backward()
    try:
        loss.backward()
    except (RuntimeError, TypeError) as e:
        print(f"refused: {e}", end=" ")
        assert "dtype" in str(e)
    else:
        for p, q in zip(ours.parameters(), theirs.parameters()):
            close(p.grad, q.grad, torch.bfloat16)


def test_random_graphs(monkeypatch):
    """As in test_tape.py, with all that is made there on the device."""
    compared = 0
    with torch.device(DEVICE), monkeypatch.context() as made_there:
        made_there.setattr(torch, "Generator", functools.partial(torch.Generator, DEVICE))
        torch.manual_seed(0)
        parts = test_tape.shared_parts()
        for seed in range(150):
            marks = [random.Random(seed).random() < 0.6 for _ in range(3)]
            loss, grads = test_tape.grads_of(seed, parts, marks, False)
            with monkeypatch.context() as patched:
                patched.setattr(CrossEntropyLoss, "_by_autograd", True)
                patched.setattr(MSELoss, "_by_autograd", True)
                wanted_loss, wanted = test_tape.grads_of(seed, parts, marks, True)
            assert loss.device.type == DEVICE
            close(loss, wanted_loss, torch.float64)
            for g, g_wanted in zip(grads, wanted, strict=True):
                if g is not None and g_wanted is not None:
                    close(g, g_wanted, torch.float64)
                    compared += 1
                else:
                    assert g is g_wanted or (g_wanted if g is None else g).abs().max() == 0
    print(f"{compared:,} gradients", end=" ")
    assert compared > 450


LOSSES = {"ours": lambda out, y: CrossEntropyLoss()(out, y), "theirs": F.cross_entropy, "ours and more": lambda out, y: CrossEntropyLoss()(out, y) * 2 + out.square().mean()}


@pytest.mark.parametrize("name", LOSSES)
def test_what_was_written_over_is_noticed_and_a_second_way_back(name):
    model, x, y = get_model(20, 16, 10).to(DEVICE), randn(30, 20), classes(30)
    loss = LOSSES[name](model(x), y)
    model[2].weight.detach().mul_(2)
    with pytest.raises(RuntimeError, match="was changed in place between the call and the way back"):
        loss.backward()
    loss = LOSSES[name](model(x), y)
    loss.backward()
    with pytest.raises(RuntimeError):
        loss.backward()


@pytest.mark.parametrize("name", LOSSES)
def test_two_threads(name):
    def train(key, seed):
        model, x, y = models[key], randn(64, 20, seed=seed), classes(64, seed)
        opt = SGD(model.parameters(), 0.1, momentum=0.9)
        for _ in range(30):
            opt.zero_grad()
            LOSSES[name](model(x), y).backward()
            opt.step()
    models = {(way, seed): get_model(20, 16, 10).to(DEVICE) for way in ("alone", "together") for seed in (1, 2)}
    for (_, seed), model in models.items():
        model.load_state_dict(models["alone", seed].state_dict())
    for seed in (1, 2):
        train(("alone", seed), seed)
    threads = [threading.Thread(target=train, args=(("together", seed), seed)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    for seed in (1, 2):
        for p, q in zip(models["alone", seed].parameters(), models["together", seed].parameters()):
            close(p, q)


@on_card
def test_a_stream_of_its_own():
    ours, _ = pair((784, 500, 10))
    x, y, grads = randn(500, 784), classes(500), []
    for loss_func in LOSSES.values():
        for stream in (torch.cuda.current_stream(), torch.cuda.Stream()):
            torch.cuda.synchronize()
            ours.zero_grad()
            with torch.cuda.stream(stream):
                loss_func(ours(x), y).backward()
            torch.cuda.synchronize()
            grads.append([p.grad.clone() for p in ours.parameters()])
        for g, wanted in zip(grads[-1], grads[-2]):
            close(g, wanted)


def test_nothing_is_kept_of_a_step():
    model, x, y, loss_func = get_model(20, 16, 10).to(DEVICE), randn(3000, 20), classes(3000), CrossEntropyLoss()
    opt, held = SGD(model.parameters(), 0.1), []
    gc.collect()
    gc.disable()
    try:
        for _ in range(5):
            opt.zero_grad()
            loss_func(model(x), y).backward()
            opt.step()
            held.append(torch.cuda.memory_allocated() if DEVICE == "cuda" else 0)
    finally:
        gc.enable()
    assert held[1] == held[-1]


# Page 03

@both_dtypes
def test_losses_and_accuracy(dtype):
    x, y = randn(50, 10, dtype=dtype) * 20, classes(50)
    close(minibatch.logsumexp(x), x.logsumexp(1), dtype)
    close(minibatch.log_softmax(x), x.log_softmax(1), dtype)
    close(minibatch.cross_entropy(x, y), F.cross_entropy(x, y), dtype)
    close(minibatch.nll_loss(x, y), F.nll_loss(x, y), dtype)
    assert accuracy(x, y).item() == pytest.approx((x.argmax(1) == y).double().mean().item())
    for kind in (torch.int32, torch.uint8):
        close(CrossEntropyLoss()(x, y.to(kind)), F.cross_entropy(x, y), dtype)


WRONG_TARGETS = """
import sys, torch
from minibatch_lib.minibatch import CrossEntropyLoss, cross_entropy
loss_func = dict(module=CrossEntropyLoss(), function=cross_entropy)[sys.argv[2]]
try: loss_func(torch.zeros(4, 3, device=sys.argv[1]), torch.tensor([0, 2, 3, 1], device=sys.argv[1])).item()
except Exception as e: print(type(e).__name__, str(e).splitlines()[0])
torch.zeros(1, device=sys.argv[1]).item()
"""


@pytest.mark.parametrize("loss", ["module", "function"])
def test_targets_that_are_no_classes_are_refused(loss):
    done = python("-c", WRONG_TARGETS, DEVICE, loss)  # in a process of its own, as a failure on the device spoils it for good
    print(done.stdout.strip(), end=" ")
    if DEVICE == "cuda":  # told as PyTorch's own loss tells it, since a look at the targets would cost a wait in every step
        assert "device-side assert" in done.stdout and done.returncode, done.stderr[-500:]
    else:
        assert "ValueError" in done.stdout and "must lie in 0..2" in done.stdout and done.returncode == 0, done.stderr[-500:]


@both_dtypes
@pytest.mark.parametrize("options", [{}, dict(momentum=0.9), dict(momentum=0.9, weight_decay=0.1)], ids=["plain", "momentum", "decay"])
def test_sgd_beside_torch(options, dtype):
    (ours, theirs), x, y = pair(dtype=dtype), randn(30, 20, dtype=dtype), classes(30)
    opts = [(ours, SGD(ours.parameters(), 0.05, **options)), (theirs, torch.optim.SGD(theirs.parameters(), 0.05, **options))]
    for _ in range(20):
        for model, opt in opts:
            opt.zero_grad()
            F.cross_entropy(model(x), y).backward()
            opt.step()
    for p, q in zip(ours.parameters(), theirs.parameters()):
        close(p, q, dtype)


def test_other_optimizers():
    for make in (Optimizer, torch.optim.SGD, functools.partial(torch.optim.Adam, betas=(0.9, 0.99)), torch.optim.AdamW):
        (ours, theirs), x, y = pair(), randn(30, 20), classes(30)
        for model, loss_func in ((ours, CrossEntropyLoss()), (theirs, F.cross_entropy)):
            opt = make(model.parameters(), 0.01)
            for _ in range(10):
                opt.zero_grad()
                loss_func(model(x), y).backward()
                opt.step()
        for p, q in zip(ours.parameters(), theirs.parameters()):
            close(p, q)


def test_the_state_of_an_optimizer_goes_to_the_cpu_and_back():
    ours, _ = pair()
    x, y, opt = randn(30, 20), classes(30), SGD(ours.parameters(), 0.1, momentum=0.9)

    def step(model, opt, device):
        opt.zero_grad()
        CrossEntropyLoss()(model(x.to(device)), y.to(device)).backward()
        opt.step()
    step(ours, opt, DEVICE)
    other = copy.deepcopy(ours).to("cpu")
    opt_other = SGD(other.parameters(), 0.5, momentum=0.1)
    opt_other.load_state_dict(pickle.loads(pickle.dumps(opt.state_dict())))
    assert {v["momentum_buffer"].device.type for v in opt_other.state.values()} == {"cpu"}
    step(ours, opt, DEVICE)
    step(other, opt_other, "cpu")
    back = copy.deepcopy(other).to(DEVICE)
    opt_back = SGD(back.parameters(), 0.1)
    opt_back.load_state_dict(opt_other.state_dict())
    assert {v["momentum_buffer"].device.type for v in opt_back.state.values()} == {DEVICE}
    for _ in range(2):
        step(ours, opt, DEVICE)
        step(back, opt_back, DEVICE)
    for p, q in zip(ours.parameters(), back.parameters()):
        close(p, q)


def test_batches_of_data_on_the_device():
    x, y = randn(103, 4), torch.arange(103, device=DEVICE)
    orders = []
    for device in (DEVICE, "cpu"):
        dl = DataLoader(Dataset(x.to(device), y.to(device)), 10, shuffle=True, generator=torch.Generator().manual_seed(1))
        batches = list(dl)
        assert len(batches) == len(dl) == 11 and all(t.device.type == device for batch in batches for t in batch)
        orders.append(torch.cat([yb.cpu() for _, yb in batches]).tolist())
        assert torch.equal(torch.cat([xb for xb, _ in batches]).cpu(), x.cpu()[orders[-1]])
    assert orders[0] == orders[1] and sorted(orders[0]) == list(range(103))
    subset = torch.utils.data.Subset(Dataset(x, y), [5, 7, 9])
    assert [yb.tolist() for _, yb in DataLoader(subset, 2)] == [[5, 7], [9]] and next(iter(DataLoader(subset, 2)))[0].device.type == DEVICE


@on_card
def test_a_loader_with_a_generator_of_the_device():
    dl = DataLoader(Dataset(randn(10, 2), classes(10)), 2, shuffle=True, generator=torch.Generator(DEVICE))
    with pytest.raises(RuntimeError, match="(?i)generator"):
        list(dl)


@on_card
@pytest.mark.parametrize("num_workers", [0, 2])
def test_pinned_memory(num_workers):
    x, y = randn(64, 5).cpu(), torch.arange(64)
    dl = DataLoader(Dataset(x, y), 16, num_workers=num_workers, pin_memory=True, **dict(timeout=30) if num_workers else {})
    found = []
    for xb, yb in dl:
        assert xb.is_pinned() and yb.is_pinned()
        found.append(xb.to(DEVICE, non_blocking=True))
    assert torch.equal(torch.cat(found).cpu(), x)


@on_card
def test_workers_and_data_on_the_device():
    dl = DataLoader(Dataset(randn(64, 5), classes(64)), 16, num_workers=1, timeout=30, multiprocessing_context="fork")
    try:
        assert len(list(dl)) == 4
    except RuntimeError as e:
        print(f"refused: {str(e).splitlines()[-1]}", end=" ")
        assert "CUDA" in str(e)


def learn(device, backend="ours", loader_device=None, n=2000, epochs=2, **options):
    """The records of a short training on images of the package."""
    data = get_data()
    x, y = data.x_train[:n].to(loader_device or device), data.y_train[:n].to(loader_device or device)
    torch.manual_seed(0)
    model = training._build([784, 50, 10], backend).to(device)
    opt = (SGD if backend == "ours" else torch.optim.SGD)(model.parameters(), 0.05, momentum=0.9)
    dls = get_dls(Dataset(x, y), Dataset(x[:500], y[:500]), 50, generator=torch.Generator().manual_seed(1))
    loss_func = CrossEntropyLoss() if backend == "ours" else nn.CrossEntropyLoss()
    return model, fit(epochs, model, loss_func, opt, *dls, **options)


@pytest.mark.parametrize("backend", ["ours", "torch"])
def test_fit_learns_what_it_learns_on_the_cpu(backend):
    (_, found), (_, wanted) = learn(DEVICE, backend), learn("cpu", backend)
    for record, record_wanted in zip(found, wanted, strict=True):
        assert record[1:4] == pytest.approx(record_wanted[1:4], rel=0.01, abs=0.01)
        assert all(isinstance(number, float) for number in record[1:])


def test_fit_twice_gives_the_same_bits():
    (one, _), (other, _) = learn(DEVICE), learn(DEVICE)
    assert all(torch.equal(p, q) for p, q in zip(one.parameters(), other.parameters()))


@on_card
@pytest.mark.parametrize("backend", ["ours", "torch"])
def test_how_often_fit_waits_for_the_device(backend):
    torch.cuda.synchronize()
    counts = []
    for n in (1000, 2000):
        torch.cuda.set_sync_debug_mode("warn")
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                learn(DEVICE, backend, loader_device=DEVICE, n=n, epochs=1)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        counts.append(sum("synchroniz" in str(warning.message) for warning in caught))
    a_step = (counts[1] - counts[0]) / 20
    print(f"{a_step:g} times in a step", end=" ")
    assert 1 <= a_step <= 2, "one for the loss is needed"


def mixed():
    """Calls whose arguments lie in two places."""
    model, here, there = Linear(4, 3).to(DEVICE), randn(5, 4), randn(5, 4).cpu()
    y, y_there = classes(5, n_classes=3), classes(5, n_classes=3).cpu()
    return {
        "Linear": lambda: model(there), "Sequential": lambda: Sequential(model, ReLU())(there), "Add": lambda: Add()(here, there), "MSELoss": lambda: MSELoss()(here, there),
        "CrossEntropyLoss": lambda: CrossEntropyLoss()(model(here), y_there), "cross_entropy": lambda: minibatch.cross_entropy(model(here), y_there),
        "nll_loss": lambda: minibatch.nll_loss(model(here), y_there), "accuracy": lambda: accuracy(model(here), y_there),
        "matmul": lambda: matmul.matmul(here, there.t()), "matmul_broadcast": lambda: matmul.matmul_broadcast(here, there.t()),
        "matmul_einsum": lambda: matmul.matmul_einsum(here, there.t()), "linear": lambda: forward_backward.linear(there, randn(4, 3), randn(3)),
        "mse": lambda: forward_backward.mse(here, there), "near": lambda: near(here, there), "test_near": lambda: test_near(here, there),
        "Dataset": lambda: list(DataLoader(Dataset(here, y_there), 2, shuffle=True)),
        "backward": lambda: backward(model(here), randn(5, 3).cpu()),
        "fit": lambda: learn(DEVICE, loader_device="cpu", n=100, epochs=1)}


@on_card
@pytest.mark.parametrize("name", ["Linear", "Sequential", "Add", "MSELoss", "CrossEntropyLoss", "cross_entropy", "nll_loss", "accuracy", "matmul", "matmul_broadcast",
                                  "matmul_einsum", "linear", "mse", "near", "test_near", "Dataset", "backward", "fit"])
def test_tensors_in_two_places_are_refused(name):
    with pytest.raises(Exception) as caught:
        mixed()[name]()
    said = str(caught.value).splitlines()[0]
    print(f"{caught.type.__name__}: {said}", end=" ")
    assert "cpu" in said and "cuda" in said


# Pages 04 and 05

@functools.cache
def trained(device, backend="ours"):
    """The weights, on the CPU, and the history of a run that nothing disturbed."""
    model, history = training.train(epochs=2, hidden=16, batch_size=500, device=device, backend=backend, quiet=True)
    assert next(model.parameters()).device.type == device
    return [p.detach().cpu() for p in model.parameters()], history


def test_train_learns_what_it_learns_on_the_cpu():
    weights, history = trained(DEVICE)
    wanted, history_wanted = trained("cpu")
    for record, record_wanted in zip(history, history_wanted, strict=True):
        assert record[1:4] == pytest.approx(record_wanted[1:4], abs=0.01)
    print(f"largest difference of a weight {max((p - q).abs().max().item() for p, q in zip(weights, wanted)):.1e}", end=" ")


class Stopped(training.Run):
    """A run that is stopped after six steps of its second epoch."""

    def is_stopped(self):
        return self.epoch == 1 and self.batch == 6


@pytest.mark.parametrize("backend", ["ours", "torch"])
@pytest.mark.parametrize("then", ["there", "elsewhere"])
def test_resume(tmp_path, backend, then):
    options = dict(hidden=16, batch_size=500, epochs=2, backend=backend, out=tmp_path / "run", quiet=True)
    with pytest.raises(KeyboardInterrupt, match="stopped in epoch 2 after step 6 of 12"):
        training.train_run(options | dict(device=DEVICE), Stopped)
    torch.rand(3, device=DEVICE)
    model, history = training.train(out=tmp_path / "run", resume=True, quiet=True, device=DEVICE if then == "there" else "cpu")
    weights, wanted_history = trained(DEVICE, backend)
    off = max((p.detach().cpu() - q).abs().max().item() for p, q in zip(model.parameters(), weights))
    print("bit for bit" if off == 0 else f"largest difference of a weight {off:.1e}", end=" ")
    assert off == 0 if then == "there" else off < 1e-3
    assert len(history) == 2 and history[1][1:4] == pytest.approx(wanted_history[1][1:4], abs=1e-3)


def test_a_checkpoint_of_the_cpu_goes_on_here(tmp_path):
    options = dict(hidden=16, batch_size=500, epochs=2, device="cpu", out=tmp_path / "run", quiet=True)
    with pytest.raises(KeyboardInterrupt):
        training.train_run(options, Stopped)
    model, history = training.train(out=tmp_path / "run", resume=True, quiet=True, device=DEVICE)
    assert next(model.parameters()).device.type == DEVICE and len(history) == 2
    assert history[1][1:4] == pytest.approx(trained("cpu")[1][1][1:4], abs=1e-3)


def test_eval_and_predict(tmp_path):
    model, history = training.train(epochs=1, hidden=16, batch_size=500, device=DEVICE, out=tmp_path / "run", quiet=True)
    data = get_data()
    found = training.evaluate(tmp_path / "run")
    assert found["accuracy"] == pytest.approx(history[-1].metric, abs=0.003)
    probs, answers = training.predict(tmp_path / "run", data.x_valid)
    for one, images in ((model, data.x_valid), (model, data.x_valid.to(DEVICE)), (tmp_path / "run", data.x_valid.to(DEVICE))):
        again, answers_again = training.predict(one, images)
        assert again.device.type == answers_again.device.type == "cpu"
        close(again, probs)
    assert (answers == data.y_valid).double().mean().item() == pytest.approx(found["accuracy"])


def test_a_saved_model_goes_to_the_cpu_and_back(tmp_path):
    (ours, theirs), x = pair(), randn(30, 20)
    for model in (ours, theirs):
        training.save_model(tmp_path / "model.safetensors", model)
        loaded, _ = training.load_model(tmp_path / "model.safetensors")
        assert all(p.device.type == "cpu" and torch.equal(p, q.cpu()) for p, q in zip(loaded.parameters(), model.parameters()))
        close(loaded(x.cpu()), model(x))
        assert torch.equal(loaded.to(DEVICE)(x), model(x)) or model is theirs
        model.load_state_dict(loaded.to("cpu").state_dict())
        assert next(model.parameters()).device.type == DEVICE


def test_a_checksum_does_not_depend_on_the_place():
    t = randn(30, 20)
    assert checksum({"t": t}) == checksum({"t": t.cpu()})


def test_pictures_of_tensors_on_the_device():
    x, y, probs = randn(8, 16).sigmoid(), classes(8, n_classes=3), randn(8, 3).softmax(1)
    show_images(x, titles=list("abcdefgh"))
    with warnings.catch_warnings(action="ignore"):
        draw_worst(x, y, probs, ["a", "b", "c"], (4, 4))


@on_card
def test_too_little_memory_costs_one_line():
    torch.cuda.empty_cache()
    card = torch.cuda.get_device_properties(0)
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 3e8) / card.total_memory)
    try:
        with pytest.raises(OSError, match="hidden: the memory does not suffice"):
            training.train(hidden=(100_000,), epochs=1, quiet=True, device=DEVICE)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.)
        gc.collect()
        torch.cuda.empty_cache()


def test_the_commands(tmp_path):
    out = str(tmp_path / "run")
    done = python("-m", "minibatch_lib", "train", "--epochs=1", "--hidden=8", f"--device={DEVICE}", f"--out={out}")
    assert done.returncode == 0 and "epoch  1/1" in done.stdout, done.stderr
    assert json.loads((tmp_path / "run" / "config.json").read_text())["device"] == DEVICE
    done = python("-m", "minibatch_lib", "eval", out)
    assert done.returncode == 0 and done.stdout.startswith("accuracy 0."), done.stderr


@pytest.mark.parametrize("backend", ["ours", "torch"])
@pytest.mark.parametrize("loss_func", [CrossEntropyLoss(), F.cross_entropy], ids=["our loss", "their loss"])
def test_watch(backend, loss_func):
    def run(device, watched):
        torch.manual_seed(0)
        model = training._build([20, 16, 16, 10], backend).to(device)
        opt = SGD(model.parameters(), 0.1)
        x, y = randn(100, 20).to(device), classes(100).to(device)
        w = watch(model, opt)
        with w if watched else warnings.catch_warnings():
            for _ in range(60):
                opt.zero_grad()
                loss = loss_func(model(x), y)
                loss.backward()
                opt.step()
                if watched:
                    w.loss(loss)
        return model, w
    _, wanted = run("cpu", True)
    run(DEVICE, True)
    start = time.perf_counter()
    model, w = run(DEVICE, True)
    wait()
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    alone, _ = run(DEVICE, False)
    wait()
    print(f"{seconds / (time.perf_counter() - start):.1f} x the time without", end=" ")
    for p, q in zip(model.parameters(), alone.parameters()):
        assert torch.equal(p, q)
    assert len(w.table()) == len(wanted.table())
    for f, f_wanted in zip(w.table()[:20], wanted.table()[:20]):
        assert f[:2] == f_wanted[:2] and [v is None for v in f] == [v is None for v in f_wanted]
        assert [v for v in f[2:] if v is not None] == pytest.approx([v for v in f_wanted[2:] if v is not None], rel=0.02, abs=1e-4)
    assert {f[:2] for f in w.findings()} == {f[:2] for f in wanted.findings()}


# What it costs

def step_of(model, opt, loss_func, x, y):
    def step():
        opt.zero_grad()
        loss = loss_func(model(x), y)
        loss.backward()
        opt.step()
    return step


@pytest.mark.parametrize("sizes,rows", [((784, 50, 10), 64), ((784, 50, 10), 4096), ((1024, 2048, 2048, 10), 2048)] if DEVICE == "cuda" else [((784, 50, 10), 64)], ids=str)
def test_a_step_beside_torch(sizes, rows):
    (ours, theirs), x, y = pair(sizes), randn(rows, sizes[0]), classes(rows)
    steps = {"ours": step_of(ours, SGD(ours.parameters(), 0.01, momentum=0.9), CrossEntropyLoss(), x, y),
             "torch.nn": step_of(theirs, torch.optim.SGD(theirs.parameters(), 0.01, momentum=0.9), nn.CrossEntropyLoss(), x, y)}
    seconds = {name: [] for name in steps}
    for _ in range(12):
        for name, step in steps.items():
            wait()
            start = time.perf_counter()
            for _ in range(10):
                step()
            wait()
            seconds[name].append((time.perf_counter() - start) / 10)
    ours_s, theirs_s = (statistics.median(s[2:]) for s in seconds.values())
    print(f"ours {ours_s * 1e6:.0f} us, torch.nn {theirs_s * 1e6:.0f} us, {ours_s / theirs_s:.2f} x", end=" ")
    assert ours_s > 0


def test_where_the_images_lie():
    seconds = []
    for records in (training.train(epochs=3, batch_size=50, device=DEVICE, quiet=True)[1], learn(DEVICE, n=6000, epochs=3)[1]):
        seconds.append(min(record.seconds for record in records) / 120)
    print(f"train, which moves each batch: {seconds[0] * 1e6:.0f} us a step; fit with all on the device: {seconds[1] * 1e6:.0f} us", end=" ")
    assert min(seconds) > 0


# Page 06

def torchrun(folder, n, **options):
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in (dict(epochs=1, batch_size=500, hidden=16) | options).items()]
    return subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={n}", "-m", "minibatch_lib.distributed", *arguments],
                          cwd=folder, capture_output=True, text=True, timeout=LIMIT,
                          env=os.environ | dict(OMP_NUM_THREADS="1", TMPDIR=str(folder), PYTHONPATH=os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])))


@pytest.mark.parametrize("backend", ["ours", "torch"])
@pytest.mark.parametrize("n", [1, 2])
def test_processes_on_the_device(tmp_path, n, backend):
    if n > (torch.cuda.device_count() if DEVICE == "cuda" else 1):
        pytest.skip(f"needs {n} graphics processors")
    done = torchrun(tmp_path, n, device=DEVICE, backend=backend)
    assert done.returncode == 0, done.stderr[-2000:]
    model, _ = training.load_model(tmp_path / "runs" / "fashion_mini" / "model.safetensors")
    wanted, _ = training.train(epochs=1, batch_size=500, hidden=16, device=DEVICE, backend=backend, quiet=True)
    for p, q in zip(model.parameters(), wanted.parameters()):
        close(p, q)


@on_card
def test_more_processes_than_cards_work_on_the_cpu(tmp_path):
    done = torchrun(tmp_path, torch.cuda.device_count() + 1, device="cpu")
    assert done.returncode == 0, done.stderr[-1500:]


@on_card
def test_more_processes_than_cards_are_refused_in_one_line(tmp_path):
    done = torchrun(tmp_path, torch.cuda.device_count() + 1, device="cuda")
    said = [line for line in done.stderr.splitlines() if line.startswith("torchrun -m minibatch_lib.distributed")]
    print(said or done.stderr.strip().splitlines()[-1:], end=" ")
    assert done.returncode and len(said) == 1 and "device" in said[0]


@on_card
def test_the_cells_of_the_pages():
    """All pages where `auto` is the graphics processor, but for what they time."""
    pytest.importorskip("IPython")  # two of them show Markdown
    done = subprocess.run([sys.executable, os.path.join("tools", "page_tests.py"), "--quick"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=2 * LIMIT, env=os.environ | {"OMP_NUM_THREADS": "1"})
    print(done.stdout[-8000:] if done.returncode else done.stdout.splitlines()[-1], end=" ")
    assert done.returncode == 0
