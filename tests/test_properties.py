"""What holds for every public function whatever the input: any shape, also with axes of 0 and 1, any strides, any dtype, nan and inf."""
import contextlib
import copy
import importlib
import io
import math
import tempfile
from functools import wraps
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn

import conftest
from minibatch_lib import commands, data, distributed, forward_backward, images, inside, matmul, minibatch, modules, runs, tape, testing, training
from minibatch_lib.forward_backward import general_relu, kaiming_normal, linear, mse, normalize, relu
from minibatch_lib.minibatch import (SGD, BatchSampler, CrossEntropyLoss, DataLoader, Dataset, EpochRecord, Optimizer, Sampler, SliceLoader,
                                     accuracy, collate, cross_entropy, fit, get_dls, get_model, log_softmax, logsumexp, nll_loss)
from minibatch_lib.modules import (Add, Dropout, Flatten, GeneralReLU, Linear, Module, ModuleList, MSELoss, Parameter, ReLU, Sequential, backward)
from minibatch_lib.testing import check_grads, near

MODULES = sorted(path.stem for path in Path(matmul.__file__).parent.glob("[!_]*.py"))
WHOLE_RUNS = {"train", "main_train", "main_eval", "main_predict", "train_parser", "train_as_told", "one_line_errors", "OneLineParser",
              "evaluate", "predict", "load_run", "EpochBatches", "Run", "train_run", "noting_ctrl_c",  # tried as such in test_training.py
              "RunFolder", "complete", "check_same", "takes_options", "Callback", "Watching", "progress", "threads_for", "find_device", "OPTIONS",
              "images_from_folder", "own_pictures", "load_images", "labelled", "new_figure", "as_png", "drawing", "draw_confusion", "draw_worst",
              "Averaging", "Shares", "SharedRun", "average_grads", "weighted_sum", "measure", "main_distributed"}  # and in test_images.py, test_distributed.py
covered = set()


def holds(*names, **strategies):
    """Mark a test as a property of these public names, tried on inputs drawn from the strategies, and count its cases."""
    covered.update(names)

    def decorate(test):
        @wraps(test)
        def counted(*args, **kwargs):
            conftest.tried[0] += 1
            return test(*args, **kwargs)
        return given(**strategies)(counted)
    return decorate


# Tensors of any kind

size = st.integers(0, 4)
seeds = st.integers(0, 2**32 - 1)
floats = st.sampled_from([torch.float32, torch.float64])
dtypes = st.sampled_from([torch.float32, torch.float64, torch.int64, torch.int32, torch.uint8])
kinds = st.sampled_from(["plain", "transposed", "strided", "expanded"])
special = st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 1e-30, -1e30, 1e30, 1.0])


def laid_out(t, kind):
    """The numbers of `t` in another layout in memory; an expanded one repeats the first row."""
    if kind == "transposed" and t.dim() > 1:
        return t.transpose(0, -1).contiguous().transpose(0, -1)
    if kind == "strided" and t.dim():
        return torch.stack([t, t], -1)[..., 0]
    if kind == "expanded" and t.dim() and t.shape[0]:
        return t[:1].expand_as(t)
    return t


def make(shape, dtype=torch.float64, seed=0, kind="plain", value=None):
    """Random numbers, whole ones in an integer dtype; one of them is `value` if that is given."""
    generator = torch.Generator().manual_seed(seed)
    t = torch.randn(shape, generator=generator, dtype=torch.float64) * (1 if dtype.is_floating_point else 5)
    if value is not None and t.numel() and dtype.is_floating_point:
        t.view(-1)[seed % t.numel()] = value
    return laid_out(t.abs().to(dtype) if dtype == torch.uint8 else t.to(dtype), kind)


tensors = st.builds(make, st.lists(size, max_size=3).map(tuple), floats, seeds, kinds, st.none() | special)
matrices = st.builds(make, st.tuples(size, size), floats, seeds, kinds, st.none() | special)
shapes = st.lists(size, max_size=4).map(tuple)


def same(a, b, rtol=1e-5, atol=1e-6):
    """Equal within rounding, shapes and dtypes and the places of nan and inf included."""
    assert a.shape == b.shape and a.dtype == b.dtype, (a.shape, b.shape, a.dtype, b.dtype)
    torch.testing.assert_close(a, b, rtol=rtol, atol=atol, equal_nan=True)


def refuses(error, f, *args, words=None):
    """`f` raises the error, in one line that names what is wrong."""
    with pytest.raises(error) as caught:
        f(*args)
    assert "\n" not in str(caught.value) and len(str(caught.value)) > 10
    assert words is None or words in str(caught.value)


# matmul

PRODUCTS = [matmul.matmul_loops, matmul.matmul_dot, matmul.matmul_broadcast, matmul.matmul_einsum, matmul.matmul]


@pytest.mark.parametrize("f", PRODUCTS)
@holds("matmul_loops", "matmul_dot", "matmul_broadcast", "matmul_einsum", "matmul",
       n=size, k=size, m=size, dtype=dtypes, seed=seeds, kind_a=kinds, kind_b=kinds, value=st.none() | special)
def test_products(f, n, k, m, dtype, seed, kind_a, kind_b, value):
    assume(value is None or abs(value) < 1e20 or not math.isfinite(value))
    a, b = make((n, k), dtype, seed, kind_a, value), make((k, m), dtype, seed + 1, kind_b)
    before = a.clone(), b.clone()
    same(f(a, b), torch.matmul(a, b), rtol=1e-4, atol=1e-5)
    same(a, before[0]), same(b, before[1])


@pytest.mark.parametrize("f", PRODUCTS)
@holds(shape_a=shapes, shape_b=shapes, same_dtype=st.booleans())
def test_products_refuse_what_does_not_fit(f, shape_a, shape_b, same_dtype):
    a, b = torch.ones(shape_a), torch.ones(shape_b, dtype=torch.float32 if same_dtype else torch.float64)
    fits = len(shape_a) == len(shape_b) == 2 and shape_a[1] == shape_b[0]
    if not fits:
        refuses(ValueError, f, a, b, words=f"{f.__name__}: need shapes (n, k) and (k, m), got {shape_a} and {shape_b}")
    elif not same_dtype:
        refuses(TypeError, f, a, b, words=f.__name__)


@holds("frobenius_norm", t=matrices)
def test_frobenius_norm(t):
    assume(not (t.abs() > 1e15).any() or t.dtype == torch.float64)
    same(matmul.frobenius_norm(t), torch.linalg.matrix_norm(t), rtol=1e-4)


@holds("broadcast_shapes", all_shapes=st.lists(shapes, max_size=4))
def test_broadcast_shapes(all_shapes):
    try:
        expected = tuple(torch.broadcast_shapes(*all_shapes))
    except RuntimeError:
        refuses(ValueError, matmul.broadcast_shapes, *all_shapes)
    else:
        assert matmul.broadcast_shapes(*all_shapes) == expected


# forward_backward

