"""Every layer beside PyTorch's, on shapes, strides and numbers that nobody picked by hand."""
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from minibatch_lib.minibatch import CrossEntropyLoss
from minibatch_lib.modules import Dropout, Flatten, GeneralReLU, Linear, MSELoss, ReLU, Sequential

many = settings(max_examples=200, deadline=None, derandomize=True, database=None)
shapes = st.lists(st.integers(0, 5), max_size=4).map(tuple)
leading = st.lists(st.integers(0, 5), max_size=3).map(tuple)
layouts = st.sampled_from(["contiguous", "every other", "transposed", "expanded", "shifted"])
seeds = st.integers(0, 2**32 - 1)
DOUBLE = dict(rtol=0, atol=1e-10)
SINGLE = dict(rtol=1e-4, atol=1e-5)


def laid_out(shape, layout, generator, dtype=torch.float64):
    """Standard normal numbers of a shape, in a memory layout."""

    def draw(shape):
        return torch.randn(shape, generator=generator, dtype=dtype)

    if not shape:
        return draw(shape)
    if layout == "every other":
        return draw((*shape[:-1], 2 * shape[-1]))[..., ::2]
    if layout == "transposed":
        return draw((*shape[:-2], *reversed(shape[-2:]))).mT if len(shape) > 1 else draw(shape)
    if layout == "expanded":
        return draw((1, *shape[1:])).expand(shape)
    if layout == "shifted":
        return draw((shape[0] + 1, *shape[1:]))[1:]
    return draw(shape)


def compare(layer, theirs, inputs, generator, tolerance, call=None):
    """Outputs, gradients of inputs and parameters of a layer beside those that autograd finds through `theirs`."""
    before = [t.clone() for t in inputs]
    leaves = [t.clone().requires_grad_() if t.is_floating_point() else t for t in inputs]
    for t in inputs:
        t.requires_grad_(t.is_floating_point())
    out = layer(*inputs)
    out_theirs = theirs(*leaves)
    torch.testing.assert_close(out.detach(), out_theirs.detach(), **tolerance, equal_nan=True)
    g = laid_out(tuple(out.shape), "contiguous", generator, out.dtype) if out.dim() else None
    out_theirs.backward(g)
    layer.backward(out, g)
    for t, leaf, old in zip(inputs, leaves, before):
        assert t.equal(old), "an input was changed"
        if leaf.requires_grad:
            torch.testing.assert_close(t.g, leaf.grad, **tolerance, equal_nan=True)
    for p, q in zip(layer.parameters(), getattr(theirs, "parameters", lambda: ())(), strict=True):
        torch.testing.assert_close(p.grad, q.grad, **tolerance)


def numbers(seed):
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)


def linear_pair(n_in, n_out, bias, dtype):
    ours, theirs = Linear(n_in, n_out, bias).to(dtype), nn.Linear(n_in, n_out, bias).to(dtype)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@many
@given(leading, st.integers(0, 5), st.integers(0, 5), st.booleans(), layouts, seeds)
def test_linear(batch, n_in, n_out, bias, layout, seed):
    generator = numbers(seed)
    ours, theirs = linear_pair(n_in, n_out, bias, torch.float64)
    compare(ours, theirs, [laid_out((*batch, n_in), layout, generator)], generator, DOUBLE)


@many
@given(st.integers(1, 64), st.integers(1, 64), st.integers(1, 64), st.booleans(), layouts, seeds)
@pytest.mark.slow
def test_linear_in_single_precision(n, n_in, n_out, bias, layout, seed):
    generator = numbers(seed)
    ours, theirs = linear_pair(n_in, n_out, bias, torch.float32)
    compare(ours, theirs, [laid_out((n, n_in), layout, generator, torch.float32)], generator, SINGLE)


def relu_minus(x):
    return F.relu(x) - 0.25


ELEMENTWISE = [(ReLU, nn.ReLU()), (lambda: GeneralReLU(0.25), relu_minus), (lambda: Dropout(0.3).eval(), nn.Dropout(0.3).eval())]


