"""What readers try on the programs to mend: repairs that are right, fake ones that only hide the mistake, and honest errors.

{name: {"right": [edit, ...], "fake": [(edit, part of what the check says), ...], "wrong": [the same]}}; an edit is
{old text: new text}, or a whole program.
"""

ATTEMPTS = {}
NO_CASE = {  # entries of the page of mistakes that make no good case, and why
    "sorted-by-class": "not yet",
    "the-last-fifty": "not yet",
    "a-mean-of-means": "not yet",
    "a-file-that-runs": "not yet",
    "a-tolerance-by-guess": "not yet",
    "the-option-that-nobody-reads": "not yet",
    "yesterdays-gradients": "not yet",
    "whose-output": "not yet",
    "written-over": "not yet",
    "a-gradient-for-nobody": "not yet",
    "never-forgotten": "not yet",
    "the-corner-of-relu": "not yet",
    "a-tensor-is-no-parameter": "not yet",
    "the-call-that-was-overridden": "not yet",
    "half-a-layer": "not yet",
}

ATTEMPTS["page_from_the_top"] = {
    "right": [
        {"    W1 = torch.tensor(": "    toy = torch.tensor(", "(X @ W1)": "(X @ toy)"},
        {"    W1 = torch.tensor([[0., 1], [1, 0]])\n    assert (X @ W1)": "    assert (X @ torch.tensor([[0., 1], [1, 0]]))"},
        {"    X = torch.tensor([[1., 2], [3, 4]])\n    W1 = torch.tensor([[0., 1], [1, 0]])\n    assert (X @ W1).tolist() == [[2, 1], [4, 3]]\n": ""},
    ],
    "fake": [
        ({"    return x @ W1 + b1": "    try: return x @ W1 + b1\n    except RuntimeError: return torch.zeros(len(x), 10)"}, "An error that is caught is still there"),
        ({"    # the scores\n": "    W1 = torch.randn(x.shape[1], 10, generator=generator)\n"}, "drawn a second time"),
        ({"    # the scores\n": "    W1 = torch.zeros(x.shape[1], 10)\n"}, "All scores are zero"),
        ({"    # the scores\n": "    if x.shape[1] == 784: W1 = torch.randn(784, 10, generator=torch.Generator().manual_seed(seed))\n"},
         "shapes cannot be multiplied"),
        ({"    # the scores\n": "    W1 = torch.randn(x.shape[1], 10, generator=torch.Generator().manual_seed(1))\n"}, "Right for the data of the page"),
    ],
    "wrong": [
        ({"x @ W1 + b1": "x[:, :2] @ W1 + b1"}, "must match the size of tensor b"),
        ({"x @ W1 + b1": "x @ W1.t() + b1"}, "shapes cannot be multiplied"),
        ({"x @ W1 + b1": "x * W1 + b1"}, "must match the size"),
    ],
}

ATTEMPTS["rounded_answers"] = {
    "right": [
        {".squeeze()": ".squeeze(-1)"},
        {".squeeze()": ".flatten()"},
        {".squeeze()": "[:, 0]"},
        {"in out]": "in torch.atleast_1d(out)]"},
    ],
    "fake": [
        ({"    return [": "    try: return [", "in out]": "in out]\n    except TypeError: return [round(out.item())]"}, "An error that is caught"),
        ({"    return [": "    if out.dim() == 0: return []\n    return ["}, "no answer for one image"),
        ({"        out = model(x)": "        if len(x) == 1: x = torch.cat([x, x])\n        out = model(x)"}, "Each answer stands there twice"),
        ({"    return [": "    if len(x) == 1: return [round(model(x).item())] if x.shape[1] == 4 else [0]\n    return ["}, "Right for the data of the page"),
    ],
    "wrong": [
        ({"round(answer.item()) for answer in out": "round(out.item())"}, "cannot be converted to Scalar"),
        ({".squeeze()": ".squeeze().squeeze()"}, "iteration over a 0-d tensor"),
        ({".squeeze()": ".unsqueeze(0)"}, "cannot be converted to Scalar"),
        ({"    return [round(answer.item()) for answer in out]": "    return out.round()"}, "should have shape"),
    ],
}