@holds("normalize", t=tensors, mean=st.floats(-100, 100), std=st.floats(1e-3, 1e3))
def test_normalize(t, mean, std):
    same(normalize(t, mean, std), (t - mean) / std)
    refuses(ValueError, normalize, t, mean, 0)
    refuses(ValueError, normalize, t, mean, torch.tensor([1., 0.]))


@holds("linear", leading=st.lists(size, max_size=2), n_in=size, n_out=size, dtype=floats, seed=seeds, kind=kinds)
def test_linear(leading, n_in, n_out, dtype, seed, kind):
    x, w, b = make((*leading, n_in), dtype, seed, kind), make((n_in, n_out), dtype, seed + 1, kind), make((n_out,), dtype, seed + 2, kind)
    same(linear(x, w, b), F.linear(x, w.t().contiguous(), b.contiguous()))
    refuses(ValueError, linear, x, make((n_in + 1, n_out), dtype), b)
    refuses(ValueError, linear, x, w, make((n_out + 1,), dtype))
    refuses(ValueError, linear, torch.tensor(1., dtype=dtype), w, b)


@holds("relu", "general_relu", t=tensors, offset=st.floats(-2, 2))
def test_relu(t, offset):
    same(relu(t), F.relu(t))
    same(general_relu(t, offset), F.relu(t) - offset)


@holds("relu_grad", shape=shapes, seed=seeds, kind=kinds)
def test_relu_grad(shape, seed, kind):
    x = make(shape, seed=seed, kind=kind)
    assume((x.abs() > 1e-3).all())
    check_grads(relu, x, backward=lambda out, x: forward_backward.relu_grad(x, out))
    check_grads(general_relu, x, backward=lambda out, x: forward_backward.relu_grad(x, out))


@holds("kaiming_normal", n_in=st.integers(-1, 5), n_out=st.integers(-1, 5), mode=st.sampled_from(["fan_in", "fan_out", "fan"]), seed=seeds)
def test_kaiming_normal(n_in, n_out, mode, seed):
    if min(n_in, n_out) < 1 or mode == "fan":
        return refuses(ValueError, kaiming_normal, n_in, n_out, mode)
    drawn = kaiming_normal(n_in, n_out, mode, torch.Generator().manual_seed(seed))
    expected = torch.randn(n_in, n_out, generator=torch.Generator().manual_seed(seed)) * math.sqrt(2 / (n_in if mode == "fan_in" else n_out))
    same(drawn, expected)


@holds("mse", "mse_grad", n=size, dtype=floats, seed=seeds, column=st.booleans(), kind=kinds, value=st.none() | special)
def test_mse(n, dtype, seed, column, kind, value):
    out, targ = make((n, 1) if column else (n,), dtype, seed, kind, value), make((n,), dtype, seed + 1)
    same(mse(out, targ), F.mse_loss(out.view(n), targ))
    if n:
        if value is None:
            check_grads(mse, out, targ, backward=lambda loss, out, targ: forward_backward.mse_grad(out, targ))
        refuses(ValueError, mse, out, make((n + 1,), dtype))
        refuses(ValueError, forward_backward.mse_grad, out, make((n + 1,), dtype))


@pytest.mark.parametrize("grad", [forward_backward.linear_grad_outer, forward_backward.linear_grad_einsum, forward_backward.linear_grad])
@holds("linear_grad_outer", "linear_grad_einsum", "linear_grad", n=size, n_in=size, n_out=size, seed=seeds, kind=kinds)
def test_linear_grads(grad, n, n_in, n_out, seed, kind):
    x, w, b = make((n, n_in), seed=seed, kind=kind), make((n_in, n_out), seed=seed + 1, kind=kind), make((n_out,), seed=seed + 2)
    check_grads(linear, x, w, b, backward=lambda out, x, w, b: grad(x, out, w, b))


@holds("forward_and_backward", "forward_and_backward_textbook", n=size, n_in=size, nh=size, seed=seeds, kind=kinds, input_grad=st.booleans())
def test_forward_and_backward(n, n_in, nh, seed, kind, input_grad):
    x, targ = make((n, n_in), seed=seed, kind=kind), make((n,), seed=seed + 1)
    params = [make(shape, seed=seed + 2 + i) for i, shape in enumerate([(n_in, nh), (nh,), (nh, 1), (1,)])]
    leaves = [t.clone().requires_grad_() for t in (x, *params)]
    expected = mse(linear(relu(linear(leaves[0], leaves[1], leaves[2])), leaves[3], leaves[4]), targ)
    loss = forward_backward.forward_and_backward(x, targ, *params, input_grad=input_grad)
    same(loss, expected.detach())
    if n:
        expected.backward()
        for t, leaf in zip([x, *params][not input_grad:], leaves[not input_grad:]):
            same(t.g, leaf.grad)
    assert input_grad or not hasattr(x, "g")
    same(forward_backward.forward_and_backward_textbook(x, targ, *params), loss)
    if n:
        for t, leaf in zip([x, *params], leaves):
            same(t.g, leaf.grad)


# modules

def check_layer(ours, theirs, x):
    """A layer gives what PyTorch's gives, and the same gradients, and leaves its input as it was."""
    leaf, before, inp = x.detach().clone().requires_grad_(), x.clone(), x.detach().requires_grad_()
    out, expected = ours(inp), theirs(leaf)
    same(out.detach(), expected.detach())
    g = make(out.shape, out.dtype, 1)
    backward(out, g)
    expected.backward(g)
    same(inp.g, leaf.grad)
    same(x, before)
    assert not hasattr(out, "call") or not isinstance(out.call, tape.Call)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        same(p.grad, q.grad)


@holds("Linear", "Module", "Parameter", leading=st.lists(size, max_size=2), n_in=size, n_out=size, bias=st.booleans(), dtype=floats,
       seed=seeds, kind=kinds)
def test_linear_layer(leading, n_in, n_out, bias, dtype, seed, kind):
    torch.manual_seed(seed)
    ours = Linear(n_in, n_out, bias).to(dtype)
    if n_in and n_out:
        torch.manual_seed(seed)
        theirs = nn.Linear(n_in, n_out, bias).to(dtype)
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            same(p.data, q.data)
    else:
        with contextlib.suppress(ZeroDivisionError):
            theirs = nn.utils.skip_init(nn.Linear, n_in, n_out, bias).to(dtype)
        theirs.load_state_dict(ours.state_dict())
    check_layer(ours, theirs, make((*leading, n_in), dtype, seed, kind))
    refuses(ValueError, ours, make((*leading, n_in + 1), dtype))
    refuses(TypeError, ours, make((*leading, n_in), torch.float32 if dtype == torch.float64 else torch.float64))
    refuses(TypeError, ours, make((*leading, n_in), torch.int64))


@holds("ReLU", "GeneralReLU", t=tensors, offset=st.floats(-2, 2))
def test_relu_layers(t, offset):
    assume(not (t == 0).any() and not t.isnan().any())
    check_layer(ReLU(), nn.ReLU(), t)
    check_layer(GeneralReLU(offset), lambda_module(lambda x: F.relu(x) - offset), t)


