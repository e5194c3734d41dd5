"""Gradients on shapes and numbers that nobody picked by hand."""
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minibatch_lib.forward_backward import (forward_and_backward, linear, linear_grad, linear_grad_einsum, linear_grad_outer,
                                            mse, mse_grad, relu, relu_grad)
from minibatch_lib.minibatch import CrossEntropyLoss, get_model
from minibatch_lib.modules import GeneralReLU, Linear, Module, MSELoss, Parameter, ReLU, Sequential
from minibatch_lib.testing import check_grads

repeatable = settings(max_examples=15, deadline=None, derandomize=True, database=None)
size = st.integers(1, 4)
seed = st.integers(0, 2**32 - 1)


def randoms(seed, *shapes):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


@repeatable
@given(size, size, size, seed)
@pytest.mark.parametrize("grad", [linear_grad_outer, linear_grad_einsum, linear_grad])
def test_linear(grad, n, n_in, n_out, seed):
    x, w, b = randoms(seed, (n, n_in), (n_in, n_out), (n_out,))
    check_grads(linear, x, w, b, backward=lambda out, x, w, b: grad(x, out, w, b))


@repeatable
@given(st.lists(size, max_size=3), seed)
def test_relu(shape, seed):
    x, = randoms(seed, tuple(shape))
    check_grads(relu, x, backward=lambda out, x: relu_grad(x, out))
    check_grads(ReLU(), x)
    check_grads(GeneralReLU(0.2), x)


@repeatable
@given(size, seed, st.booleans())
def test_mse(n, seed, one_axis):
    out, targ = randoms(seed, (n,) if one_axis else (n, 1), (n,))
    check_grads(mse, out, targ, backward=lambda loss, out, targ: mse_grad(out, targ))
    check_grads(MSELoss(), out, targ)


@repeatable
@given(size, size, size, seed)
def test_the_whole_network(n, n_in, nh, seed):
    x, targ, w1, b1, w2, b2 = randoms(seed, (n, n_in), (n,), (n_in, nh), (nh,), (nh, 1), (1,))

    def network(x, w1, b1, w2, b2):
        return mse(linear(relu(linear(x, w1, b1)), w2, b2), targ)

    check_grads(network, x, w1, b1, w2, b2, backward=lambda loss, x, *params: forward_and_backward(x, targ, *params))


@repeatable
@given(st.lists(size, max_size=3), size, size, st.booleans(), seed)
def test_linear_layer(leading, n_in, n_out, bias, seed):
    x, = randoms(seed, (*leading, n_in))
    check_grads(Linear(n_in, n_out, bias), x)


@repeatable
@given(size, st.lists(size, max_size=2), st.integers(2, 5), seed)
def test_a_classifier(n, hidden, n_classes, seed):
    x, = randoms(seed, (n, 3))
    torch.manual_seed(seed)
    check_grads(get_model(3, hidden, n_classes), x)
    targets = torch.randint(0, n_classes, (n,))
    check_grads(CrossEntropyLoss(), *randoms(seed, (n, n_classes)), targets)


class Planted(Module):
    """A linear layer with a mistake in one of its formulas."""

    def __init__(self, n_in, n_out, mistake):
        self.weight, self.bias = (Parameter(t) for t in randoms(1, (n_out, n_in), (n_out,)))
        self.mistake = mistake

    def forward(self, x):
        return x @ self.weight.t() + self.bias

    def bwd(self, out, x):
        g = out.g
        x.g = {"sign": -g @ self.weight, "zero": torch.zeros_like(x)}.get(self.mistake, g @ self.weight)
        self.weight.grad = {"mean": g.t() @ x / (2 * len(x)), "last row": g[:-1].t() @ x[:-1]}.get(self.mistake, g.t() @ x)
        self.bias.grad = {"sum": g, "squeeze": g.squeeze().sum(0)}.get(self.mistake, g.sum(0))


@pytest.mark.parametrize("mistake, name", [("sign", "input 0: wrong at"), ("zero", "input 0: wrong at"), ("mean", "weight: wrong at"),
                                           ("last row", "weight: wrong at")])
@repeatable
@given(size, size, size, seed)
def test_a_mistake_is_found(mistake, name, n, n_in, n_out, seed):
    x, = randoms(seed, (n, n_in))
    check_grads(Planted(n_in, n_out, None), x)
    with pytest.raises(AssertionError, match=name):
        check_grads(Planted(n_in, n_out, mistake), x)


@pytest.mark.parametrize("mistake, n", [("sum", 4), ("squeeze", 1)])
def test_a_gradient_of_the_wrong_shape_is_found(mistake, n):
    with pytest.raises(AssertionError, match=r"backward failed: attempting to assign a gradient of size '\[.*\]' to a tensor of size '\[2\]'"):
        check_grads(Planted(3, 2, mistake), *randoms(1, (n, 3)))


def test_a_squeeze_is_right_for_larger_batches():
    check_grads(Planted(3, 2, "squeeze"), *randoms(1, (4, 3)))


def test_a_failure_leaves_the_layer_as_it_was():
    layer = Sequential(Planted(3, 2, "sign")).to(torch.float32)
    layer[0].weight.grad = grad = torch.ones(2, 3)
    with pytest.raises(AssertionError):
        check_grads(layer, torch.randn(4, 3))
    assert layer[0].weight.dtype == torch.float32 and layer[0].weight.grad is grad and layer[0].weight.requires_grad
    assert Sequential(layer).state_dict().keys() == {"0.0.weight", "0.0.bias"}