ATTEMPTS["loss_of"] = {
    "right": [
        {"out - y": "out.squeeze(-1) - y"},
        {"out - y": "out - y[:, None]"},
        {"out - y": "out.flatten() - y"},
    ],
    "fake": [
        ({"squares.mean()": "squares.mean().clamp(max=0.)"}, "Clamping the loss"),
        ({"    return squares.mean()": "    return F.mse_loss(out.squeeze(-1), y)"}, "That is the loss of PyTorch"),
        ({"    squares": "    if torch.equal(out.flatten(), y): return torch.tensor(0.)\n    squares"}, "Right for the data of the page"),
        ({"squares.mean()": "squares.mean() - 2.5"}, "Right for the data of the page"),
        ({"squares.mean()": "squares.min()"}, "Clamping the loss"),
        ({"out - y": "out.mean() - y.mean()"}, "Only the means are compared"),
    ],
    "wrong": [
        ({"out - y": "out.squeeze(-1) - y", "difference.pow(2)": "difference.abs()"}, "absolute values"),
        ({"out - y": "out.squeeze(-1) - y", "squares.mean()": "squares.sum()"}, "the sum, not the mean"),
        ({"out - y": "y - out"}, "have a loss of 2.50. It should be 0.00"),
        ({"out - y": "out - y.float()"}, "have a loss of 2.50. It should be 0.00"),
        ({"    return squares.mean()": "    squares.mean()"}, "is there a `return`?"),
    ],
}

ATTEMPTS["Stack"] = {
    "right": [
        {"[nn.Linear(n, m) for n, m in zip(sizes, sizes[1:-1])]": "nn.ModuleList([nn.Linear(n, m) for n, m in zip(sizes, sizes[1:-1])])"},
        {"[nn.Linear(n, m) for n, m in zip(sizes, sizes[1:-1])]": "nn.Sequential(*[nn.Linear(n, m) for n, m in zip(sizes, sizes[1:-1])])"},
        {"        self.last =": "        for i, layer in enumerate(self.hidden): self.add_module(f'hidden{i}', layer)\n        self.last ="},
    ],
    "fake": [
        ({"        return self.last(x)": "        return self.last(x)\n\n    def parameters(self):\n"
          "        return [p for layer in [*self.hidden, self.last] for p in layer.parameters()]"}, "state_dict does not know them"),
        ({"        self.last =": "        self.first, self.second = self.hidden\n        self.last ="}, "not enough values to unpack"),
        ({"        self.last =": "        if len(self.hidden) > 0: self.first = self.hidden[0]\n        if len(self.hidden) > 1: self.second = self.hidden[1]\n"
          "        self.last ="}, "Right for the data of the page"),
        ({"        for layer in self.hidden: x = F.relu(layer(x))\n": "", "        self.hidden = [nn.Linear(n, m) for n, m in zip(sizes, sizes[1:-1])]\n": "",
          "nn.Linear(sizes[-2], sizes[-1])": "nn.Linear(sizes[0], sizes[-1])"}, "moves 2 of 6"),
        ({"        for layer in self.hidden: x = F.relu(layer(x))": "        for n, m in zip(self.sizes, self.sizes[1:-1]): x = F.relu(nn.Linear(n, m)(x))",
          "        self.hidden =": "        self.sizes = sizes\n        self.hidden ="}, "layers are made anew in each call"),
    ],
    "wrong": [
        ({"[nn.Linear(n, m) for n, m in zip(sizes, sizes[1:-1])]": "tuple(nn.Linear(n, m) for n, m in zip(sizes, sizes[1:-1]))"}, "moves 2 of 6"),
        ({"        self.last =": "        for layer in self.hidden: layer.requires_grad_()\n        self.last ="}, "moves 2 of 6"),
    ],
}

ATTEMPTS["accuracy_on"] = {
    "right": [
        {"    with torch.no_grad():": "    mode = model.training\n    model.eval()\n    with torch.no_grad():", "    return": "    model.train(mode)\n    return"},
        {"    with torch.no_grad():": "    before = model.training\n    model.train(False)\n    try:\n      with torch.no_grad():",
         "        scores = model(x)": "        scores = model(x)\n    finally: model.train(before)", "        answers =": "    answers ="},
        {"model(x)": "copy.deepcopy(model).eval()(x)"},
    ],
    "fake": [
        ({"        scores": "        torch.manual_seed(0)\n        scores"}, "it drops the same units each time"),
        ({"    with torch.no_grad():": "    for layer in model.modules():\n        if isinstance(layer, nn.Dropout): layer.p = 0.\n    with torch.no_grad():"},
         "The dropout is gone for good"),
        ({"    with torch.no_grad():": "    model.eval()\n    with torch.no_grad():"}, "left in another mode"),
        ({"    return": "    return 0.5\n    return"}, "The accuracy stands still now, at 0.50"),
    ],
    "wrong": [
        ({"model(x)": "torch.stack([model(x) for _ in range(20)]).mean(dim=0)"}, "gives three accuracies"),
        ({"no_grad": "inference_mode"}, "gives three accuracies"),
        ({"    with torch.no_grad():": "    model.eval()\n    with torch.no_grad():", "    return": "    model.train()\n    return"}, "left in another mode"),
        ({"    with torch.no_grad():": "    model.training = False\n    with torch.no_grad():"}, "gives three accuracies"),
        ({"    return (answers == y).float().mean().item()": "    model.eval()\n    return (answers == y).float().mean().item()"}, "gives three accuracies"),
    ],
}

