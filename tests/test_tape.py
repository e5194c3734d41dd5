"""The way back: on random graphs, beside PyTorch's autograd, in long chains, in threads, and when nobody holds the output."""
import copy
import gc
import pickle
import random
import threading
import weakref

import pytest
import torch
import torch.nn.functional as F

from minibatch_lib.minibatch import SGD, CrossEntropyLoss, get_model
from minibatch_lib.modules import Add, Dropout, Flatten, GeneralReLU, Linear, Module, ModuleList, MSELoss, Parameter, ReLU, Sequential, backward

GRAPHS = 1000
N, WIDTH = 3, 4


class Product(Module):
    """A layer with two arguments."""

    def forward(self, a, b):
        return a * b

    def bwd(self, out, a, b):
        a.g, b.g = out.g * b, out.g * a


class Scale(Module):
    """A layer with a parameter, of which nothing is known to `Sequential`."""

    def __init__(self, n):
        self.scale = Parameter(torch.ones(n))

    def forward(self, inp):
        return inp * self.scale

    def bwd(self, out, inp):
        inp.g, self.scale.grad = out.g * self.scale, (out.g * inp).sum(0)


class Mixed(Module):
    """A model with layers, plain operations and a parameter that only a plain operation uses."""

    def __init__(self, n):
        self.one, self.two, self.share = Linear(n, n), Sequential(Linear(n, n), ReLU()), Parameter(torch.tensor(0.3))

    def forward(self, x):
        h = self.one(x)
        return self.share * self.two(h.tanh()) + self.one(h) / 2


class Twice(Module):
    """A model of layers alone that uses one of them twice."""

    def __init__(self, n):
        self.inner = Sequential(Linear(n, n), GeneralReLU(0.2), Scale(n))
        self.add = Add()

    def forward(self, x):
        return self.add(self.inner(self.inner(x)), x)


def shared_parts():
    """Layers and models, some with parts in common."""
    layers = [Linear(WIDTH, WIDTH), Linear(WIDTH, WIDTH, bias=False), Scale(WIDTH), ReLU(), GeneralReLU(0.1), Flatten()]
    models = [Sequential(layers[0], ReLU(), Linear(WIDTH, WIDTH)), Sequential(layers[2], layers[0]), Mixed(WIDTH), Twice(WIDTH),
              Sequential(Sequential(layers[1], ReLU()), Dropout(0.5).eval()), Sequential(layers[0], layers[0])]
    return ModuleList(layers + models).to(torch.float64), Product().to(torch.float64), Add()


PLAIN = [lambda a, b: a + b, lambda a, b: a * b.sin(), lambda a, b: a.flip(1).cos(), lambda a, b: torch.cat([a[:, :2], b[:, 2:]], 1),
         lambda a, b: a[[0, 2, 1]] / 2, lambda a, b: (a @ b.t()).softmax(1) @ a]


def run(seed, parts, inputs):
    """A graph of twelve operations drawn with this seed; the loss at its end."""
    draws = random.Random(seed)
    single, product, add = parts
    made = list(inputs)
    plain = draws.choice([0., 0.2, 0.5])
    for _ in range(draws.randint(5, 14)):
        a, b = draws.choice(made), draws.choice(made)
        if draws.random() < plain:
            made.append(draws.choice(PLAIN)(a, b))
        else:
            made.append(draws.choice([lambda: product(a, b), lambda: add(a, b), *[lambda layer=layer: layer(a) for layer in single]])())
        if draws.random() < 0.3:
            made[-1] = made[-1].tanh()
    ends = [made[-1], *draws.sample(made, draws.randint(0, 2))]
    kind = draws.randrange(4)
    if kind == 0:
        return MSELoss()(ends[0], ends[-1])
    if kind == 1:
        return CrossEntropyLoss()(ends[0], torch.tensor([0, 3, 1]))
    if kind == 2:
        return F.cross_entropy(ends[0], torch.tensor([0, 3, 1])) + sum(end.sin().mean() for end in ends)
    return MSELoss()(ends[0], inputs[0].detach()) * 2 + sum(end.square().mean() for end in ends)


def grads_of(seed, parts, marks, by_autograd):
    """Loss and gradients, None where there are none, of inputs and parameters."""
    generator = torch.Generator().manual_seed(seed)
    inputs = [torch.randn(N, WIDTH, dtype=torch.float64, generator=generator).requires_grad_(mark) for mark in marks]
    for module in parts:
        module.use_autograd(by_autograd).zero_grad()
    loss = run(seed, parts, inputs)
    if loss.requires_grad:
        loss.backward()
    return loss.detach(), [both(t) for t in (*inputs, *parts[0].parameters())]


def both(t):
    found = [g for g in (getattr(t, "g", None), t.grad) if g is not None]
    return sum(found) if found else None


def test_random_graphs(monkeypatch):
    torch.manual_seed(0)
    parts, compared = shared_parts(), 0
    for seed in range(GRAPHS):
        marks = [random.Random(seed).random() < 0.6 for _ in range(3)]
        for p in parts[0].parameters():
            p.requires_grad_(random.Random(f"{seed} {p.shape}").random() < 0.9)
        loss, grads = grads_of(seed, parts, marks, False)
        with monkeypatch.context() as patched:  # losses are made anew in each graph: they are left to autograd as a class
            patched.setattr(CrossEntropyLoss, "_by_autograd", True)
            patched.setattr(MSELoss, "_by_autograd", True)
            expected_loss, expected = grads_of(seed, parts, marks, True)
        torch.testing.assert_close(loss.as_subclass(torch.Tensor), expected_loss.as_subclass(torch.Tensor), rtol=0, atol=1e-10)
        for g, wanted in zip(grads, expected, strict=True):
            assert (g is None) == (wanted is None) or (wanted if g is None else g).abs().max() == 0
            if g is not None and wanted is not None:
                torch.testing.assert_close(g, wanted, rtol=1e-10, atol=1e-10)
                compared += 1
    assert compared > 3 * GRAPHS