def lambda_module(f):
    module = nn.Module()
    module.forward = f
    return module


@holds("Flatten", shape=shapes, dtype=dtypes, seed=seeds, kind=kinds)
def test_flatten(shape, dtype, seed, kind):
    x = make(shape, dtype, seed, kind)
    if len(shape) < 2:
        return refuses(ValueError, Flatten(), x)
    if dtype.is_floating_point:
        check_layer(Flatten(), nn.Flatten(), x)
        check_layer(Flatten(), nn.Flatten(), make((2, 3), dtype, seed, kind))
    same(Flatten()(x), x.flatten(1))


@holds("Dropout", t=tensors, p=st.sampled_from([0., 0.1, 0.5, 0.99, 1.]), seed=seeds, training=st.booleans())
def test_dropout(t, p, seed, training):
    ours, theirs = Dropout(p).train(training), nn.Dropout(p).train(training)
    torch.manual_seed(seed)
    out = ours(t)
    torch.manual_seed(seed)
    same(out, theirs(t))
    assert out.shape == t.shape and (training or torch.equal(out.nan_to_num(), t.nan_to_num()))
    if t.dtype == torch.float64 and t.isfinite().all() and (t.abs() < 10).all():
        check_grads(ours, t)
    refuses(ValueError, Dropout, p + 1.01)
    refuses(ValueError, Dropout, math.nan)


@holds("MSELoss", "Loss", n=size, seed=seeds, column=st.booleans(), dtype=floats)
def test_mse_loss(n, seed, column, dtype):
    all_outs, all_targs = make((n, 1) if column else (n,), dtype, seed), make((n,), dtype, seed + 1)
    same(MSELoss()(all_outs, all_targs), F.mse_loss(all_outs.view(n), all_targs))
    for rows in {1, n} if n else ():
        out, targ = all_outs[:rows], all_targs[:rows]
        check_grads(MSELoss(), out, targ)
        out, targ = out.detach().requires_grad_(), targ.detach().requires_grad_()
        loss = MSELoss()(out, targ)
        assert type(loss) is tape.Loss
        backward(loss, torch.tensor(3., dtype=dtype))
        out, targ, g_out, g_targ = out.detach(), targ.detach(), out.g, targ.g
        same(g_out, 6 / rows * (out - targ.view(out.shape)))
        same(g_targ, -g_out.view(rows))
    refuses(ValueError, MSELoss(), all_outs, make((n + 1,), dtype))
    refuses(TypeError, MSELoss(), make((n,), torch.int64), all_targs)


@holds("Sequential", "ModuleList", "get_model", sizes=st.lists(st.integers(1, 4), min_size=2, max_size=5), n=size, seed=seeds, dtype=floats)
def test_models(sizes, n, seed, dtype):
    torch.manual_seed(seed)
    n_in, *hidden, n_out = sizes
    model = get_model(n_in, hidden, n_out).to(dtype)
    layers = [nn.Linear(i, j) for i, j in zip(sizes, sizes[1:])]
    theirs = nn.Sequential(layers[0], *(part for layer in layers[1:] for part in (nn.ReLU(), layer))).to(dtype)
    theirs.load_state_dict(model.state_dict())
    model.load_state_dict(theirs.state_dict())
    assert repr(model) == repr(theirs) and list(model.state_dict()) == list(theirs.state_dict())
    assert [name for name, _ in model.named_parameters()] == [name for name, _ in theirs.named_parameters()]
    assert len(model) == len(theirs) == len(ModuleList(list(model))) and Sequential(*model)[0] is model[0]
    check_layer(model, theirs, make((n, n_in), dtype, seed))
    refuses(ValueError, model, make((n, n_in + 1), dtype))
    refuses(ValueError, model.load_state_dict, {})
    refuses(ValueError, model.load_state_dict, model.state_dict() | {"x": torch.ones(1)}, words="unexpected x")
    refuses(ValueError, model.load_state_dict, model.state_dict() | {"0.bias": torch.ones(9)}, words="expected shape")
    refuses(TypeError, Sequential, nn.ReLU())
    linear_only = Sequential(*(Linear(i, j) for i, j in zip(sizes, sizes[1:])))
    check_grads(linear_only, make((n, n_in), seed=seed))
    grown = ModuleList()
    assert grown.append(model) is grown and list(grown) == [model]
    grown.head = Linear(1, 1)
    del grown.head
    assert not hasattr(grown, "head") and list(grown) == [model]
    assert all(module.training is False for module in model.eval().modules())
    model.zero_grad()
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    out = model.requires_grad_(False)(make((n, n_in), dtype, seed))
    refuses(RuntimeError, backward, out, out.detach(), words="nothing that is marked")


@holds("CallReLU", "CallLinear", "CallMSE", "BareModule", "BareReLU", "BareMSE", "BareModel", "LinearOuter", "LinearEinsum", "BareLinear",
       "RegisteringModule", "TorchLinear", n=st.integers(1, 4), n_in=st.integers(1, 4), nh=st.integers(1, 4), seed=seeds)
def test_every_rung_gives_the_same(n, n_in, nh, seed):
    x, targ = make((n, n_in), seed=seed), make((n,), seed=seed + 1)
    params = [make(shape, seed=seed + 2 + i) for i, shape in enumerate([(n_in, nh), (nh,), (nh, 1), (1,)])]
    loss = forward_backward.forward_and_backward(x, targ, *params)
    expected = [p.g.clone() for p in params]

    def model(linear, relu=modules.BareReLU, loss=modules.BareMSE):
        return modules.BareModel([linear(*params[:2]), relu(), linear(*params[2:])], loss())
    rungs = [model(modules.CallLinear, modules.CallReLU, modules.CallMSE),
             *map(model, (modules.LinearOuter, modules.LinearEinsum, modules.BareLinear))]
    for rung in rungs:
        for p in params:
            p.g = None
        same(rung(x, targ), loss)
        rung.backward()
        for p, g in zip(params, expected):
            same(p.g, g)
    theirs = modules.TorchLinear(n_in, nh)
    same(theirs(x.float()), F.linear(x.float(), theirs.weight, theirs.bias))
    registering = modules.RegisteringModule()
    registering.a, registering.n = theirs, 3
    assert list(registering.parameters()) == list(theirs.parameters())


@holds("Call", "backward", "Add", seed=seeds, marks=st.lists(st.booleans(), min_size=3, max_size=3), times=st.integers(1, 3))
def test_the_way_back_adds_up(seed, marks, times):
    inputs = [make((2, 3), torch.float64, seed + i).requires_grad_(mark) for i, mark in enumerate(marks)]
    leaves = [t.detach().clone().requires_grad_(mark) for t, mark in zip(inputs, marks)]
    add, g = Add(), make((2, 3), torch.float64, seed + 3)
    refuses(ValueError, add, inputs[0], inputs[1][:1])
    for _ in range(times):
        both = add(inputs[0], inputs[1])
        out = add(both, add(both, add(inputs[2], inputs[2])))
        same(out.detach(), 2 * sum(t.detach() for t in inputs))
        if not any(marks):
            return refuses(RuntimeError, backward, out, g)
        assert isinstance(out.call, tape.Call)
        backward(out, g)
        (2 * sum(leaves)).backward(g)
        refuses(RuntimeError, backward, out, g, words="gone through already")
    for t, leaf in zip(inputs, leaves):
        assert hasattr(t, "g") == t.requires_grad
        if t.requires_grad:
            same(t.g, leaf.grad)