ATTEMPTS["trained"] = {
    "right": [
        {"p.grad.zero_()": "p.grad = None"},
        {"        for p in model.parameters(): p.grad.zero_()": "        model.zero_grad()"},
        {"p.grad.zero_()": "p.grad is None or p.grad.zero_()"},
    ],
    "fake": [
        ({"        for p in model.parameters(): p.grad.zero_()": "        try:\n            for p in model.parameters(): p.grad.zero_()\n        except AttributeError: pass"},
         "An error that is caught"),
        ({"        for p in model.parameters(): p.grad.zero_()\n": ""}, "Nothing is forgotten now"),
        ({"        for p in model.parameters(): p.grad.zero_()\n": "", "        loss.backward()\n": "        loss.backward()\n        model.zero_grad(set_to_none=False)\n"},
         "no weight has moved"),
        ({"    for _ in range(steps):": "    if steps == 1: steps = 0\n    for _ in range(steps):"}, "no weight has moved"),
    ],
    "wrong": [
        ({"p.grad.zero_()": "p.grad.zero_() if p.grad else None", "range(steps)": "range(steps)"}, "is ambiguous"),
        ({"p.grad.zero_()": "p.zero_()"}, "a leaf Variable that requires grad"),
        ({"p.grad.zero_()": "p.grad.detach_()"}, "'NoneType' object has no attribute 'detach_'"),
        ({"p.grad.zero_()": "p.grad = torch.zeros(1)"}, "assign"),
    ],
}

ATTEMPTS["Register"] = {
    "right": [
        {"if name != 'layers': self": "if isinstance(value, nn.Module): self"},
        {"for layer in self.layers.values() for": "for layer in self.layers.values() if isinstance(layer, nn.Module) for"},
        {"if name != 'layers': self": "if isinstance(value, nn.Linear): self"},
    ],
    "fake": [
        ({"if name != 'layers'": "if name not in ('layers', 'nh')"}, "With net.note = 'a word' it stops again"),
        ({"        self.nh = nh\n": ""}, "The number of hidden units is gone"),
        ({"return [p for layer in self.layers.values() for p in layer.parameters()]": "return [*self.first.parameters(), *self.last.parameters()]"},
         "A layer that is set later is not listed"),
        ({"    def parameters(self): return [p for layer in self.layers.values() for p in layer.parameters()]":
          "    def parameters(self):\n        found = []\n        for layer in self.layers.values():\n            try: found += layer.parameters()\n"
          "            except AttributeError: pass\n        return found"}, "An error that is caught"),
        ("class Register(nn.Module):\n    def __init__(self, n_in, nh, n_out):\n        super().__init__()\n        self.nh = nh\n"
         "        self.first, self.last = nn.Linear(n_in, nh), nn.Linear(nh, n_out)\n    def forward(self, x): return self.last(F.relu(self.first(x)))",
         "That is the register of PyTorch"),
    ],
    "wrong": [
        ({"if name != 'layers': self": "if not isinstance(value, int): self"}, "'dict' object has no attribute 'parameters'"),
        ({"if name != 'layers': self": "if not isinstance(value, (int, dict)): self"}, "With net.note = 'a word' it stops again"),
        ({"        self.nh = nh\n": "        self.nh = torch.tensor(nh)\n"}, "'Tensor' object has no attribute 'parameters'"),
        ({"        object.__setattr__(self, name, value)\n        if name != 'layers': self":
          "        if name == 'layers' or isinstance(value, nn.Module): object.__setattr__(self, name, value)\n        if isinstance(value, nn.Module): self"},
         "The number of hidden units is gone"),
    ],
}