def test_a_chain_of_3000_layers():
    for make in (lambda: [ReLU() for _ in range(3000)], lambda: [Scale(2) for _ in range(3000)]):
        layers = make()
        for model in (Sequential(*layers), lambda x: [x := layer(x) for layer in layers][-1]):
            x = torch.ones(1, 2).requires_grad_()
            out = model(x)
            backward(out, torch.ones(1, 2))
            assert x.g.tolist() == [[1., 1.]]
    x = torch.ones(1, 2).requires_grad_()
    out = x
    for layer in layers:
        out = layer(out) + 0.
    out.sum().backward()
    assert both(x).tolist() == [[1., 1.]]


def test_an_abandoned_chain_is_freed():
    layer, out = Scale(2), torch.ones(1, 2)
    for _ in range(100_000):
        out = layer(out)
    del out


def test_two_threads_with_one_loss():
    loss_func, results = CrossEntropyLoss(), {}

    def train(name, seed):
        generator = torch.Generator().manual_seed(seed)
        with lock:
            torch.manual_seed(seed)
            model = get_model(5, 4, 3)
        opt = SGD(model.parameters(), 0.1)
        for step in range(200):
            x, y = torch.randn(6, 5, generator=generator), torch.randint(3, (6,), generator=generator)
            loss = loss_func(model(x), y)
            loss = loss if step % 2 else loss + 0 * F.cross_entropy(model(x), y)
            loss.backward()
            opt.step()
            opt.zero_grad()
        results[name] = [p.detach() for p in model.parameters()]

    lock = threading.Lock()
    for seed in (1, 2):
        train(("alone", seed), seed)
    threads = [threading.Thread(target=train, args=(("together", seed), seed)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in (1, 2):
        for p, q in zip(results["alone", seed], results["together", seed]):
            assert torch.equal(p, q)


@pytest.mark.parametrize("make", [lambda x: Linear(4, 4)(x), lambda x: Sequential(Linear(4, 4), ReLU())(x), lambda x: Mixed(4)(x),
                                  lambda x: MSELoss()(Linear(4, 4)(x), torch.zeros(3, 4)), lambda x: F.mse_loss(Linear(4, 4)(x), torch.zeros(3, 4))],
                         ids=["layer", "row", "mixed", "loss", "their loss"])
@pytest.mark.parametrize("back", [False, True])
def test_an_output_that_nobody_holds_is_freed_at_once(make, back):
    gc.collect()
    gc.disable()
    try:
        x = torch.randn(3, 4)
        out = make(x)
        if back:
            backward(out, torch.ones_like(out))
        gone = weakref.ref(out)
        del out
        assert gone() is None
    finally:
        gc.enable()


def test_copies_between_forward_and_backward():
    torch.manual_seed(0)
    model, x = Sequential(Linear(4, 3), ReLU(), Linear(3, 2)), torch.randn(5, 4)
    loss = MSELoss()(model(x), torch.zeros(5, 2))
    copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    loss.backward()
    for one in copies:
        assert all(p.grad is None for p in one.parameters())
        MSELoss()(one(x), torch.zeros(5, 2)).backward()
        for p, q in zip(one.parameters(), model.parameters(), strict=True):
            assert torch.equal(p.grad, q.grad) and p is not q


def test_a_second_way_back_is_refused():
    model, x, y = get_model(4, 3, 2), torch.randn(5, 4), torch.arange(5) % 2
    for loss, options in ((CrossEntropyLoss()(model(x), y), {}), (F.cross_entropy(model(x), y), dict(retain_graph=True)),
                          (CrossEntropyLoss()(model(x) * 1, y), dict(retain_graph=True))):
        loss.backward(**options)
        with pytest.raises(RuntimeError, match="gone through already"):
            loss.backward()


def test_gradients_add_up_over_passes():
    layer, x = Linear(4, 3), torch.randn(5, 4).requires_grad_()
    for times in (1, 2, 3):
        backward(layer(x), torch.ones(5, 3))
        torch.testing.assert_close(x.g, times * torch.ones(5, 3) @ layer.weight.detach())
        torch.testing.assert_close(layer.bias.grad, torch.full((3,), 5. * times))


@pytest.mark.parametrize("change", [lambda model, x, h: x.zero_(), lambda model, x, h: model[2].weight.detach().mul_(2), lambda model, x, h: h.detach().mul_(2), lambda model, x, h: model.load_state_dict(model.state_dict())])
@pytest.mark.parametrize("whole", [True, False])
def test_what_was_written_over_is_noticed(change, whole):
    model, x = get_model(4, 3, 2), torch.randn(5, 4)
    if whole:
        h = out = model(x)
    else:
        h = model[0](x)
        out = model[2](model[1](h))
    change(model, x, h)
    with pytest.raises(RuntimeError, match="was changed in place between the call and the way back"):
        backward(out, torch.ones(5, 2))