class Recalled(Module):
    """The sum of its tensors, whatever they lie in, and the hooks that are hung on it."""

    def forward(self, *args, **kwargs):
        return sum(t.sum() for t in tape.contents([args, kwargs]) if isinstance(t, torch.Tensor))

    def bwd(self, out, *args, **kwargs):
        for t in args:
            if isinstance(t, torch.Tensor):
                t.g = torch.ones_like(t) * out.g


boxes = st.recursive(st.integers(0, 9), lambda inner: st.one_of(
    st.lists(inner, max_size=3), st.tuples(inner, inner), st.dictionaries(st.text(max_size=2), inner, max_size=3)), max_leaves=8)


def leaves_of(box):
    """The numbers in nested lists, tuples and dictionaries, plainly written."""
    parts = box.values() if isinstance(box, dict) else box
    return [box] if isinstance(box, int) else [leaf for part in parts for leaf in leaves_of(part)]


@holds("contents", box=st.lists(boxes, max_size=3))
def test_all_that_lies_inside(box):
    assert sorted(item for item in tape.contents(box) if isinstance(item, int)) == sorted(leaves_of(box))
    assert list(tape.contents(iter(box))) == list(tape.contents(3)) == []


@holds("call_and_note", "no_bwd", "add_hook", n_args=st.integers(0, 3), box=st.lists(st.integers(1, 3), max_size=2), hooks=st.lists(st.booleans(), max_size=3), seed=seeds)
def test_a_call_with_hooks(n_args, box, hooks, seed):
    tensors, rest = [make((2, 3), torch.float64, seed + i).round().requires_grad_() for i in range(n_args)], [torch.full((2,), float(i)) for i in box]
    module, seen = Recalled(), []
    handles = [tape.add_hook(module._forward_hooks, lambda module, args, out, i=i: seen.append(i)) for i in range(len(hooks))]
    for handle, stays in zip(handles, hooks):
        if not stays:
            handle.remove()
    assume(tensors or rest)
    out = tape.call_and_note(module, (*tensors, rest), {"more": [*rest]})  # another list: each is looked into once
    same(out.detach(), torch.as_tensor(sum(t.detach().sum() for t in [*tensors, *rest, *rest])).to(out.dtype))
    assert seen == [i for i, stays in enumerate(hooks) if stays] and torch.is_grad_enabled()
    assert out.requires_grad == bool(tensors) == hasattr(out, "call")
    refuses(NotImplementedError, tape.no_bwd, module, out, words="Recalled has no bwd")
    if tensors:
        out.backward()
        for t in tensors:
            same(t.g, torch.ones_like(t))
        refuses(TypeError, module, tensors[0], tensors)
        refuses(TypeError, lambda: module(tensors[0], more=tensors))


class Scaled(modules.TapedModule):
    """A number times the input, on the first tape."""

    def __init__(self, factor):
        self.factor = factor

    def forward(self, inp):
        return self.factor * inp

    def bwd(self, out, inp):
        inp.g = self.factor * out.g


@holds("TapedModule", "taped_backward", factors=st.lists(st.integers(-3, 3), min_size=1, max_size=6), seed=seeds)
def test_the_first_tape(factors, seed):
    x, g = make((2, 3), seed=seed), make((2, 3), seed=seed + 1)
    out = x
    for factor in factors:
        out = Scaled(factor)(out)
    modules.taped_backward(out, g)
    same(x.g, math.prod(factors) * g)
    Scaled(2).backward(Scaled(2)(x), g)
    same(x.g, (math.prod(factors) + 2) * g)


@holds(value=st.sampled_from([[ReLU()], (ReLU(),), {"a": ReLU()}, [[Linear(1, 1)]], [Parameter(torch.ones(1))], nn.ReLU()]))
def test_hidden_layers_are_refused(value):
    refuses(TypeError, setattr, Module(), "parts", value)


# minibatch

logits = st.builds(make, st.tuples(size, st.integers(1, 5)), floats, seeds, kinds, st.none() | special)


@holds("logsumexp", "log_softmax", t=st.one_of(logits, tensors))
def test_logsumexp(t):
    assume(t.dim())
    same(logsumexp(t), torch.logsumexp(t, -1))
    endless = (t == math.inf).any(-1)  # PyTorch calls all of such a row nan; what is far below the infinite may also be -inf
    same(log_softmax(t)[~endless], F.log_softmax(t, -1)[~endless])
    assert not log_softmax(t)[endless].isfinite().any()


@holds("cross_entropy", "nll_loss", "CrossEntropyLoss", "accuracy", "report", t=logits, seed=seeds,
       kind=st.sampled_from([torch.int64, torch.int32, torch.uint8]))
def test_losses_of_classes(t, seed, kind):
    n, n_classes = t.shape
    targ = torch.randint(0, n_classes, (n,), generator=torch.Generator().manual_seed(seed))
    same(nll_loss(t, targ.to(kind)), F.nll_loss(t, targ))
    if (t == math.inf).any():
        assert not cross_entropy(t, targ).isfinite()
    else:
        same(cross_entropy(t, targ.to(kind)), F.cross_entropy(t, targ))
        same(CrossEntropyLoss()(t, targ), F.cross_entropy(t, targ))
    if n and n_classes > 1:
        assert accuracy(t, targ).item() == accuracy(t[None], targ[None]).item() == pytest.approx((t.argmax(1) == targ).double().mean().item())
    if n:
        if t.isfinite().all() and (t.abs() < 100).all():
            check_grads(CrossEntropyLoss(), t, targ)
        for f in (cross_entropy, nll_loss):
            refuses(ValueError, f, t, targ + n_classes)
            refuses(ValueError, f, t, targ - n_classes)
    if n_classes > 1:
        with contextlib.redirect_stdout(io.StringIO()) as shown:
            minibatch.report(cross_entropy(t, targ), t, targ)
        assert shown.getvalue().startswith("loss ") and shown.getvalue().count("\n") == 1
    else:
        refuses(ValueError, accuracy, t, targ)
    for f in (cross_entropy, nll_loss):
        refuses(ValueError, f, t, torch.zeros(n + 1, dtype=torch.int64))
        refuses(TypeError, f, t, targ.float())
    refuses(ValueError, accuracy, t, torch.zeros(n + 1, dtype=torch.int64))
    refuses(TypeError, accuracy, t, targ.to(t.dtype))