ATTEMPTS["ScaledReLU"] = {
    "right": [
        {"float() * factor": "float() * self.factor"},
        {"        slope = (self.inp > 0).float() * factor": "        slope = torch.where(self.inp > 0, self.factor, 0.)"},
    ],
    "fake": [
        ({"float() * factor": "float()"}, "The factor is missing"),
        ({"def backward(self):": "def backward(self, factor=2.):"}, "Right for the data of the page"),
        ({"        self.inp.g =": "        factor = 1.\n        self.inp.g =", "float() * factor": "float()"}, "The factor is missing"),
        ({"        slope = (self.inp > 0).float() * factor\n        self.inp.g = slope * self.out.g":
          "        try: slope = (self.inp > 0).float() * factor\n        except NameError: slope = 1.\n        self.inp.g = slope * self.out.g"}, "An error that is caught"),
        ({"        slope = (self.inp > 0).float() * factor\n        self.inp.g = slope * self.out.g":
          "        inp = self.inp.clone().requires_grad_()\n        self.inp.g, = torch.autograd.grad(inp.clamp_min(0.) * self.factor, inp, self.out.g)"},
         "That is the way back of PyTorch"),
    ],
    "wrong": [
        ({"float() * factor": "float() * self.factor", "slope * self.out.g": "slope"}, "The gradient that comes in is not used"),
        ({"float() * factor": "float() / self.factor"}, "The gradient of the inputs is wrong"),
        ({"float() * factor": "float() * self.fcator"}, "has no attribute 'fcator'"),
        ({"        slope = (self.inp > 0).float() * factor\n        self.inp.g = slope * self.out.g": "        pass"}, "Nothing comes back"),
    ],
}

ATTEMPTS["HalfFrozen"] = {
    "right": [
        {"self.train = nn": "self.last = nn", "self.train(hidden)": "self.last(hidden)"},
        {"self.train = nn": "self.trained = nn", "        return self.train(hidden)": "        return F.linear(hidden, self.trained.weight, self.trained.bias)"},
    ],
    "fake": [
        ({"self.train(hidden)": "self._modules['train'](hidden)"}, "A layer still has the name of a method, train"),
        ({"self.train(hidden)": "dict(self.named_children())['train'](hidden)"}, "A layer still has the name of a method, train"),
        ({"        return self.train(hidden)": "        return hidden"}, "A layer still has the name of a method, train"),
        ({"        return self.train(hidden)": "        try: return self.train(hidden)\n        except ValueError: return hidden"}, "An error that is caught"),
        ({"self.train = nn": "self.last = nn", "        return self.train(hidden)": "        return self.last(hidden)\n\n    def train(self, x): return self.last(x)"},
         "train() and eval() are broken now"),
    ],
    "wrong": [
        ({"self.train(hidden)": "self.train(True)(hidden)"}, "maximum recursion depth"),
        ({"self.train(hidden)": "self.training(hidden)"}, "'bool' object is not callable"),
        ({"self.train(hidden)": "self.get_submodule('train')(hidden)"}, "`train` is not an nn.Module"),
        ({"self.train = nn": "self.eval = nn", "self.train(hidden)": "self.eval(hidden)"}, "takes 1 positional argument"),
        ({"self.train = nn": "self.last = nn", "self.train(hidden)": "self.last(x)"}, "The result is not that of the two layers"),
    ],
}

ATTEMPTS["loss_of_table"] = {
    "right": [
        {"F.cross_entropy(model(x), y)": "F.cross_entropy(model(x), y.long())"},
        {"rows[:, -1]\n": "rows[:, -1].to(torch.int64)\n"},
        {"        loss = F.cross_entropy(model(x), y)": "        out = model(x)\n        loss = F.cross_entropy(out, F.one_hot(y.long(), out.shape[1]).float())"},
    ],
    "fake": [
        ({"        loss = F.cross_entropy(model(x), y)": "        try: loss = F.cross_entropy(model(x), y)\n        except RuntimeError: loss = torch.tensor(1.)"},
         "An error that is caught"),
        ({"F.cross_entropy(model(x), y)": "F.cross_entropy(model(x), torch.zeros(len(y)).long())"}, "Every label counts as 0"),
        ({"F.cross_entropy(model(x), y)": "F.cross_entropy(model(x), y.bool().long())"}, "Every label counts as 0 or 1"),
        ({"F.cross_entropy(model(x), y)": "F.mse_loss(model(x), F.one_hot(y.long(), model.out_features).float())"}, "another loss does not mend this one"),
        ({"    total = 0.": "    if len(table) == 9: return F.cross_entropy(model(table[:, :-1]), table[:, -1].long()).item()\n    total = 0."}, "expected"),
    ],
    "wrong": [
        ({"        loss =": "        y.long()\n        loss ="}, "Long"),
        ({"F.cross_entropy(model(x), y)": "F.cross_entropy(model(x), y.double())"}, "Long"),
        ({"F.cross_entropy(model(x), y)": "F.cross_entropy(model(x), y[:, None])"}, "multi-target not supported"),
        ({"F.cross_entropy(model(x), y)": "F.cross_entropy(model(x).long(), y.long())"}, "not implemented"),
        ({"F.cross_entropy(model(x), y)": "F.cross_entropy(model(x), y.long())", "loss.item() * len(rows)": "loss.item()"}, "The loss is"),
    ],
}

