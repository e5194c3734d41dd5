"""What readers try on the programs to mend: repairs that are right, fake ones that only hide the mistake, and honest errors.

{name: {"right": [edit, ...], "fake": [(edit, part of what the check says), ...], "wrong": [the same]}}; an edit is
{old text: new text}, or a whole program.
"""

ATTEMPTS = {}
NO_CASE = {  # entries of the page of mistakes that make no good case, and why
    "a-star-is-no-product": "not yet",
    "one-letter-two-meanings": "not yet",
    "a-table-for-every-row": "not yet",
    "the-lost-mean": "not yet",
    "a-result-thrown-away": "not yet",
    "sorted-by-class": "not yet",
    "the-last-fifty": "not yet",
    "a-mean-of-means": "not yet",
    "a-file-that-runs": "not yet",
    "somebody-elses-root": "not yet",
    "half-is-not-the-mean": "not yet",
    "drawn-twice": "not yet",
    "no-scale-at-all": "not yet",
    "a-tolerance-by-guess": "not yet",
    "the-option-that-nobody-reads": "not yet",
    "the-code-that-never-ran": "not yet",
    "yesterdays-gradients": "not yet",
    "whose-output": "not yet",
    "written-over": "not yet",
    "a-gradient-for-nobody": "not yet",
    "never-forgotten": "not yet",
    "zeroing-what-is-not-there": "not yet",
    "no-way-back": "not yet",
    "the-corner-of-relu": "not yet",
    "classes-that-float": "not yet",
    "two-of-one-name": "not yet",
    "a-tensor-is-no-parameter": "not yet",
    "the-call-that-was-overridden": "not yet",
    "half-a-layer": "not yet",
    "the-forgotten-return": "not yet",
    "everything-is-a-layer": "not yet",
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
        ({"    return [round(answer.item()) for answer in out]": "    return out.round()"}, "should be one answer"),
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