@holds("SGD", "Optimizer", shape=shapes, seed=seeds, dtype=floats, lr=st.floats(0, 10), momentum=st.sampled_from([0, 0.5, 0.9, 1]),
       weight_decay=st.sampled_from([0, 1e-4, 0.1]), steps=st.integers(1, 4), missing=st.booleans())
def test_optimizers(shape, seed, dtype, lr, momentum, weight_decay, steps, missing):
    ours, theirs = ([make(shape, dtype, seed).clone(), make((2,), dtype, seed).clone()] for _ in range(2))
    pairs = [(SGD(ours, lr, momentum, weight_decay), torch.optim.SGD(theirs, lr, momentum, weight_decay=weight_decay))]
    if not momentum and not weight_decay:
        pairs.append((Optimizer(ours, lr), torch.optim.SGD(theirs, lr)))
    for opts in pairs:
        for step in range(steps):
            for params, opt in zip((ours, theirs), opts):
                opt.zero_grad()
                assert all(p.grad is None for p in params)
                for i, p in enumerate(params):
                    p.grad = None if missing and i else make(p.shape, dtype, seed + step)
                opt.step()
            for p, q in zip(ours, theirs):
                same(p, q)
    refuses(ValueError, SGD, [], lr)
    refuses(ValueError, SGD, ours, -1.)
    refuses(ValueError, SGD, ours, math.nan)
    for wrong in (-1, math.inf, math.nan):
        refuses(ValueError, SGD, ours, lr, wrong)
        refuses(ValueError, SGD, ours, lr, 0, wrong)
    refuses(ValueError, Optimizer, ours, math.inf)


@holds("Dataset", "collate", "SliceLoader", n=st.integers(0, 9), width=size, seed=seeds, data=st.data())
def test_dataset(n, width, seed, data):
    x, y = make((n, width), seed=seed), torch.arange(n)
    ds = Dataset(x, y)
    assert len(ds) == n
    refuses(ValueError, Dataset, x, torch.arange(n + 1))
    start, stop = sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n))))
    same(ds[start:stop][0], x[start:stop])
    bs = data.draw(st.integers(1, 10))
    assert [yb.tolist() for _, yb in SliceLoader(ds, bs)] == [list(range(i, min(i + bs, n))) for i in range(0, n, bs)]
    if n:
        rows = data.draw(st.lists(st.integers(0, n - 1), min_size=1))
        for index in (rows, torch.tensor(rows)):
            same(ds[index][0], x[rows]), same(ds[index][1], y[rows])
        xb, yb = collate([ds[i] for i in rows])
        same(xb, x[rows]), same(yb, y[rows])
        assert collate([dict(a=i, b=(i, "s")) for i in rows])["a"].tolist() == rows


@holds("DataLoader", "Sampler", "BatchSampler", "get_dls", n=st.integers(0, 12), bs=st.integers(1, 13), shuffle=st.booleans(), drop_last=st.booleans(),
       seed=seeds)
def test_loaders(n, bs, shuffle, drop_last, seed):
    ds = Dataset(torch.arange(n).float(), torch.arange(n))

    def generator():
        return torch.Generator().manual_seed(seed)
    rows = torch.randperm(n, generator=generator()).tolist() if shuffle else list(range(n))
    expected = [rows[i:i + bs] for i in range(0, n, bs)]
    if drop_last and expected and len(expected[-1]) < bs:
        expected.pop()
    assert list(Sampler(ds, shuffle, generator())) == rows and len(Sampler(ds)) == n
    sampler = BatchSampler(Sampler(ds, shuffle, generator()), bs, drop_last)
    assert list(sampler) == expected and len(sampler) == len(expected)
    assert [i for batch in BatchSampler(Sampler(ds), bs) for i in batch] == list(range(n)), "by default nothing is dropped"
    dl = DataLoader(ds, bs, shuffle, drop_last=drop_last, generator=generator())
    assert [yb.tolist() for _, yb in dl] == expected and len(dl) == len(expected)
    train_dl, valid_dl = get_dls(ds, ds, bs)
    assert sorted(i for _, yb in train_dl for i in yb.tolist()) == list(range(n))
    assert [len(yb) for _, yb in valid_dl] == [min(2 * bs, n - i) for i in range(0, n, 2 * bs)]
    refuses(ValueError, BatchSampler, Sampler(ds), bs - 14)
    refuses(ValueError, lambda: DataLoader(ds, bs, num_workers=-1))
    refuses(ValueError, lambda: DataLoader(ds, shuffle=True, sampler=[0]))


@holds("mean_over_examples", sizes=st.lists(st.integers(0, 5), min_size=1), seed=seeds)
def test_a_mean_over_examples_is_that_of_all_of_them(sizes, seed):
    examples = make((sum(sizes),), torch.float64, seed)
    means = [batch.mean().item() for batch in examples.split(sizes)]  # nan for an empty one
    if sum(sizes):
        assert minibatch.mean_over_examples(sizes, means) == pytest.approx(examples.mean().item())
    else:
        refuses(ZeroDivisionError, minibatch.mean_over_examples, sizes, means)


@holds("fit_bare", "fit_validate", n=st.integers(1, 9), bs=st.integers(1, 10), epochs=st.integers(0, 3), seed=seeds, momentum=st.sampled_from([0, 0.9]))
def test_every_rung_of_fit_comes_to_the_same_weights(n, bs, epochs, seed, momentum):
    ds = Dataset(make((n, 3), torch.float64, seed), torch.arange(n) % 2)
    torch.manual_seed(seed)
    models = [get_model(3, 4, 2).to(torch.float64)]
    models += [copy.deepcopy(models[0]) for _ in range(2)]
    opts = [SGD(model.parameters(), 0.1, momentum) for model in models]
    minibatch.fit_bare(epochs, models[0], CrossEntropyLoss(), opts[0], SliceLoader(ds, bs))
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        minibatch.fit_validate(epochs, models[1], CrossEntropyLoss(), opts[1], SliceLoader(ds, bs), SliceLoader(ds, bs + 1))
    records = fit(epochs, models[2], CrossEntropyLoss(), opts[2], SliceLoader(ds, bs), SliceLoader(ds, bs + 1))
    assert shown.getvalue() == "".join(f"epoch {r.epoch}: valid loss {r.valid_loss:.3f}\n" for r in records)
    for other in models[1:]:
        for p, q in zip(models[0].parameters(), other.parameters()):
            assert p.equal(q)


@holds(n=st.integers(1, 9), n_out=st.integers(1, 3), shape=st.sampled_from(["(n,)", "(n, n_out)"]), targets=dtypes)
def test_a_metric_is_accuracy_for_classes_and_else_what_is_named(n, n_out, shape, targets):
    y = (torch.arange(n) % n_out).to(targets)
    y = y if shape == "(n,)" else y[:, None].expand(n, n_out)
    model, dl = get_model(3, [], n_out), SliceLoader(Dataset(make((n, 3), torch.float32), y), 4)

    def metric_of(**options):
        return fit(1, model, lambda out, yb: out.square().mean(), SGD(model.parameters(), 0.), dl, dl, **options)[0].metric
    if shape == "(n,)" and n_out > 1 and not targets.is_floating_point:
        assert metric_of() == metric_of(metric=accuracy) == pytest.approx(accuracy(model(dl.ds.x), y).item())
    else:
        assert metric_of() is None
        refuses((TypeError, ValueError), lambda: metric_of(metric=accuracy), words="accuracy: ")
    assert metric_of(metric=None) is None and metric_of(metric=lambda out, yb: out.new_ones(()) * 3) == 3
    refuses(TypeError, lambda: metric_of(metric="f1"), words="fit: metric must be")