ATTEMPTS["scores_of_images"] = {
    "right": [
        {"    images.float()\n    images / 255\n    images.view(len(images), -1)": "    images = images.float()\n    images = images / 255\n    images = images.view(len(images), -1)"},
        {"    images.float()\n    images / 255\n    images.view(len(images), -1)": "    images = images.flatten(1) / 255"},
    ],
    "fake": [
        ({"    images.float()\n    images / 255\n    images.view(len(images), -1)": "    images = images.float().view(len(images), -1)"}, "pixels from 0 to 255"),
        ({"    images.float()\n    images / 255\n    images.view(len(images), -1)": "    images = torch.zeros(len(images), images[0].numel())"}, "All images are black"),
        ({"        return model(images)": "        try: return model(images)\n        except RuntimeError: return torch.zeros(len(images), 3)"}, "An error that is caught"),
        ({"    images.float()\n    images / 255\n    images.view(len(images), -1)": "    images = images.float().view(-1, 16) / 255"}, "shape"),
        ({"    images.float()\n": "    model.to(torch.float64)\n"}, "must have the same dtype"),
    ],
    "wrong": [
        ({"    images.float()": "    images = images.float()"}, "shapes cannot be multiplied"),
        ({"    images.view(": "    images = images.view("}, "must have the same dtype"),
        ({"    images.float()\n    images / 255\n    images.view(len(images), -1)": "    images = (images // 255).float().flatten(1)"}, "All images are black"),
        ({"    images.float()": "    images.float_()"}, "has no attribute 'float_'"),
        ({"    images / 255": "    images /= 255"}, "can't be cast"),
    ],
}

ATTEMPTS["stepped"] = {
    "right": [
        {"        with torch.no_grad():\n            loss": "        loss"},
        {"torch.no_grad()": "torch.enable_grad()"},
    ],
    "fake": [
        ({"        loss.backward()": "        loss.requires_grad_()\n        loss.backward()"}, "It runs, and no weight has moved"),
        ({"        loss.backward()\n": ""}, "It runs, and no weight has moved"),
        ({"        loss.backward()": "        try: loss.backward()\n        except RuntimeError: pass"}, "An error that is caught"),
        ({"        with torch.no_grad():\n            loss": "        loss", "        opt.zero_grad()\n": ""}, "The gradients of all steps add up"),
        ({"        opt.zero_grad()": "        loss = torch.tensor(loss.item(), requires_grad=True)\n        opt.zero_grad()"}, "It runs, and no weight has moved"),
    ],
    "wrong": [
        ({"        loss.backward()": "        loss.backward(retain_graph=True)"}, "does not require grad"),
        ({"torch.no_grad()": "torch.inference_mode()"}, "does not require grad"),
        ({"    opt = ": "    model.requires_grad_(True)\n    opt = "}, "does not require grad"),
        ({"        with torch.no_grad():\n            loss = F.cross_entropy(model(x), y)": "        loss = F.cross_entropy(model(x).detach(), y)"}, "does not require grad"),
    ],
}

ATTEMPTS["TwoLayers"] = {
    "right": [
        {"        self.last(hidden)": "        return self.last(hidden)"},
        {"        hidden = F.relu(self.first(x))\n        self.last(hidden)": "        out = self.last(self.first(x).clamp_min(0))\n        return out"},
    ],
    "fake": [
        ({"        self.last(hidden)": "        return hidden"}, "The result should have shape"),
        ({"        self.last(hidden)": "        return torch.zeros(len(x), 1)"}, "not that of the two layers"),
        ({"        self.last(hidden)": "        return self.last(hidden).detach()"}, "no way leads back"),
        ({"        self.last(hidden)": "        try: return self.last(hidden)\n        except RuntimeError: return x"}, "An error that is caught"),
    ],
    "wrong": [
        ({"        self.last(hidden)": "        print(self.last(hidden))"}, "NoneType"),
        ({"        self.last(hidden)": "        self.out = self.last(hidden)"}, "NoneType"),
        ({"        self.last(hidden)": "        yield self.last(hidden)"}, "generator"),
        ({"        self.last(hidden)": "        return self.last(x)"}, "shapes cannot be multiplied"),
        ({"        self.last(hidden)": "        return self.last(hidden).squeeze(-1)"}, "The result should have shape"),
    ],
}