@pytest.mark.parametrize("make, theirs", ELEMENTWISE, ids=["ReLU", "GeneralReLU", "Dropout in evaluation"])
@many
@given(shapes, layouts, seeds)
def test_elementwise(make, theirs, shape, layout, seed):
    generator = numbers(seed)
    compare(make(), theirs, [laid_out(shape, layout, generator)], generator, DOUBLE)


@pytest.mark.parametrize("make, theirs", ELEMENTWISE, ids=["ReLU", "GeneralReLU", "Dropout in evaluation"])
@many
@given(st.lists(st.integers(1, 64), max_size=2).map(tuple), layouts, seeds)
@pytest.mark.slow
def test_elementwise_in_single_precision(make, theirs, shape, layout, seed):
    generator = numbers(seed)
    compare(make(), theirs, [laid_out(shape, layout, generator, torch.float32)], generator, SINGLE)


@many
@given(st.integers(0, 5), shapes.filter(len), layouts, seeds, st.sampled_from([torch.float32, torch.float64]))
def test_flatten(n, rest, layout, seed, dtype):
    generator = numbers(seed)
    compare(Flatten(), nn.Flatten(), [laid_out((n, *rest), layout, generator, dtype)], generator, DOUBLE)


@many
@given(shapes, layouts, st.sampled_from([0., 0.1, 0.5, 0.9, 1.]), seeds, st.sampled_from([torch.float32, torch.float64]))
def test_dropout(shape, layout, p, seed, dtype):
    """What is left of each element says which were dropped; the gradient goes the same way."""
    generator = numbers(seed)
    inp = laid_out(shape, layout, generator, dtype).requires_grad_()
    layer = Dropout(p)
    out = layer(inp)
    kept = (out != 0).to(dtype)
    layer.backward(out, torch.randn(shape, generator=generator, dtype=dtype))
    scale = 1 / (1 - p) if p < 1 else 0.
    torch.testing.assert_close(out, inp * kept * scale)
    torch.testing.assert_close(inp.g, out.g * kept * scale)
    if p in (0, 1):
        assert kept.eq(1 - p).all()


def test_dropout_drops_the_share_it_should():
    """Within five standard errors of the mean of 100,000 draws."""
    numbers(0)
    for p in (0.1, 0.5, 0.9):
        dropped = Dropout(p)(torch.ones(100_000)).eq(0).double().mean().item()
        assert abs(dropped - p) < 5 * math.sqrt(p * (1 - p) / 100_000)


@many
@given(st.integers(1, 64), st.booleans(), layouts, seeds, st.sampled_from([(torch.float64, DOUBLE), (torch.float32, SINGLE)]))
def test_mse(n, as_column, layout, seed, precision):
    dtype, tolerance = precision
    generator = numbers(seed)
    out = laid_out((n, 1) if as_column else (n,), layout, generator, dtype)
    targ = laid_out((n,), layout, generator, dtype)
    compare(MSELoss(), lambda out, targ: F.mse_loss(out.view(targ.shape) if as_column else out, targ), [out, targ], generator, tolerance)


@many
@given(st.integers(1, 64), st.integers(1, 64), layouts, seeds, st.sampled_from([1., 100., 1e4]),
       st.sampled_from([(torch.float64, DOUBLE), (torch.float32, SINGLE)]))
def test_cross_entropy(n, n_classes, layout, seed, size, precision):
    dtype, tolerance = precision
    generator = numbers(seed)
    logits = laid_out((n, n_classes), layout, generator, dtype) * size
    targ = torch.randint(n_classes, (n,), generator=generator)
    compare(CrossEntropyLoss(), nn.CrossEntropyLoss(), [logits, targ], generator, tolerance)


@many
@given(st.lists(st.integers(1, 6), min_size=2, max_size=5), st.integers(0, 5), seeds)
def test_sequential(sizes, n, seed):
    generator = numbers(seed)
    ours, theirs = [], []
    for i, j in zip(sizes, sizes[1:]):
        ours += [Linear(i, j), ReLU()]
        theirs += [nn.Linear(i, j), nn.ReLU()]
    ours, theirs = Sequential(*ours).to(torch.float64), nn.Sequential(*theirs).double()
    theirs.load_state_dict(ours.state_dict())
    assert repr(ours) == repr(theirs)
    compare(ours, theirs, [laid_out((n, sizes[0]), "every other", generator)], generator, DOUBLE)