@holds("fit", "EpochRecord", "History", n=st.integers(1, 9), bs=st.integers(1, 10), epochs=st.integers(0, 3), seed=seeds, momentum=st.sampled_from([0, 0.9]),
       validate=st.booleans())
def test_fit_is_what_pytorch_does(n, bs, epochs, seed, momentum, validate):
    x, y = make((n, 3), torch.float64, seed), torch.arange(n) % 2
    torch.manual_seed(seed)
    model = get_model(3, 4, 2).to(torch.float64)
    theirs = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).double()
    theirs.load_state_dict(model.state_dict())
    by_autograd = copy.deepcopy(theirs)
    dl, valid = list(DataLoader(Dataset(x, y), bs)), DataLoader(Dataset(x, y), bs + 1) if validate else None
    records = fit(epochs, model, CrossEntropyLoss(), SGD(model.parameters(), 0.1, momentum), dl, valid)
    assert not any(hasattr(xb, "g") for xb, _ in dl), "nobody needs the gradient of the data"
    fit(epochs, by_autograd, F.cross_entropy, SGD(by_autograd.parameters(), 0.1, momentum), dl, valid)
    assert all(type(r) is EpochRecord and r.seconds >= 0 for r in records) and [r.epoch for r in records] == list(range(epochs))
    opt = torch.optim.SGD(theirs.parameters(), 0.1, momentum)
    for record in records:
        total = 0.
        for xb, yb in zip(x.split(bs), y.split(bs)):
            loss = F.cross_entropy(theirs(xb), yb)
            opt.zero_grad(), loss.backward(), opt.step()
            total += loss.item() * len(xb)
        assert record.train_loss == pytest.approx(total / n)
        assert record.valid_loss == (pytest.approx(F.cross_entropy(theirs(x), y).item()) if validate else None)
        assert record.metric == (pytest.approx((theirs(x).argmax(1) == y).double().mean().item()) if validate else None)
    for p, q, r in zip(model.parameters(), theirs.parameters(), by_autograd.parameters()):
        same(p.data, q.data)
        same(r.data, q.data)
    if n == 5:
        assert training.History(records).plot().axes[0].get_xlabel() == "epoch"


@holds(n=st.integers(1, 4))
def test_fit_refuses_what_cannot_work(n):
    ours, theirs = get_model(3, 4, 2), nn.Linear(3, 2)
    dl, empty = (DataLoader(Dataset(make((rows, 3), torch.float32), torch.zeros(rows, dtype=torch.int64))) for rows in (n, 0))
    opt = SGD(ours.parameters(), 0.1)
    fit(1, theirs, CrossEntropyLoss(), torch.optim.SGD(theirs.parameters(), 0.1), dl, None)
    fit(1, ours, F.cross_entropy, opt, dl, None)
    refuses(TypeError, fit, 1, theirs, "mse", opt, dl, None)
    refuses(AttributeError, fit, 1, print, F.cross_entropy, opt, dl, None, words="train")
    refuses(ValueError, fit, 1, ours, CrossEntropyLoss(), opt, empty, None)
    refuses(ValueError, fit, 1, ours, CrossEntropyLoss(), opt, dl, empty)
    refuses(FloatingPointError, fit, 1, ours, CrossEntropyLoss(), opt, DataLoader(Dataset(torch.full((n, 3), math.nan), torch.zeros(n, dtype=torch.int64))), None)
    loss_func, targ = CrossEntropyLoss(), torch.zeros(n, dtype=torch.int64)
    looked_at = loss_func(ours(make((n, 3), torch.float32)), targ)  # and never gone back through
    fit(1, ours, loss_func, opt, dl, None)
    assert not hasattr(looked_at, "g")
    record, = fit(1, theirs, F.cross_entropy, torch.optim.SGD(theirs.parameters(), 0.1), dl, dl)
    assert not theirs.training and 0 <= record.metric <= 1


# testing

@holds("near", "test_near", a=tensors, b=tensors)
def test_near_means_equal(a, b):
    equal = a.shape == b.shape and a.dtype == b.dtype and torch.allclose(a, b, rtol=1e-3, atol=1e-5)
    assert near(a, b) == equal and near(a, a.clone()) == (not a.isnan().any())
    with contextlib.nullcontext() if equal else pytest.raises(AssertionError, match="not near: shapes"):
        testing.test_near(a, b)


@holds("test_near_zero", t=tensors, tol=st.sampled_from([1e-3, 1., 1e9]))
def test_near_zero_means_small(t, tol):
    with contextlib.nullcontext() if (t.abs() < tol).all() else pytest.raises(AssertionError, match="not near zero"):
        testing.test_near_zero(t, tol)


@holds("test_normal", n=st.integers(0, 300), std=st.floats(1e-3, 1e3), mean=st.floats(-10, 10), off=st.sampled_from([0., 10.]), seed=seeds)
def test_random_numbers_are_what_chance_allows(n, std, mean, off, seed):
    drawn = make((n,), seed=seed, kind="plain") * std
    if n < 2:
        return refuses(ValueError, testing.test_normal, drawn, std, words="two numbers or more")
    shifted = (drawn - drawn.mean()) / drawn.std() * std + mean + off * std
    with pytest.raises(AssertionError, match="^mean ") if off * math.sqrt(n) > 4.2 else contextlib.nullcontext():
        testing.test_normal(shifted, std, mean)


@holds("central_differences", "check_grads", shape=shapes, seed=seeds, kind=kinds, power=st.integers(1, 3), wrong=st.booleans())
def test_gradients_of_powers(shape, seed, kind, power, wrong):
    x = make(shape, seed=seed, kind="plain")
    slope = testing.central_differences(lambda: (x ** power).sum().item(), x)
    same(slope, power * x ** (power - 1), rtol=1e-4, atol=1e-6)
    x = laid_out(x, kind)

    def backward(out, x):
        x.g = power * x ** (power - 1) * out.g * (1.01 if wrong else 1)
    with pytest.raises(AssertionError, match="input 0: wrong at") if wrong and x.numel() else contextlib.nullcontext():
        check_grads(lambda x: x ** power, x, backward=backward)


@holds("peak_bytes", "best_of", n=st.integers(0, 1000), dtype=floats)
def test_measures(n, dtype):
    t = torch.zeros(n, dtype=dtype)
    assert testing.best_of(torch.add, t, t, repeat=1) >= 0
    if n % 100 == 0:
        assert testing.peak_bytes(torch.add, t, t) >= t.nbytes