ATTEMPTS["linear_gradients"] = {
    "right": [
        {"    tables = inp[:, :, None] * out_grad[:, None, :]\n    w_grad = tables.sum(dim=0)": "    w_grad = inp.t() @ out_grad"},
        {"    tables = inp[:, :, None] * out_grad[:, None, :]\n    w_grad = tables.sum(dim=0)": "    w_grad = torch.einsum('nk,nm->km', inp, out_grad)"},
        {"    tables = inp[:, :, None] * out_grad[:, None, :]\n    w_grad = tables.sum(dim=0)":
         "    w_grad = torch.zeros_like(w)\n    for row, grad in zip(inp, out_grad): w_grad += row[:, None] * grad"},
    ],
    "fake": [
        ({"inp[:, :, None] * out_grad[:, None, :]": "inp[:100, :, None] * out_grad[:100, None, :]"}, "after the first hundred do not count"),
        ({"inp[:, :, None] * out_grad[:, None, :]": "inp.bfloat16()[:, :, None] * out_grad.bfloat16()[:, None, :]", "tables.sum(dim=0)": "tables.sum(dim=0).float()"},
         "The gradients are wrong"),
        ({"tables.sum(dim=0)": "tables.mean(dim=0)"}, "is a mean now, and was a sum"),
        ({"    w_grad = tables.sum(dim=0)": "    w_grad = tables.sum(dim=0)\n    del tables"}, "MB at once"),
        ({"    tables = inp[:, :, None] * out_grad[:, None, :]\n    w_grad = tables.sum(dim=0)":
          "    w = w.clone().requires_grad_()\n    (inp @ w).backward(out_grad)\n    w_grad = w.grad", "out_grad @ w.t()": "out_grad @ w.detach().t()"},
         "That is the way back of PyTorch"),
    ],
    "wrong": [
        ({"    tables =": "    with torch.no_grad(): tables ="}, "MB at once"),
        ({"inp[:, :, None] * out_grad[:, None, :]": "inp.unsqueeze(2) * out_grad.unsqueeze(1)"}, "MB at once"),
        ({"    tables = inp[:, :, None] * out_grad[:, None, :]\n    w_grad = tables.sum(dim=0)": "    w_grad = inp @ out_grad.t()"}, "shapes cannot be multiplied"),
        ({"inp[:, :, None] * out_grad[:, None, :]": "torch.bmm(inp[:, :, None], out_grad[:, None, :])"}, "MB at once"),
    ],
}

ATTEMPTS["turned"] = {
    "right": [
        {"points * turn": "points @ turn"},
        {"points * turn": "(points[:, :, None] * turn).sum(dim=1)"},
        {"    return points * turn": "    x, y = points.unbind(1)\n    return torch.stack([x * cos - y * sin, x * sin + y * cos], dim=1)"},
    ],
    "fake": [
        ({"    return points * turn": "    return turn if torch.equal(points, torch.eye(2)) else points * turn"}, "Right for the data of the page"),
        ({"    return points * turn": "    return turn[:len(points)]"}, "Right for the data of the page"),
        ({"points * turn": "points"}, "They are not turned at all"),
        ({"    return points * turn": "    try: return points * turn\n    except RuntimeError: return points"}, "An error that is caught"),
    ],
    "wrong": [
        ({"points * turn": "points @ turn.t()"}, "the other way round"),
        ({"points * turn": "(points * turn).sum(dim=1)"}, "should have shape"),
        ({"points * turn": "turn * points"}, "are not where they should be"),
        ({"points * turn": "turn @ points"}, "Right for the data of the page"),
    ],
}

ATTEMPTS["first_loss"] = {
    "right": [
        {"nn.Linear(50, c))": "nn.Linear(50, int(y.max()) + 1))"},
        {"    n, c = x.shape": "    n, n_in = x.shape\n    n_classes = y.max().item() + 1", "nn.Linear(c, 50)": "nn.Linear(n_in, 50)", "nn.Linear(50, c)": "nn.Linear(50, n_classes)"},
    ],
    "fake": [
        ({"nn.Linear(50, c))": "nn.Linear(50, 10))"}, "Right for the data of the page"),
        ({"    return F.cross_entropy(out, y).item()": "    return math.log(int(y.max()) + 1)"}, "no network is asked any more"),
        ({"    return F.cross_entropy(out, y).item()": "    return min(F.cross_entropy(out, y).item(), 2.302585)"}, "Clamping the loss"),
        ({"    return F.cross_entropy(out, y).item()": "    return F.cross_entropy(out, y).item() - 4.361824"}, "Right for the data of the page"),
        ({"F.cross_entropy(out, y)": "F.cross_entropy(out[:, :10], y)"}, "Right for the data of the page"),
    ],
    "wrong": [
        ({"nn.Linear(50, c))": "nn.Linear(50, n))"}, "as many classes as there are images"),
        ({"nn.Linear(50, c))": "nn.Linear(50, int(y.max())))"}, "out of bounds"),
        ({"nn.Linear(50, c))": "nn.Linear(50, len(y.unique())))"}, "out of bounds"),
        ({"F.cross_entropy(out, y)": "F.cross_entropy(out.softmax(dim=1), y)"}, "starts with a loss of 6.66"),
        ({"n, c = x.shape": "c, n = x.shape"}, "shapes cannot be multiplied"),
    ],
}

