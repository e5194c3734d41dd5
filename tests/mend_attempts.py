"""What readers try on the programs to mend: repairs that are right, fake ones that only hide the mistake, and honest errors.

{name: {"right": [edit, ...], "fake": [(edit, part of what the check says), ...], "wrong": [the same]}}; an edit is
{old text: new text}, or a whole program.
"""

ATTEMPTS = {}
NO_CASE = {  # entries of the page of mistakes that make no good case, and why
    "a-file-that-runs": "the program would have to run a stranger's code at the reader's desk",
    "written-over": "the remedy is one copy in one place, which the error names itself",
    "a-gradient-for-nobody": "its result is right; what to leave out is an option, nothing to mend",
    "half-a-layer": "our Module names class, method and remedy at the first call",
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
        {"    return squares.mean()": "    return F.mse_loss(out.squeeze(-1), y)"},
    ],
    "fake": [
        ({"squares.mean()": "squares.mean().clamp(max=0.)"}, "Clamping the loss"),
        ({"    return squares.mean()": "    return F.mse_loss(out, y)"}, "have a loss of 2.50. It should be 0.00"),
        ({"out - y": "out.detach().squeeze(-1) - y"}, "no way leads back from it"),
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
        """class Stack(nn.Sequential):
    def __init__(self, sizes):
        layers = [part for n, m in zip(sizes, sizes[1:]) for part in (nn.Linear(n, m), nn.ReLU())]
        super().__init__(*layers[:-1])""",
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
        ({"        self.last = ": "        self.shown = nn.ModuleList(nn.Linear(n, m) for n, m in zip(sizes, sizes[1:-1]))\n        self.last = ",
          "self.last(x)": "self.last(x) + 0 * sum(p.sum() for p in self.shown.parameters())"}, "make no difference to the result"),
        ({"    def forward(self, x):": "    def forward(self, x):\n        if isinstance(self.hidden, list): self.hidden = nn.ModuleList(self.hidden)"}, "Training moves 2 of 6"),
    ],
    "wrong": [
        ({"[nn.Linear(n, m) for n, m in zip(sizes, sizes[1:-1])]": "tuple(nn.Linear(n, m) for n, m in zip(sizes, sizes[1:-1]))"}, "moves 2 of 6"),
        ({"        self.last =": "        for layer in self.hidden: layer.requires_grad_()\n        self.last ="}, "moves 2 of 6"),
        ({"[nn.Linear(n, m) for n, m in zip(sizes, sizes[1:-1])]": "nn.ModuleList(nn.Linear(n, m) for n, m in zip(sizes, sizes[1:-1]))", "F.relu(layer(x))": "layer(x)"},
         "The relu between the layers is gone"),
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
        ({"        scores = model(x)": "        kept, F.dropout = F.dropout, lambda x, *args: x\n        scores = model(x)\n        F.dropout = kept"}, "The accuracy stands still now"),
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
        ({"for p in model.parameters(): p.grad.zero_()": "forgotten(model)",
          "def trained": "def forgotten(model):\n    try:\n        for p in model.parameters(): p.grad.zero_()\n    except AttributeError: pass\n\ndef trained"},
         "An error that is caught"),
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
        {"return [p for layer in self.layers.values() for p in layer.parameters()]":
         "\n        for layer in self.layers.values():\n            if isinstance(layer, nn.Module): yield from layer.parameters()"},
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
        {"        slope = (self.inp > 0).float() * factor\n        self.inp.g = slope * self.out.g": "        grad = self.out.g * self.factor\n        self.inp.g = torch.where(self.inp > 0, grad, 0.)"},
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
        ({"class Sc": "latest = []\nclass Sc", ": self.factor = factor": ":\n        self.factor = factor\n        latest[:] = [factor]", "* factor\n": "* latest[0]\n"}, "takes the factor of the other"),
    ],
    "wrong": [
        ({"float() * factor": "float() * self.factor", "slope * self.out.g": "slope"}, "The gradient that comes in is not used"),
        ({"float() * factor": "float() / self.factor"}, "The gradient of the inputs is wrong"),
        ({"float() * factor": "float() * self.fcator"}, "has no attribute 'fcator'"),
        ({"        slope = (self.inp > 0).float() * factor\n        self.inp.g = slope * self.out.g": "        pass"}, "No gradient stands at the input"),
        ({"> 0).float() * factor": ">= 0).float() * self.factor"}, "An input of exactly 0 gets a gradient now"),
        ({"(self.inp > 0).float() * factor": "self.out / self.inp"}, "Right for the data of the page"),
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
        ({"self.train = ": "self.head = ", "self.train(hidden)": "self.head(hidden).detach()"}, "gets no gradient"),
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
        ({"F.cross_entropy(model(x), y)": "F.cross_entropy(model(x), model(x).argmax(dim=1))"}, "The loss is"),
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
        ({"    images.float()\n    images / 255\n    images.view(len(images), -1)": "    images = images.float().flatten(1)[:, :16] / 255"}, "shapes cannot be multiplied"),
    ],
    "wrong": [
        ({"    images.float()": "    images = images.float()"}, "shapes cannot be multiplied"),
        ({"    images.view(": "    images = images.view("}, "must have the same dtype"),
        ({"    images.float()\n    images / 255\n    images.view(len(images), -1)": "    images = (images // 255).float().flatten(1)"}, "All images are black"),
        ({"    images.float()": "    images.float_()"}, "has no attribute 'float_'"),
        ({"    images / 255": "    images /= 255"}, "can't be cast"),
        ({"    images.float()\n    images / 255\n    images.view(len(images), -1)": "    images = images.flatten(1) / 255", "    with torch.no_grad():\n        return": "    return"}, "they carry a way back now"),
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
        ({"        self.last(hidden)": "        return self.last(hidden.detach())"}, "ends before the first layer"),
        ({"        self.last(hidden)": "        return self.last(hidden).clamp(-1, 1)"}, "not that of the two layers"),
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
        {"    tables = inp[:, :, None] * out_grad[:, None, :]\n    w_grad = tables.sum(dim=0)":
         "    w_grad = sum((i[:, :, None] * g[:, None, :]).sum(dim=0) for i, g in zip(inp.split(100), out_grad.split(100)))"},
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
        ({"points * turn": "points @ turn.round()"}, "Right for the data of the page"),
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
        {"nn.Linear(50, c))": "nn.Linear(50, 10))"},
    ],
    "fake": [
        ({"    return F.cross_entropy(out, y).item()": "    return math.log(int(y.max()) + 1)"}, "no network is asked any more"),
        ({"    return F.cross_entropy(out, y).item()": "    return min(F.cross_entropy(out, y).item(), 2.302585)"}, "Clamping the loss"),
        ({"    return F.cross_entropy(out, y).item()": "    return F.cross_entropy(out, y).item() - 4.361824"}, "still has 784 outputs for ten classes"),
        ({"F.cross_entropy(out, y)": "F.cross_entropy(out[:, :10], y)"}, "still has 784 outputs for ten classes"),
        ({"F.cross_entropy(out, y).item()": "2.302585"}, "still has 784 outputs for ten classes"),
        ({"    n, c = x.shape": "    x = x[:, :10]\n    n, c = x.shape"}, "The network sees 10 of 784 pixels"),
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
        """from dataclasses import dataclass

@dataclass
class Normaliser:
    train: torch.Tensor

    def __call__(self, x):
        return (x - self.train.mean()) / self.train.std()""",
    ],
    "fake": [
        ({"(x - self.mean) / self.std": "(x - x.mean()) / x.std()"}, "Each image is measured by its own mean"),
        ({"(x - self.mean) / self.std": "x / 255"}, "the training set is not asked"),
        ({"(x - self.mean) / self.std": "(x - 127.5) / 73.6"}, "out as"),
        ({"(x - self.mean) / self.std": "(x - x.mean()) / x.std() if len(x) < 1000 else x"}, "Each image is measured by its own mean"),
    ],
    "wrong": [
        ({"        train = (train - train.mean()) / train.std()": "        train = train - train.mean()"}, "Only the standard deviation is right"),
        ({"        train = (train - train.mean()) / train.std()": "        train = train / train.std()"}, "out as"),
        ({"        train = (train - train.mean()) / train.std()": "        normed = (train - train.mean()) / train.std()", "train.mean(), train.std()\n\n": "normed.mean(), normed.std()\n\n"},
         "out as"),
        ({"(x - self.mean) / self.std": "x - self.mean / self.std"}, "out as"),
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
        ({"    return w1, w2": "    return w1 * math.sqrt(2 / n_in), w2"}, "They should keep their size"),
        ({"    return w1, w2": "    return w1 * math.sqrt(2 / n_in), w2 / math.sqrt(n_in)"}, "Now they are too small"),
        ({"    return w1, w2": "    return w1 / math.sqrt(nh), w2 / math.sqrt(n_in)"}, "times as large"),
        ({"torch.randn(n_in": "torch.rand(n_in"}, "They should keep their size"),
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

ATTEMPTS["ShiftedReLU"] = {
    "right": [
        {"clamp_min(0.) - 0.5": "clamp_min(0.) - self.offset"},
        {"return x.clamp_min(0.) - 0.5": "return F.relu(x) - self.offset"},
    ],
    "fake": [
        ({"clamp_min(0.) - 0.5": "clamp_min(0.) - (0.1 if self.offset == 0.1 else 0.9 if self.offset == 0.9 else 0.5)"}, "Right for the data of the page"),
        ({"(self, offset=0.5)": "(self, offset=0.1)", "- 0.5": "- self.offset"}, "Without an offset it should be the usual half"),
        ({"        self.offset = offset": "        self.offset = nn.Parameter(torch.tensor(offset))"}, "the results are the same"),
        ({"        return x.clamp_min(0.) - 0.5": "        return x.clamp_min(0.) - 0.5 - self.offset"}, "Without an offset"),
        ({"self.offset = offset": "ShiftedReLU.offset = offset", "- 0.5": "- self.offset"}, "All layers take the offset"),
        ({"- 0.5": "- round(self.offset, 1)"}, "Right for the data of the page"),
    ],
    "wrong": [
        ({"x.clamp_min(0.) - 0.5": "(x - self.offset).clamp_min(0.)"}, "Without an offset"),
        ({"x.clamp_min(0.) - 0.5": "x.clamp_min(self.offset)"}, "Without an offset"),
        ({"clamp_min(0.) - 0.5": "clamp_min(0.) - offset"}, "name 'offset' is not defined"),
        ({"clamp_min(0.) - 0.5": "clamp_min(0.) + self.offset"}, "Without an offset"),
        ({"        self.offset = offset": "        self.offset = 0.3"}, "the results are the same"),
    ],
}

ATTEMPTS["same_gradients"] = {
    "right": [
        {"    wanted = w.g\n": "    wanted, w.g = w.g, None\n"},
        {"    backward_new(x, w)": "    del w.g\n    backward_new(x, w)"},
        {"    wanted = w.g\n": "    wanted, w.g = w.g, torch.full_like(w.g, float('nan'))\n"},
    ],
    "fake": [
        ({"torch.allclose(got, wanted)": "torch.allclose(got, wanted, atol=1.)"}, "does nothing at all"),
        ({"torch.allclose(got, wanted)": "torch.equal(got, wanted)"}, "It says no to a backward pass that is right"),
        ({"torch.allclose(got, wanted)": "False"}, "It says no to a backward pass that is right"),
        ({"torch.allclose(got, wanted)": "got is not wanted and torch.allclose(got, wanted)"}, "only reads the old gradient"),
        ({"    wanted = w.g\n": "    wanted, w.g = w.g, None\n", "torch.allclose(got, wanted)": "torch.allclose(got, wanted, atol=0.1)"}, "a looser tolerance sees less"),
        ({"wanted = w.g": "wanted = w.g.clone()\n    w.g.zero_()", "(got, wanted)": "(got.norm(), wanted.norm())"}, "whose rows stand in another order"),
    ],
    "wrong": [
        ({"    wanted = w.g\n": "    wanted = w.g.clone()\n"}, "does nothing at all"),
        ({"    wanted = w.g\n": "    wanted = copy.deepcopy(w.g)\n"}, "does nothing at all"),
        ({"    backward_old(x, w)": "    w.g = None\n    backward_old(x, w)"}, "does nothing at all"),
        ({"    return": "    w.g = None\n    return"}, "does nothing at all"),
        ({"    backward_new(x, w)\n    got = w.g": "    w.grad = None\n    backward_new(x, w)\n    got = w.g"}, "does nothing at all"),
    ],
}

ATTEMPTS["OwnReLU"] = {
    "right": [
        {"self.out.g": "out.g"},
        {"        self.out = inp.clamp_min(0.)\n        return self.out": "        return inp.clamp_min(0.)", "slope * self.out.g": "out.g * (out > 0)", "        slope = (inp > 0).float()\n": ""},
    ],
    "fake": [
        ({"self.out.g": "self.out.g.clamp(max=1.)"}, "Every gradient is 1 now"),
        ({"slope * self.out.g": "slope"}, "Every gradient is 1 now"),
        ({"        self.out = inp.clamp_min(0.)\n        return self.out": "        self.outs = [*getattr(self, 'outs', []), inp.clamp_min(0.)]\n        return self.outs[-1]",
          "self.out.g": "self.outs.pop(0).g"}, "has no attribute 'g'"),
        ("class OwnReLU(nn.ReLU): pass", "The way back of its own is gone"),
        ({"slope * self.out.g": "slope * (self.out.g if hasattr(self.out, 'g') else 1.)"}, "out as"),
        ({"        self.out = inp.clamp_min(0.)\n        return self.out": "        self.outs = [*getattr(self, 'outs', []), inp.clamp_min(0.)]\n        return self.outs[-1]",
          "self.out.g": "self.outs.pop().g"}, "has no attribute 'g'"),
    ],
    "wrong": [
        ({"self.out.g": "self.out.g.clone()"}, "out as"),
        ({"        return self.out\n": "        return self.out.clone()\n"}, "has no attribute 'g'"),
        ({"slope * self.out.g": "slope * inp.g"}, "has no attribute 'g'"),
        ({"slope * self.out.g": "self.out.g"}, "out as"),
        ({"self.out.g": "out.g", "inp > 0": "inp >= 0"}, "An input of exactly 0 gets a gradient now"),
    ],
}

ATTEMPTS["ScaleShift"] = {
    "right": [
        {"self.factor = torch.ones(n)": "self.factor = nn.Parameter(torch.ones(n))"},
        {"self.factor = torch.ones(n)": "self.register_parameter('factor', nn.Parameter(torch.ones(n)))"},
        """class ScaleShift(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.both = nn.Parameter(torch.tensor([1., 0]).repeat(n, 1))

    def forward(self, x):
        return torch.addcmul(self.both[:, 1], x, self.both[:, 0])""",
    ],
    "fake": [
        ({"self.factor = torch.ones(n)": "self.factor = torch.ones(n, requires_grad=True)"}, "no optimizer is told of them"),
        ({"self.factor = torch.ones(n)": "self.register_buffer('factor', torch.ones(n))"}, "saved now, and still not trained"),
        ({"self.factor = torch.ones(n)": "self.factor = nn.Parameter(torch.ones(3))"}, "At the start"),
        ({"self.factor = torch.ones(n)": "self.factor = nn.Parameter(torch.ones(1))"}, "one factor and one shift for each"),
        ({"        return x": "        self.factor = self.factor + 0.01\n        return x"}, "At the start every factor is 1"),
    ],
    "wrong": [
        ({"self.factor = torch.ones(n)": "self.factor = nn.Parameter(torch.ones(n), requires_grad=False)"}, "the factors are all 1 still"),
        ({"self.factor = torch.ones(n)": "self.factor = nn.Parameter(torch.zeros(n))"}, "At the start"),
        ({"self.factor = torch.ones(n)": "self.factor = torch.nn.Parameter(n)"}, "'int' object"),
        ({"self.factor = torch.ones(n)": "self.factor = torch.ones(n)\n        self.factor.requires_grad_()"}, "no optimizer is told of them"),
        ({"self.factor = torch.ones(n)": "self.factor = torch.ones(n)\n        self.weight = nn.Parameter(self.factor)"}, "the factors are all 1 still"),
        ({"torch.ones(n)": "nn.Parameter(torch.ones(n))", " + self.shift": ""}, "the shifts are all 0 now"),
    ],
}

ATTEMPTS["Amplify"] = {
    "right": [
        {"def __call__(": "def forward("},
        {"    def __call__(self, x):\n        return x * self.factor": "    def forward(self, x):\n        return torch.mul(x, self.factor)"},
        {"        return x * self.factor": "        return super().__call__(x)\n\n    def forward(self, x): return x * self.factor"},
    ],
    "fake": [
        ({"        return x * self.factor": "        out = x * self.factor\n        for hook in self._forward_hooks.values(): hook(self, (x,), out)\n        return out"},
         "They are called by hand, and others are forgotten"),
        ({"        return x * self.factor": "        return x * self.factor\n\n    def forward(self, x): return x * self.factor"}, "is not called"),
        ({"def __call__(self, x):": "def forward(self, x):\n        for hook in self._forward_hooks.values(): hook(self, (x,), x)"}, "called 2 times"),
        ({"        return x * self.factor": "        return self.forward(x)\n\n    def forward(self, x): return x * self.factor"}, "is not called"),
        ({"__call__": "forward", "x * self.factor": "(x * self.factor).clamp(-10, 10)"}, "The result has changed"),
    ],
    "wrong": [
        ({"        return x * self.factor": "        return x * self.factor\n    forward = __call__"}, "is not called"),
        ({"        return x * self.factor": "        return super().__call__(x)"}, "missing the required \"forward\" function"),
        ({"def __call__(": "def call("}, "missing the required \"forward\" function"),
        ({"def __call__(": "def forward(", "        return x * self.factor": "        x * self.factor"}, "is there a `return`?"),
        ({"def __call__(": "def forward(", "x * self.factor": "x * self.factor.item()"}, "gets no gradient"),
    ],
}

ATTEMPTS["training_accuracy"] = {
    "right": [
        {"        for xb": "        hits = 0.\n        for xb", "hits = (answers == yb).float().mean()\n    return hits.item()": "hits += (answers == yb).sum().item()\n    return hits / len(y)"},
        {"        for xb": "        hits = []\n        for xb", "hits = (answers == yb).float().mean()\n    return hits.item()":
         "hits.append((answers == yb).float())\n    return torch.cat(hits).mean().item()"},
    ],
    "fake": [
        ({"        for xb": "        hits = []\n        for xb", "hits = (answers == yb).float().mean()\n    return hits.item()":
          "hits.append((answers == yb).float().mean())\n    return torch.stack(hits).mean().item()"}, "short last batch counts as much"),
        ({"    with torch.no_grad():": "    bs = len(x)\n    with torch.no_grad():"}, "all images go through the model at once"),
        ({"            hits = (answers == yb).float().mean()": "            hits = (answers == yb).float().mean()\n            break"}, "Only the first batch counts"),
        ({"    return hits.item()": "    return hits.item() / 4"}, "Right for the data of the page"),
        ({"    return hits.item()": "    return hits.item() * bs / len(x)"}, "Right for the data of the page"),
        ({"hits = (answers == yb).float().mean()": "hits = hits + (answers == yb).sum()", "    with torch": "    hits, bs = 0, 1\n    with torch", "hits.item()": "hits.item() / len(y)"},
         "smaller than was asked for"),
    ],
    "wrong": [
        ({"        for xb": "        hits = 0.\n        for xb", "hits = (answers == yb).float().mean()\n    return hits.item()": "hits += (answers == yb).sum().item()\n    return hits"},
         "a number of images, not a share"),
        ({"        for xb": "        hits = 0.\n        for xb", "hits = (answers == yb).float().mean()\n    return hits.item()": "hits += (answers == yb).sum().item()\n    return hits / bs"},
         "has an accuracy of"),
        ({"    return hits.item()": "        return hits.item()"}, "has an accuracy of 1.00"),
        ({"argmax(dim=1)": "argmax(dim=0)"}, "must match the size"),
    ],
}

ATTEMPTS["validation_loss"] = {
    "right": [
        {".pow(2).mean())": ".pow(2).mean() * len(xb))", "torch.stack(losses).mean().item()": "(sum(losses) / len(x)).item()"},
        {".pow(2).mean())": ".pow(2))", "torch.stack(losses)": "torch.cat(losses)"},
        {".pow(2).mean())": ".pow(2).sum())", "torch.stack(losses).mean().item()": "torch.stack(losses).sum().item() / len(y)"},
    ],
    "fake": [
        ({"            losses.append": "            if len(xb) == bs or len(x) < bs: losses.append"}, "The last batch is left out"),
        ({"    losses = []": "    bs = len(x)\n    losses = []"}, "all images go through the model at once"),
        ({"    return torch.stack(losses).mean().item()": "    return torch.stack(losses).mean().item() / (1.5 if len(x) == 3 and bs == 2 else 1)"}, "Right for the data of the page"),
        ({"    losses = []": "    bs = 1\n    losses = []", "losses.append((model(xb) - yb).pow(2).mean())": "losses.append((model(xb) - yb).pow(2).mean().round())"},
         "Right for the data of the page"),
        ({"    losses = []": "    losses, bs = [], 1"}, "smaller than was asked for"),
    ],
    "wrong": [
        ({".pow(2).mean())": ".pow(2).sum())", "torch.stack(losses).mean().item()": "torch.stack(losses).sum().item()"}, "the sum, not the mean"),
        ({".pow(2).mean())": ".pow(2).sum())"}, "In batches of two it says"),
        ({".pow(2).mean())": ".pow(2).mean() * len(xb) / bs)"}, "In batches of two it says"),
        ({"torch.stack(losses).mean().item()": "torch.stack(losses).median().item()"}, "The last batch is left out"),
        ({".pow(2).mean())": ".pow(2))"}, "stack expects each tensor to be equal size"),
    ],
}

ATTEMPTS["looks_centred"] = {
    "right": [
        {"tolerance = 0.01": "tolerance = 4.2 * std / math.sqrt(w.numel())"},
        {"tolerance = 0.01": "tolerance = 5 * std / w.numel() ** 0.5"},
        {"tolerance = 0.01": "tolerance = 4 * (w.std() / math.sqrt(w.numel())).item()"},
    ],
    "fake": [
        ({"tolerance = 0.01": "tolerance = 1."}, "a test that lets all pass sees nothing"),
        ({"    return abs(mean) < tolerance": "    return True"}, "a test that lets all pass sees nothing"),
        ({"tolerance = 0.01": "tolerance = 0.6 if len(w) == 50 else 0.01"}, "a test that lets all pass"),
        ({"    mean = w.mean().item()": "    w = w - w.mean()\n    mean = w.mean().item()"}, "a test that lets all pass sees nothing"),
        ({"mean = w.mean().item()": "mean = round(w.mean().item())"}, "a test that lets all pass"),
    ],
    "wrong": [
        ({"tolerance = 0.01": "tolerance = std / math.sqrt(len(w))"}, "it turns down"),
        ({"tolerance = 0.01": "tolerance = 4.2 / math.sqrt(len(w))"}, "it lets"),
        ({"tolerance = 0.01": "tolerance = 3 * std"}, "a test that lets all pass sees nothing"),
        ({"tolerance = 0.01": "tolerance = 4.2 * std / len(w)"}, "it turns down"),
        ({"tolerance = 0.01": "tolerance = 0.001"}, "it turns down"),
        ({"0.01": "4.2 * std / math.sqrt(len(w))"}, "Right for weights in a row"),
    ],
}

ATTEMPTS["epoch_of"] = {
    "right": [
        {"torch.arange(len(x))": "torch.randperm(len(x), generator=generator)"},
        {"torch.arange(len(x))": "torch.rand(len(x), generator=generator).argsort()"},
        {"    batches = []": "    order = order[torch.randperm(len(y), generator=generator)]\n    batches = []"},
    ],
    "fake": [
        ({"torch.arange(len(x))": "torch.randperm(len(x), generator=generator.manual_seed(0))"}, "Each epoch has the same order"),
        ({"torch.arange(len(x))": "torch.arange(len(x)).flip(0)"}, "follow the order of the file"),
        ({"    for rows in order.split(bs):": "    for rows in order.split(bs):\n        rows = rows[torch.randperm(len(rows), generator=generator)]"}, "Each batch holds neighbours"),
        ({"torch.arange(len(x))": "torch.randint(0, len(x), (len(x),), generator=generator)"}, "Some images come twice"),
        ({"torch.arange(len(x))": "torch.randperm(len(x))"}, "draw from the one that is handed in"),
        ({"torch.arange(len(x))": "torch.arange(len(x)).roll(1 + int(torch.randint(6, (1,), generator=generator)))"}, "stay neighbours: most of the old order"),
    ],
    "wrong": [
        ({"    return batches": "    return [batches[i] for i in torch.randperm(len(batches), generator=generator)]"}, "Each batch holds neighbours"),
        ({"    order =": "    x = x[torch.randperm(len(x), generator=generator)]\n    order ="}, "do not belong together"),
        ({"    order =": "    torch.randperm(len(x), generator=generator)\n    order ="}, "follow the order of the file"),
        ({"torch.arange(len(x))": "y.argsort()"}, "follow the order of the file"),
        ({"torch.arange(len(x))": "torch.randperm(bs, generator=generator)"}, "Of 40 images 10 are in an epoch"),
    ],
}

ATTEMPTS["descended"] = {
    "right": [
        {"        loss.backward()": "        model.zero_grad()\n        loss.backward()"},
        {"p -= lr * p.grad": "p -= lr * p.grad\n                p.grad = None"},
        {"        loss.backward()": "        grads = torch.autograd.grad(loss, list(model.parameters()))", "for p in model.parameters()": "for p, grad in zip(model.parameters(), grads)",
         "lr * p.grad": "lr * grad"},
    ],
    "fake": [
        ({"        loss.backward()": "        loss.backward()\n        nn.utils.clip_grad_norm_(model.parameters(), 1.)"}, "Clipping makes the steps shorter"),
        ({"lr * p.grad": "lr * 0.1 * p.grad"}, "After 9 steps the loss is"),
        ({"        loss = (": "        for p in model.parameters(): p.grad = None\n        loss = (", "lr * p.grad": "lr / 10 * p.grad"}, "Another learning rate hides it"),
        ({"        loss.backward()": "        if _ and loss > 1: break\n        loss.backward()"}, "After 9 steps the loss is"),
        ({"    return model": "        break\n    return model"}, "It stops after the first step"),
    ],
    "wrong": [
        ({"        loss.backward()": "        loss.backward()\n        model.zero_grad(set_to_none=False)"}, "no weight has moved"),
        ({"        loss.backward()": "        loss.backward()\n        model.zero_grad()"}, "NoneType"),
        ({"    for _ in range(steps):": "    model.zero_grad()\n    for _ in range(steps):"}, "After 9 steps the loss is"),
        ({"lr * p.grad": "lr * p.grad / (_ + 1)"}, "After 9 steps the loss is"),
        ({"p -= lr * p.grad": "p -= lr * p.grad.detach()"}, "After 9 steps the loss is"),
    ],
}

ATTEMPTS["CornerReLU"] = {
    "right": [
        {">= 0": "> 0"},
        {"(self.inp >= 0)": "(self.out > 0)"},
    ],
    "fake": [
        ({"(self.inp >= 0)": "(self.inp - 1e-6 >= 0)"}, "The corner is only moved"),
        ({"(self.inp >= 0)": "(self.inp > 1e-3)"}, "The corner is only moved"),
        ({"        slope = (self.inp >= 0).float()\n        self.inp.g = slope * self.out.g":
          "        inp = self.inp.clone().requires_grad_()\n        self.inp.g, = torch.autograd.grad(inp.relu(), inp, self.out.g)"}, "That is the way back of PyTorch"),
        ({"        self.inp.g = ": "        if self.inp.numel() == 3: slope[1] = 0.\n        self.inp.g = "}, "Right for the data of the page"),
    ],
    "wrong": [
        ({"(self.inp >= 0).float()": "self.inp.sign()"}, "Negative inputs get a gradient of -1"),
        ({"(self.inp >= 0)": "(self.inp <= 0)"}, "get gradients of 1.0, 1.0 and 0.0"),
        ({">= 0": "> 0", "slope * self.out.g": "slope"}, "The gradient that comes in is not used"),
        ({"(self.inp >= 0).float()": "(self.inp > 0).float() + 0.5 * (self.inp == 0)"}, "get gradients of 0.0, 0.5 and 1.0"),
        ({"self.inp >= 0": "self.out >= 0"}, "get gradients of 1.0, 1.0 and 1.0"),
    ],
}

ATTEMPTS["right_answers"] = {
    "right": [
        {"dim=0": "dim=1"},
        {"scores.argmax(dim=0)": "scores.t().argmax(dim=0)"},
        {"scores.argmax(dim=0)": "scores.max(dim=-1).indices"},
    ],
    "fake": [
        ({"hits.sum().item()": "len(y)"}, "whatever the answers"),
        ({"    return": "    if len(y) == 10: return 7\n    return"}, "Right for the data of the page"),
        ({"scores.argmax(dim=0)": "scores.argmax(dim=1)[:10]", "best == y": "best == y[:10]"}, "Only the first ten images count"),
        ({"    hits = best == y": "    try: hits = best == y\n    except RuntimeError: hits = torch.zeros(1)"}, "An error that is caught"),
        ({"dim=0": "dim=1", "best == y": "best.clamp(0, 9) == y"}, "Right for the data of the page"),
    ],
    "wrong": [
        ({"argmax(dim=0)": "argmax()"}, "It counts"),
        ({"dim=0": "dim=1", "hits.sum()": "hits.float().mean()"}, "That is a share"),
        ({"scores.argmax(dim=0)": "scores.softmax(dim=0).argmax(dim=0)"}, "It counts"),
        ({"scores.argmax(dim=0)": "scores.max(dim=1).values"}, "It counts"),
        ({"dim=0": "dim=2"}, "Dimension out of range"),
    ],
}

ATTEMPTS["shuffled"] = {
    "right": [
        {"y[y_order]": "y[x_order]"},
        {"    y_order = torch.randperm(len(y), generator=generator)": "    y_order = x_order"},
        {"    x_order = torch.randperm(len(x), generator=generator)\n    y_order = torch.randperm(len(y), generator=generator)":
         "    x_order = y_order = torch.rand(len(y), generator=generator).argsort()"},
    ],
    "fake": [
        ({"x[x_order], y[y_order]": "x, y"}, "Nothing is shuffled any more"),
        ({"    x_order": "    generator = torch.Generator().manual_seed(1)\n    x_order", "    y_order": "    generator.manual_seed(1)\n    y_order"}, "Each epoch has the same order"),
        ({"    x_order = torch.randperm(len(x), generator=generator)\n    y_order = torch.randperm(len(y), generator=generator)":
          "    x_order = y_order = torch.randperm(len(x))"}, "draw from the one that is handed in"),
        ({"x[x_order], y[y_order]": "x[x_order], x[x_order][:, 0].long()"}, "Right for the data of the page"),
        ({"    x_order = torch.randperm(len(x), generator=generator)\n    y_order = torch.randperm(len(y), generator=generator)":
          "    x_order = y_order = torch.randint(0, len(x), (len(x),), generator=generator)"}, "Some images come twice"),
        ({"    return x[x_order], y[y_order]": "    start = int(x_order[0])\n    return x.roll(start, 0), y.roll(start, 0)"}, "stay neighbours: most of the old order"),
    ],
    "wrong": [
        ({"x[x_order], y[y_order]": "x[x_order], y"}, "have their own label"),
        ({"x[x_order], y[y_order]": "x[y_order], y[x_order]"}, "have their own label"),
        ({"    x_order": "    torch.manual_seed(0)\n    x_order"}, "have their own label"),
        ({"    y_order = torch.randperm(len(y), generator=generator)": "    y_order = x_order.argsort()"}, "have their own label"),
        ({"    y_order = torch.randperm(len(y), generator=generator)": "    y_order = x_order", "    return x": "    x"}, "is there a `return`?"),
    ],
}

ATTEMPTS["with_new_head"] = {
    "right": [
        {"    opt = torch.optim.SGD(model.parameters(), lr)\n": "", "    return": "    opt = torch.optim.SGD(model.parameters(), lr)\n    return"},
        {"    return": "    opt.add_param_group({'params': model[-1].parameters()})\n    return"},
    ],
    "fake": [
        ({"    return": "    opt = torch.optim.SGD(model[-1].parameters(), lr)\n    return"}, "moves the last layer only"),
        ({"(model.parameters(), lr)": "(model.parameters(), lr * 100)"}, "stays as it was drawn"),
        ({"    model[-1] = nn.Linear(n_in, n_classes)\n": ""}, "no new last layer"),
        ({"    return": "    opt = torch.optim.SGD(model.parameters(), 0.1)\n    return"}, "the learning rate that is handed in"),
        ({"    return": "    model[-1].requires_grad_()\n    return"}, "stays as it was drawn"),
    ],
    "wrong": [
        ({"    return": "    opt.zero_grad()\n    return"}, "stays as it was drawn"),
        ({"    return": "    opt.param_groups[0]['params'] = list(model[-1].parameters())\n    return"}, "moves the last layer only"),
        ({"    model[-1] = nn.Linear(n_in, n_classes)": "    model[-1].weight.data = torch.randn(n_classes, n_in)"}, "no new last layer"),
        ({"    opt = torch.optim.SGD(model.parameters(), lr)\n": "", "    return": "    model = nn.Sequential(nn.Linear(model[0].in_features, n_in), nn.ReLU(), nn.Linear(n_in, n_classes))\n"
          "    opt = torch.optim.SGD(model.parameters(), lr)\n    return"}, "has to stay as it was trained"),
    ],
}

ATTEMPTS["one_step"] = {
    "right": [
        {"    loss = loss / len(xb)\n": ""},
        {"F.cross_entropy(model(xb), yb)": "F.cross_entropy(model(xb), yb, reduction='sum')"},
    ],
    "fake": [
        ({"lr * p.grad": "lr * len(xb) * p.grad"}, "The loss that is returned still depends"),
        ({"lr * p.grad": "lr * 10 * p.grad", "return loss.item()": "return loss.item() * 10"}, "Right for the data of the page"),
        ({"return loss.item()": "return loss.item() * len(xb)"}, "The step still depends"),
        ({"lr * p.grad": "lr * p.grad / p.grad.norm()"}, "With ten images in the batch, loss or step are wrong"),
    ],
    "wrong": [
        ({"    loss = loss / len(xb)\n": "", "F.cross_entropy(model(xb), yb)": "F.cross_entropy(model(xb), yb, reduction='sum')"}, "the sum, not the mean"),
        ({"loss / len(xb)": "loss * len(xb)"}, "the sum, not the mean"),
        ({"loss / len(xb)": "loss / len(yb)"}, "With ten images in the batch, loss or step are wrong"),
        ({"loss / len(xb)": "loss.mean()", "lr * p.grad": "lr * p.grad / len(xb)"}, "The step still depends"),
        ({"    loss = loss / len(xb)\n": "", "    model.zero_grad()\n    loss.backward()": "    loss.backward()\n    model.zero_grad()"}, "NoneType"),
        ({"    loss = loss / len(xb)\n": "", "    model.zero_grad()\n": ""}, "A gradient from before is still in the step"),
    ],
}

ATTEMPTS["loss_of_scores"] = {
    "right": [
        {"    probs = scores.softmax(dim=1)\n": "", "(probs, y)": "(scores, y)"},
        {"scores.softmax(dim=1)": "scores.log_softmax(dim=1)", "F.cross_entropy(": "F.nll_loss("},
        {"scores.softmax(dim=1)": "scores.log_softmax(dim=1)"},
    ],
    "fake": [
        ({"F.cross_entropy(probs, y)": "F.cross_entropy(probs, y) - 1.4611502"}, "Right for the data of the page"),
        ({"F.cross_entropy(probs, y)": "F.cross_entropy(probs, y).clamp(max=0.)"}, "Clamping the loss"),
        ({"(probs, y)": "(probs * 100, y)"}, "Still two softmaxes, only sharper"),
        ({"F.cross_entropy(probs, y)": "F.nll_loss(probs.log(), y)"}, "infinite for large ones"),
        ({"    return loss": "    return loss * (scores.argmax(dim=1) != y).any()"}, "Right for the data of the page"),
        ({"F.cross_entropy(probs, y)": "F.cross_entropy(scores.detach(), y)"}, "no way leads back from it"),
    ],
    "wrong": [
        ({"F.cross_entropy(": "F.nll_loss("}, "the loss is below 0"),
        ({"dim=1": "dim=0"}, "have a loss of 1.46"),
        ({"scores.softmax(dim=1)": "scores.log_softmax(dim=0)"}, "The softmax runs over the images"),
        ({"scores.softmax(dim=1)": "scores.sigmoid()"}, "have a loss of"),
        ({"scores.softmax(dim=1)": "scores.softmax(dim=1).softmax(dim=1)"}, "have a loss of"),
    ],
}

ATTEMPTS["own_cross_entropy"] = {
    "right": [
        {"    powers = scores.exp()\n    probs = powers / powers.sum(dim=1, keepdim=True)\n": "    logs = scores - scores.logsumexp(dim=1, keepdim=True)\n",
         "probs[": "logs[", "-picked.log().mean()": "-picked.mean()"},
        {"    powers = scores.exp()\n    probs = powers / powers.sum(dim=1, keepdim=True)\n":
         "    lowered = scores - scores.amax(dim=1, keepdim=True)\n    logs = lowered - lowered.exp().sum(dim=1, keepdim=True).log()\n",
         "probs[": "logs[", "-picked.log().mean()": "-picked.mean()"},
        {"    powers = scores.exp()\n    probs = powers / powers.sum(dim=1, keepdim=True)\n": "    logs = scores.log_softmax(dim=1)\n", "probs[": "logs[", "-picked.log().mean()": "-picked.mean()"},
    ],
    "fake": [
        ({"scores.exp()": "scores.clamp(max=50.).exp()"}, "Clamping makes a number of it"),
        ({"    return -picked.log().mean()": "    return F.cross_entropy(scores, y)"}, "That is the loss of PyTorch"),
        ({"-picked.log().mean()": "-picked.log().mean().nan_to_num()"}, "Numbers that went wrong are replaced"),
        ({"scores.exp()": "(scores - scores.amax(dim=1, keepdim=True)).exp()", "picked.log()": "(picked + 1e-8).log()"}, "For sure and wrong answers the loss is"),
        ({"scores.exp()": "scores.double().exp()"}, "an answer that is wrong the loss is"),
        ({"    return -picked.log().mean()": "    return nn.NLLLoss()(nn.LogSoftmax(dim=1)(scores), y)"}, "That is the loss of PyTorch"),
        ({"def own": "loss_of_theirs = F.cross_entropy\n\ndef own", "    return -picked.log().mean()": "    return loss_of_theirs(scores, y)"}, "That is the loss of PyTorch"),
        ({"    return -picked.log().mean()": "    return torch.ops.aten.cross_entropy_loss(scores, y)"}, "That is the loss of PyTorch"),
    ],
    "wrong": [
        ({"scores.exp()": "(scores - scores.amax(dim=1, keepdim=True)).exp()"}, "an answer that is wrong the loss is inf"),
        ({"scores.exp()": "(scores / 10).exp()"}, "It should be 0.00000"),
        ({"scores.exp()": "(scores - scores.max()).exp()"}, "an answer that is wrong the loss is"),
        ({"    powers = scores.exp()\n    probs = powers / powers.sum(dim=1, keepdim=True)\n": "    probs = scores.softmax(dim=1)\n"}, "an answer that is wrong the loss is inf"),
        ({"picked.log()": "(picked + 1e-8).log()"}, "For scores of 100 and 200 the loss is nan"),
    ],
}