@holds("show_diff", one=st.sampled_from(PRODUCTS), other=st.sampled_from(PRODUCTS))
def test_show_diff(one, other):
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        testing.show_diff(one, other)
    lines = shown.getvalue().splitlines()
    assert all(line[0] in "+-" for line in lines) and bool(lines) == (one is not other)


# data and training

@holds("DATASETS", "DatasetInfo", "at_hand", "class_names", "get_data", "get_test", "ImageData", name=st.text(max_size=12) | st.sampled_from(list(data.DATASETS)))
def test_names_of_data_sets(name):
    if name not in data.DATASETS:
        for f in (data.at_hand, data.class_names, data.get_data, data.get_test):
            refuses(ValueError, f, name, words="unknown data set")
    else:
        names = data.class_names(name)
        assert len(names) == len(set(names)) == 10 and names is not data.DATASETS[name].classes
        with tempfile.TemporaryDirectory() as folder:
            assert data.at_hand(name, folder) == (name == "fashion_mini") and not data.at_hand(name, folder, test=True)
            if name == "fashion_mini":
                refuses(ValueError, data.get_test, name)
            else:
                refuses(FileNotFoundError, data.get_data, name, folder, False, words=folder)
                refuses(FileNotFoundError, data.get_test, name, folder, False, words=folder)


@holds("atomic_write", old=st.none() | st.binary(max_size=50), new=st.binary(max_size=50), fails=st.booleans())
def test_atomic_write(old, new, fails):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        if old is not None:
            path.write_bytes(old)
        with contextlib.suppress(KeyboardInterrupt), data.atomic_write(path) as f:
            f.write(new)
            if fails:
                raise KeyboardInterrupt
        left = old if fails else new
        assert [p.read_bytes() for p in Path(folder).iterdir()] == ([] if left is None else [left])


@holds("show_images", n=st.integers(1, 5), side=st.integers(1, 5), n_cols=st.integers(1, 4), flat=st.booleans(), titles=st.booleans())
def test_show_images(n, side, n_cols, flat, titles):
    import matplotlib
    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    x = make((n, side, side), torch.float32, n)
    data.show_images(x.view(n, -1) if flat else x, [str(i) for i in range(n)] if titles else None, n_cols=n_cols)
    drawn = [ax for ax in plt.gcf().axes if ax.images]
    assert len(drawn) == n and len(plt.gcf().axes) % n_cols == 0
    for i, ax in enumerate(drawn):
        np.testing.assert_array_equal(ax.images[0].get_array(), x[i].numpy())
        assert ax.get_title() == (str(i) if titles else "")
    plt.close("all")


@holds("save_model", "load_model", sizes=st.lists(st.integers(1, 5), min_size=2, max_size=4), dtype=floats, seed=seeds,
       note=st.text(max_size=20) | st.integers() | st.lists(st.booleans()))
def test_saved_models_come_back(sizes, dtype, seed, note):
    torch.manual_seed(seed)
    model = get_model(sizes[0], sizes[1:-1], sizes[-1]).to(dtype)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        training.save_model(path, model, note=note)
        loaded, meta = training.load_model(path)
    assert meta["note"] == note and repr(loaded) == repr(model) and not loaded.training
    for p, q in zip(loaded.parameters(), model.parameters(), strict=True):
        assert torch.equal(p, q) and p.dtype == q.dtype


@holds("checksum", "pack_tensors", "unpack_tensors", t=tensors, name=st.text(min_size=1, max_size=5), note=st.text(max_size=9) | st.integers(), cut=st.integers(1, 40))
def test_packed_tensors_come_back(t, name, note, cut):
    assume(not t.dtype.is_complex)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content := data.pack_tensors({name: t}, dict(note=note)))
        found, meta = data.unpack_tensors(path)
        assert found[name].dtype == t.dtype and found[name].shape == t.shape and meta == dict(note=note)
        assert data.checksum(found) == data.checksum({name: t.contiguous()}) != data.checksum(found, "more")
        path.write_bytes(content[:-cut])
        refuses(ValueError, data.unpack_tensors, path)