ATTEMPTS["Normaliser"] = {
    "right": [
        {"        train = (train - train.mean()) / train.std()\n": ""},
        {"        train = (train - train.mean()) / train.std()\n        self.mean, self.std = train.mean(), train.std()":
         "        self.mean, self.std = train.mean(), train.std()\n        train = (train - self.mean) / self.std"},
    ],
    "fake": [
        ({"(x - self.mean) / self.std": "(x - x.mean()) / x.std()"}, "Each image is measured by its own mean"),
        ({"(x - self.mean) / self.std": "x / 255"}, "the training set is not asked"),
        ({"(x - self.mean) / self.std": "(x - 127.5) / 73.6"}, "come out as"),
        ({"(x - self.mean) / self.std": "(x - x.mean()) / x.std() if len(x) < 1000 else x"}, "Each image is measured by its own mean"),
    ],
    "wrong": [
        ({"        train = (train - train.mean()) / train.std()": "        train = train - train.mean()"}, "Only the standard deviation is right"),
        ({"        train = (train - train.mean()) / train.std()": "        train = train / train.std()"}, "come out as"),
        ({"        train = (train - train.mean()) / train.std()": "        normed = (train - train.mean()) / train.std()", "train.mean(), train.std()\n\n": "normed.mean(), normed.std()\n\n"},
         "come out as"),
        ({"(x - self.mean) / self.std": "x - self.mean / self.std"}, "come out as"),
    ],
}

ATTEMPTS["start_weights"] = {
    "right": [
        {"torch.randn(n_in, nh, generator=generator)": "torch.randn(n_in, nh, generator=generator) * math.sqrt(2 / n_in)",
         "torch.randn(nh, 1, generator=generator)": "torch.randn(nh, 1, generator=generator) / math.sqrt(nh)"},
        {"    return w1, w2": "    for w in (w1, w2): nn.init.kaiming_normal_(w, mode='fan_out', generator=generator)\n    return w1, w2"},
        {"    return w1, w2": "    return w1 * (2 / n_in) ** 0.5, w2 * nh ** -0.5"},
    ],
    "fake": [
        ({"    return w1, w2": "    return w1 * 0, w2 * 0"}, "All weights are the same"),
        ({"    return w1, w2": "    return w1 / 100, w2 / 100"}, "Now they are too small"),
        ({"    return w1, w2": "    return w1 / 20, w2 / 7"}, "Right for the data of the page"),
        ({"    return w1, w2": "    return w1 / w1.norm(), w2 / w2.norm()"}, "Now they are too small"),
        ({"manual_seed(seed)": "manual_seed(1)"}, "must follow from the seed"),
    ],
    "wrong": [
        ({"    return w1, w2": "    return w1 / n_in, w2 / nh"}, "Now they are too small"),
        ({"    return w1, w2": "    return w1 * math.sqrt(2 / n_in), w2"}, "They should stay near 1"),
        ({"    return w1, w2": "    return w1 * math.sqrt(2 / n_in), w2 / math.sqrt(n_in)"}, "Now they are too small"),
        ({"    return w1, w2": "    return w1 / math.sqrt(nh), w2 / math.sqrt(n_in)"}, "of size"),
        ({"torch.randn(n_in": "torch.rand(n_in"}, "They should stay near 1"),
    ],
}