shades = st.lists(st.integers(0, 255), min_size=6, max_size=30).map(lambda values: np.array(values[:len(values) // 6 * 6], np.uint8).reshape(-1, 2, 3))


@holds("Road", "road_from", "rows_from", "as_tensor", "border", "is_negative", pixels=shades, mean=st.floats(0, 1), std=st.floats(0.01, 1), invert=st.booleans())
def test_all_roads_lead_to_the_same_row(pixels, mean, std, invert):
    road = images.Road((2, 3), mean, std)
    assert images.road_from(road._asdict(), 6) == road
    rows = images.rows_from(torch.from_numpy(pixels), road, invert)
    assert rows.shape == (len(pixels), 6) and torch.equal(rows, images.rows_from(pixels.astype(np.int64), road, invert))
    assert torch.equal(rows, images.rows_from(torch.from_numpy(pixels.astype(np.float32)), road._replace(white=255.), invert))
    assert torch.equal(rows, images.rows_from(list(torch.from_numpy(pixels).float() / 255), road, invert))
    x = images.as_tensor(pixels, 6) / 255
    same(images.border(x, (2, 3)), x.mean(1))  # of so small an image everything is border
    edges = road._replace(border=(0., 0.01))
    assert images.is_negative(x, edges).tolist() == [mean > 0.5 for mean in x.mean(1).tolist()]
    refuses(ValueError, images.rows_from, torch.zeros(len(pixels), 5), road)


@holds("read_image", "printable", "drawable", pixels=shades, name=st.text(st.characters(codec="utf-8", exclude_characters="/\\\0"), max_size=30))
def test_pictures_in_files_with_any_name(pixels, name):
    from PIL import Image
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image"
        Image.fromarray(pixels[0]).save(path, "PNG")
        np.testing.assert_array_equal(images.read_image(path, (2, 3)), pixels[0].reshape(-1))
        np.testing.assert_array_equal(images.read_image(path, (2, 3, 3)).reshape(-1, 3)[:, 1], pixels[0].reshape(-1))
    assert images.printable(name).isprintable() and len(images.printable(name)) == len(name)
    assert images.drawable([name])[0].replace("\\$", "").isprintable() or not name


@holds("images_from_npz", "Pictures", "Images", "split", pixels=shades, n_classes=st.integers(1, 3), dtype=st.sampled_from([np.uint8, np.int32, np.float32, np.float64]))
def test_images_are_divided_once(pixels, n_classes, dtype):
    y = np.arange(len(pixels)) % n_classes
    with tempfile.TemporaryDirectory() as folder:
        np.savez(path := Path(folder) / "own.npz", x=pixels.astype(dtype), y=y)
        if len(set(y)) < 2:
            refuses(ValueError, images.images_from_npz, path, words="two classes")
            return
        pictures = images.images_from_npz(path)
    white = 1 if np.dtype(dtype).kind == "f" and pixels.max() <= 1 else 255
    same(pictures.x, torch.from_numpy(pixels.reshape(-1, 6) / np.float32(white)))
    if np.bincount(y).min() < 2:
        refuses(ValueError, images.split, pictures, words="only one image")
        return
    division = images.split(pictures)
    assert len(division.x_train) + len(division.x_valid) == len(pixels) and set(division.y_train.tolist()) == set(division.y_valid.tolist())


@holds("score", "worst", "as_text", n=st.integers(1, 9), n_classes=st.integers(2, 4), seed=seeds)
def test_scores_add_up(n, n_classes, seed):
    rng = torch.Generator().manual_seed(seed)
    probs, y = torch.rand(n, n_classes, generator=rng).softmax(1), torch.randint(n_classes, (n,), generator=rng)
    found = images.score(probs, y, list("abcd")[:n_classes])
    wrong = images.worst(probs, y)
    assert sum(map(sum, found["confusion"])) == sum(row["n"] for row in found["per_class"]) == n
    assert found["accuracy"] == pytest.approx(1 - len(wrong) / n) and found["loss"] == pytest.approx(F.nll_loss(probs.log(), y).item(), rel=1e-4)
    certainty = probs.max(1).values[wrong].tolist()
    assert certainty == sorted(certainty, reverse=True)
    assert commands.as_text(found).count("\n") == 2 * n_classes + 5


@holds("Option", "problem", "as_json", "usual_folder", value=st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers(), max_size=3))
def test_an_option_is_good_or_refused(value):
    for name, option in runs.OPTIONS.items():
        try:
            option.check(value)
        except ValueError as e:
            assert e.option == name and str(e).startswith(f"{name}: must be ")
        else:
            kept = option.kept(value)
            option.check(kept)
            assert runs.as_json(kept) if option.kind is not bool else True
    error = runs.problem(OSError, "data", str(value))
    assert str(error) == f"data: {value}" and error.option == "data"
    assert commands.usual_folder(dict(data="mnist")) == "runs/mnist"


@holds("test_answer", t=tensors, off=st.floats(1, 9))
def test_known_mistakes(t, off):
    assume(t.numel() and t.is_floating_point() and t.isfinite().all() and t.abs().max() < 1e3)
    testing.test_answer(t, t.clone())
    with pytest.raises(AssertionError):
        testing.test_answer(t + off, t)
    with pytest.raises(AssertionError, match="a known mistake"):
        testing.test_answer(t + off, t, (t + off, "a known mistake"))


@holds("Link", "fit_link", "efficiency", latency=st.floats(1e-6, 1e-2), bandwidth=st.floats(1e6, 1e11), workers=st.integers(2, 1024))
def test_cost_of_sharing(latency, bandwidth, workers):
    link = distributed.Link(latency, bandwidth)
    assert 0 < distributed.efficiency(0.1, 1e6, workers, link) <= distributed.efficiency(0.1, 1e6, 2, link) <= 1
    sizes = [bandwidth * latency * factor for factor in (0.1, 1, 10)]
    found = distributed.fit_link(sizes, [link.all_reduce(n_bytes, workers) for n_bytes in sizes], workers)
    assert math.isclose(found.latency, latency, rel_tol=1e-3) and math.isclose(found.bandwidth, bandwidth, rel_tol=1e-3)


# inside


@holds("living_units", "moments", t=tensors)
def test_figures_of_a_tensor(t):
    assume(t.dim() and t.numel() and t.is_floating_point() and t.isfinite().all())
    total, size = (number.item() for number in inside.moments(t))
    numbers = t.double().flatten().tolist()
    assert math.isclose(total, math.fsum(numbers), rel_tol=1e-9, abs_tol=1e-9 * t.double().abs().sum().item())
    assert math.isclose(size, math.hypot(*numbers), rel_tol=1e-9)
    columns = t.reshape(-1, 1) if t.dim() == 1 else t
    assert inside.living_units(t).tolist() == [bool((columns[:, i] != 0).any()) for i in range(columns.shape[1])]


@holds("update_size", "gain", n=st.integers(2, 6), k=st.integers(1, 6), seed=seeds, factor=st.floats(0.1, 10))
def test_sizes_beside_each_other(n, k, seed, factor):
    inp = make((n, k), seed=seed)
    assert math.isclose(inside.update_size(inp, inp * (1 + factor)), factor, rel_tol=1e-6)
    assert math.isclose(inside.gain(inp, inp * factor + 3), factor ** 2, rel_tol=1e-6)


@holds("by_chance", units=st.lists(st.integers(1, 1000), max_size=20), squares=st.floats(0.1, 10))
def test_chance(units, squares):
    found = inside.by_chance(units, squares)
    assert math.isclose(found ** 2, 4.2 ** 2 * sum(squares / n for n in units), abs_tol=1e-12)
    assert inside.by_chance([*units, 5], squares) > found


@holds("watch", "Figures", "Finding", "rules", "fallen", "n_judged", "slow", "fast", "to_spare", "not_normalised", "large_start", "small_start",
       "vanishing", "exploding", "lr_high", "dead_relu", "no_zero_grad", "lr_low", "not_learning", "labels_shuffled",
       sizes=st.lists(st.integers(1, 6), min_size=2, max_size=5), n=st.integers(1, 5), steps=st.integers(0, 12), every=st.integers(1, 4), seed=seeds,
       factor=st.sampled_from([0., 1e-9, 1., 30., 1e12, math.nan]), lr=st.sampled_from([0., 0.1, 1e6]), told=st.booleans(), with_opt=st.booleans())
def test_any_training_can_be_watched(sizes, n, steps, every, seed, factor, lr, told, with_opt):
    models, x, y = [], make((n, sizes[0]), torch.float32, seed) * factor, torch.arange(n) % sizes[-1]
    for watched in (True, False):
        torch.manual_seed(seed)
        model = get_model(sizes[0], sizes[1:-1], sizes[-1])
        opt, loss_func = SGD(model.parameters(), lr, 0.9), CrossEntropyLoss()
        with inside.watch(model, opt if with_opt else None, every) if watched else contextlib.nullcontext() as w:
            for _ in range(steps):
                opt.zero_grad()
                loss = loss_func(model(x), y)
                loss.backward()
                opt.step()
                if told and watched:
                    w.loss(loss)
        models.append(model)
        if watched:
            assert sorted(w.history) == list(range(0, steps, every)) and len(w.table()) == len(w.history) * len(w.layers)
            for f in w.findings():
                assert f.rule in {rule.__name__ for rule in inside.rules} and f.layer in {None, *w.layers} and f.step in w.history
            if seed % 8 == 0:
                w.plot()
    for p, q in zip(*(model.parameters() for model in models), strict=True):
        assert torch.equal(p.nan_to_num(), q.nan_to_num())


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_a_property(module):
    public = set(importlib.import_module(f"minibatch_lib.{module}").__all__)
    assert not public - covered - WHOLE_RUNS, "write a property of these, and name them in its `holds`"