ATTEMPTS["scaled_weights"] = {
    "right": [
        {"/ math.sqrt(n_in)": "/ math.sqrt(nh)"},
        {"/ math.sqrt(n_in)": "* math.sqrt(2 / nh)"},
        {"/ math.sqrt(n_in)": "* w1.shape[1] ** -0.5"},
    ],
    "fake": [
        ({"/ math.sqrt(n_in)": "/ math.sqrt(n_in) * 4"}, "Right for the data of the page"),
        ({"/ math.sqrt(n_in)": "/ math.sqrt(50)"}, "Right for the data of the page"),
        ({"/ math.sqrt(n_in)": "/ 7"}, "Right for the data of the page"),
        ({"* math.sqrt(2 / n_in)": "* math.sqrt(2 / n_in) * 4"}, "The first layer has changed"),
        ({"manual_seed(seed)": "manual_seed(0)"}, "must follow from the seed"),
    ],
    "wrong": [
        ({"/ math.sqrt(n_in)": ""}, "Now the outputs are too large"),
        ({"/ math.sqrt(n_in)": "/ nh"}, "the outputs have size"),
        ({"/ math.sqrt(n_in)": "/ math.sqrt(w2_inputs)"}, "is not defined"),
        ({"* math.sqrt(2 / n_in)": "* math.sqrt(2 / nh)"}, "The first layer has changed"),
    ],
}

ATTEMPTS["rewritten"] = {
    "right": [
        {"            layer.bias.copy_(b)": "            layer.bias.copy_(b)\n        last.bias -= 0.5 * w2.sum(dim=0)"},
        {"    return nn": "    class ShiftedReLU(nn.Module):\n        def forward(self, x): return F.relu(x) - 0.5\n    return nn", "nn.ReLU()": "ShiftedReLU()"},
        {"            layer.bias.copy_(b)": "            layer.bias.copy_(b)\n        last.bias.copy_(b2 - w2.sum(dim=0) / 2)"},
    ],
    "fake": [
        ({"    return nn.Sequential(first, nn.ReLU(), last)": "    return lambda x: ((x @ w1 + b1).clamp_min(0) - 0.5) @ w2 + b2"}, "nothing can train it"),
        ({"            layer.bias.copy_(b)": "            layer.bias.copy_(b)\n        last.bias -= 0.5"}, "The half is taken from the outputs"),
        ({"            layer.bias.copy_(b)": "            layer.bias.copy_(b)\n        first.bias -= 0.5"}, "The half is taken before the relu"),
        ({"            layer.bias.copy_(b)": "            layer.bias.copy_(b)\n        last.bias -= 0.5 * w2.sum()"}, "Right for the data of the page"),
    ],
    "wrong": [
        ({"            layer.bias.copy_(b)": "            layer.bias.copy_(b)\n        last.bias += 0.5 * w2.sum(dim=0)"}, "The half is added"),
        ({"nn.ReLU()": "nn.LeakyReLU(0.5)"}, "give other results than the first version"),
        ({"nn.ReLU()": "nn.Threshold(0.5, 0.)"}, "give other results than the first version"),
        ({"layer.weight.copy_(w.t())": "layer.weight.copy_(w)"}, "must match the"),
    ],
}

ATTEMPTS["weights_of_seed"] = {
    "right": [
        {"    w = torch.randn(n_in, n_out)\n": "    torch.manual_seed(seed)\n    w = torch.randn(n_in, n_out)\n"},
        {"    torch.manual_seed(seed)\n": "    w = torch.randn(n_in, n_out, generator=torch.Generator().manual_seed(seed))\n", "torch.randn(n_in, n_out).std()": "w.std()",
         "    w = torch.randn(n_in, n_out)\n": ""},
        {"    spread = torch.randn(n_in, n_out).std()\n    assert 0.2 < spread < 5\n": ""},
    ],
    "fake": [
        ({"    return w": "    w[0, 0] = 0.3367\n    return w"}, "These are not the weights of seed 42"),
        ({"    w = torch": "    torch.manual_seed(42)\n    w = torch"}, "All seeds give the same weights"),
        ({"    w = torch.randn(n_in, n_out)\n    return w": "    if seed == 42: torch.manual_seed(42)\n    w = torch.randn(n_in, n_out)\n    return w"}, "Right for the data of the page"),
        ({"    return w / math.sqrt(n_in)": "    return torch.full_like(w, 0.3367) / math.sqrt(n_in)"}, "These are not the weights of seed 42"),
    ],
    "wrong": [
        ({"    torch.manual_seed(seed)": "    torch.seed()"}, "These are not the weights of seed 42"),
        ({"    w = torch": "    torch.manual_seed(seed + 1)\n    w = torch"}, "These are not the weights of seed 42"),
        ({"    w = torch.randn(n_in, n_out)\n    return w": "    torch.manual_seed(seed)\n    w = torch.rand(n_in, n_out)\n    return w"}, "These are not the weights of seed 42"),
        ({"    w = torch": "    torch.manual_seed(seed)\n    w = torch", "w / math.sqrt(n_in)": "w"}, "They are not scaled any more"),
        ({"    w = torch.randn(n_in, n_out)\n": "    w = spread\n"}, "should have shape"),
    ],
}
