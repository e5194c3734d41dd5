"""Wrong answers that a reader may well give: {page: {exercise: [(answer, part of what its check says), ...]}}."""

WRONG = {}

WRONG["00_matmul"] = {
    "matmul_loops": [
        ("""def matmul_loops(a, b):
    c = a.new_zeros(a.shape[0], b.shape[1])
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            for r in range(a.shape[1]): c[i,j] = a[i,r] * b[r,j]
    return c""", "only the last product of each sum is left"),
        ("""def matmul_loops(a, b):
    c = a.new_zeros(a.shape[0], b.shape[1])
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            for r in range(a.shape[1]): c[i,j] += a[i,r] * b[r,j]""", "is there a `return`?"),
        ("""def matmul_loops(a, b):
    c = torch.zeros(a.shape[0], b.shape[1])
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            for r in range(a.shape[1]): c[i,j] += a[i,r] * b[r,j]
    return c""", "whole numbers became floats"),
        ("def matmul_loops(a, b): return a @ b", "add up in Python here, matmul comes later"),
    ],
    "frobenius_norm": [
        ("def frobenius_norm(a): return (a * a).sum()", "the root is missing"),
        ("def frobenius_norm(a): return (a * a).mean().sqrt()", "a mean was taken, not a sum"),
        ("def frobenius_norm(a): return a.abs().sum()", "absolute values were added, not squares"),
        ("def frobenius_norm(a): return (a * a).sum().float().sqrt()", "squares of small whole numbers overflow"),
    ],
    "matmul_dot": [
        ("""def matmul_dot(a, b):
    c = a.new_zeros(a.shape[0], b.shape[1])
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            for r in range(a.shape[1]): c[i,j] += (a[i,r] * b[r,j]).sum()
    return c""", "one loop too many is left"),
        ("""def matmul_dot(a, b):
    c = a.new_zeros(a.shape[0], b.shape[1])
    for i in range(a.shape[0]):
        for j in range(b.shape[1]): c[i,j] = a[i] @ b[:,j]
    return c""", "this step is about sum, not matmul"),
        ("""def matmul_dot(a, b):
    c = a.new_zeros(a.shape[0], b.shape[1])
    for i in range(a.shape[0]):
        for j in range(b.shape[1]): (a[i] * b[:,j]).sum()
    return c""", "all zeros: nothing was added up"),
    ],
    "broadcast_shapes": [
        ("""def broadcast_shapes(*shapes):
    result = []
    for place in range(1, max(map(len, shapes)) + 1):
        sizes = {shape[-place] for shape in shapes if len(shape) >= place} - {1}
        if len(sizes) > 1: raise ValueError('sizes')
        result.append(sizes.pop() if sizes else 1)
    return tuple(result)""", "the places came out in the wrong order"),
        ("""def broadcast_shapes(*shapes):
    longest = max(map(len, shapes))
    padded = [(1,) * (longest - len(shape)) + tuple(shape) for shape in shapes]
    return tuple(max(sizes) for sizes in zip(*padded))""", "1 gives way, it is not the largest that wins"),
        ("""def broadcast_shapes(*shapes):
    longest = max(map(len, shapes))
    padded = [(1,) * (longest - len(shape)) + tuple(shape) for shape in shapes]
    return tuple(([size for size in sizes if size != 1] or [1])[0] for sizes in zip(*padded))""", "raise a ValueError"),
    ],
    "matmul_broadcast": [
        ("""def matmul_broadcast(a, b):
    c = a.new_zeros(a.shape[0], b.shape[1])
    for i in range(a.shape[0]):
        for j in range(b.shape[1]): c[i,j] = (a[i] * b[:,j]).sum()
    return c""", "one loop too many is left"),
        ("""def matmul_broadcast(a, b):
    c = a.new_zeros(a.shape[0], b.shape[1])
    for i in range(a.shape[0]): c[i] = (a[i] * b).sum(dim=0)
    return c""", "it must become a column"),
        ("""def matmul_broadcast(a, b):
    return torch.stack([row @ b for row in a])""", "this step is about sum, not"),
        ("""def matmul_broadcast(a, b):
    c = a.new_zeros(a.shape[0], b.shape[1])
    for i in range(a.shape[0]): c[i] = (a[i][:,None] * b)[-1]
    return c""", "only the last product of each sum is left"),
        ("def matmul_broadcast(a, b): return (a[:,:,None] * b).sum(dim=1)", "it holds all products at once"),
    ],
    "matmul_einsum": [
        ("def matmul_einsum(a, b): return torch.einsum('nk,km->mn', a, b)", "rows and columns are exchanged"),
        ("def matmul_einsum(a, b): return a @ b", "this step is about einsum, not matmul"),
        ("def matmul_einsum(a, b): return torch.einsum('nk,km->nkm', a, b)", "shapes (2, 2, 2) and (2, 2)"),
    ],
    "matmul": [
        ("def matmul(a, b): return a * b", "that is the elementwise product"),
        ("def matmul(a, b): return torch.einsum('nk,km->nm', a, b)", "this step is about matmul, not einsum"),
        ("def matmul(a, b): return (b.t() @ a.t())", "rows and columns are exchanged"),
    ],
    "to_tensors": [
        ("def to_tensors(*arrays): return tuple(torch.Tensor(array) for array in arrays)", "the labels became floats"),
        ("def to_tensors(*arrays): return arrays", "ndarray came out"),
        ("def to_tensors(*arrays): return torch.tensor(arrays[0])", "two tensors should come out"),
        ("def to_tensors(*arrays):\n    for array in arrays: return torch.tensor(array)", "two tensors should come out"),
        ("def to_tensors(*arrays): return map(torch.tensor, arrays)", "in a tuple, and not a map"),
    ],
    "count": [
        ("def count(x): return x.shape[1], x.shape[0]", "n comes first"),
        ("def count(x): return x.numel(), x.shape[1]", "numel counts all numbers"),
        ("def count(x): return len(x), len(x)", "the number of rows only"),
        ("def count(x): return len(x)", "two numbers are asked for"),
    ],
    "check_data": [
        ("def check_data(x, y, n): assert x.shape == (n, 784)", "a label is missing"),
        ("def check_data(x, y, n): assert len(x) == n and len(y) == n and y.min() >= 0 and y.max() <= 9", "a column is missing"),
        ("def check_data(x, y, n): assert x.shape == (n, 784) and y.shape == (n,) and y.max() <= 9", "a label of -1 is no class"),
        ("def check_data(x, y, n): assert x.shape == (n, 784) and y.shape == (n,) and 0 <= y.min() and y.max() <= 10", "a label of 10"),
        ("def check_data(x, y, n): assert x.shape == (n, 784) and y.shape == (n,) and len(y.unique()) == 10", "complains where a class is missing"),
    ],
    "first_image": [
        ("def first_image(x): return x[0]", "still a row"),
        ("def first_image(x): return x[:1].view(-1, 28, 28)", "x[:1] is a table of one row"),
        ("def first_image(x): return x[1].view(28, 28)", "the first row is row 0"),
        ("def first_image(x): return x[0].view(28, 28).t()", "rows and columns are exchanged"),
        ("def first_image(x): return x[0].clone().view(28, 28)", "right, but a copy"),
    ],
    "draw_image": [
        ("def draw_image(ax, row): ax.imshow(row.view(28, 28))", "drawn in the colours of viridis"),
        ("def draw_image(ax, row): ax.imshow(row.view(28, 28).t(), cmap='gray')", "lies on its side"),
        ("def draw_image(ax, row): row.view(28, 28)", "nothing was drawn"),
    ],
    "start_linear": [
        ("def start_linear(n_in, n_out): return torch.rand(n_in, n_out), torch.zeros(n_out)", "rand draws from 0 to 1"),
        ("def start_linear(n_in, n_out): return torch.randn(n_out, n_in), torch.zeros(n_out)", "one row for each input"),
        ("def start_linear(n_in, n_out): return torch.randn(n_in, n_out), torch.zeros(n_in)", "one bias for each output"),
        ("def start_linear(n_in, n_out): return torch.randn(n_in, n_out), torch.randn(n_out)", "does not start at zero"),
    ],
    "score_five": [
        ("def score_five(x, w, b): return x[:5] @ w", "the bias is missing"),
        ("def score_five(x, w, b): return x @ w + b", "all rows, not the first five"),
        ("def score_five(x, w, b): return x[:4] @ w + b", "stops before row 5"),
        ("def score_five(x, w, b): return x[:5] @ (w + b)", "added to the weights"),
        ("def score_five(x, w, b): return x[:5] * w + b", "must match the size of tensor b"),
    ],
    "stride_of_column": [
        ("stride_of_column = (0, 1)", "a row, expanded downwards"),
        ("stride_of_column = (4, 1)", "here only three are stored"),
        ("stride_of_column = (1, 1)", "no step at all"),
        ("stride_of_column = 1", "expected (1, 0), got 1"),
    ],
    "as_column": [
        ("def as_column(x): return x[None]", "a row, (1, n)"),
        ("def as_column(x): return x.t()", "where is the new axis?"),
        ("def as_column(x): return x.clone()[:, None]", "right, but a copy"),
    ],
    "differences": [
        ("def differences(x, y): return x - y[:, None]", "make a column of x, not of y"),
        ("def differences(x, y): return y - x[:, None]", "the wrong way round"),
        ("def differences(x, y): return x - y", "only partners were subtracted"),
    ],
    "center_columns": [
        ("def center_columns(x): return x - x.mean()", "one mean was taken of everything"),
        ("def center_columns(x): return x - x.mean(dim=1, keepdim=True)", "that centres the rows"),
        ("def center_columns(x): return x - x.mean(dim=1)", "laid along a row"),
        ("def center_columns(x): return (x - x.mean(dim=0)) / x.std(dim=0)", "not the standard deviation"),
        ("def center_columns(x): return x.sub_(x.mean(dim=0))", "it changed its input"),
    ],
    "letters_of_rows": [
        ("letters_of_rows = 'ir,rj->ij'", "the plain matrix product"),
        ("letters_of_rows = 'ir,jr->ji'", "lies on its side"),
        ("letters_of_rows = 'ir,ir->i'", "each row met its partner only"),
    ],
}

WRONG["01_forward_backward"] = {
    "normalize": [
        ("def normalize(x, mean, std): return x - mean / std", "subtract first, then divide"),
        ("def normalize(x, mean, std): return (x - mean) / std ** 2", "by the variance"),
        ("def normalize(x, mean, std): return (x - x.mean()) / x.std()", "use the mean and std that are handed in"),
        ("def normalize(x, mean, std): return (x - mean) * std", "multiplied: divide by std"),
        ("def normalize(x, mean, std): return x.sub_(mean) / std", "it changed its input"),
    ],
    "linear": [
        ("def linear(x, w, b): return x * w + b", "`*` multiplies pair by pair"),
        ("def linear(x, w, b): return x @ w", "the bias is missing"),
        ("def linear(x, w, b): return x @ w.t() + b", "no transpose"),
        ("def linear(x, w, b): return w @ x + b", "x comes first"),
    ],
    "relu": [
        ("def relu(x): return x.abs()", "not positive"),
        ("def relu(x): return x.clamp_max(0)", "clamp_max keeps the negative ones"),
        ("def relu(x): return (x > 0).float()", "that is the slope"),
        ("def relu(x): return x.clamp_min_(0)", "it changed its input"),
    ],
    "kaiming_normal": [
        ("def kaiming_normal(n_in, n_out, mode='fan_in', generator=None):\n"
         "    return torch.randn(n_in, n_out, generator=generator) / math.sqrt(n_in if mode == 'fan_in' else n_out)",
         "the factor 2 for the relu is missing"),
        ("def kaiming_normal(n_in, n_out, mode='fan_in', generator=None):\n"
         "    return torch.randn(n_in, n_out, generator=generator) * math.sqrt(2 / n_in)", "mode is not looked at"),
        ("def kaiming_normal(n_in, n_out, mode='fan_in', generator=None):\n"
         "    return torch.randn(n_out, n_in, generator=generator) * math.sqrt(2 / n_in)", "the shape is (n_in, n_out)"),
        ("def kaiming_normal(n_in, n_out, mode='fan_in', generator=None):\n"
         "    return torch.rand(n_in, n_out, generator=generator) * math.sqrt(2 / n_in)", "draw with randn, not rand"),
        ("def kaiming_normal(n_in, n_out, mode='fan_in', generator=None):\n"
         "    return torch.randn(n_in, n_out, generator=generator) * 2 / n_in", "the root is missing"),
        ("def kaiming_normal(n_in, n_out, mode='fan_in', generator=None):\n"
         "    return torch.randn(n_in, n_out) * math.sqrt(2 / (n_in if mode == 'fan_in' else n_out))", "hand `generator` on"),
        ("def kaiming_normal(n_in, n_out, mode='fan_in', generator=None):\n"
         "    return (torch.rand(n_in, n_out, generator=generator) - 0.5) * math.sqrt(24 / n_in)", "draw from the normal distribution"),
    ],
    "general_relu": [
        ("def general_relu(x, offset=0.5): return relu(x - offset)", "the offset comes off *after* the relu"),
        ("def general_relu(x, offset=0.5): return relu(x) - 0.5", "the offset is ignored"),
        ("def general_relu(x, offset=0.5): return relu(x) + offset", "not added"),
        ("def general_relu(x, offset=0.5): return x.clamp_min_(0) - offset", "it changed its input"),
    ],
    "mse": [
        ("def mse(out, targ): return (out - targ).pow(2).mean()", "made a table of n times n"),
        ("def mse(out, targ): return _difference('mse', out, targ).pow(2).sum()", "the sum was taken, not the mean"),
        ("def mse(out, targ): return _difference('mse', out, targ).mean()", "the squares are missing"),
        ("def mse(out, targ): return _difference('mse', out, targ).pow(2).mean().item()", "a tensor is asked for"),
        ("def mse(out, targ): return (out.squeeze() - targ.squeeze()).pow(2).mean()", "must be a ValueError"),
    ],
    "mse_grad": [
        ("def mse_grad(out, targ): out.g = 2 * (out - targ) / len(out)", "made a table of n times n"),
        ("def mse_grad(out, targ): out.g = 2 * _difference('mse_grad', out, targ)", "divided by n"),
        ("def mse_grad(out, targ): out.g = _difference('mse_grad', out, targ) / len(out)", "the factor 2 is missing"),
        ("def mse_grad(out, targ): return 2 * _difference('mse_grad', out, targ) / len(out)", "out has no gradient"),
        ("def mse_grad(out, targ): out.g = -2 * _difference('mse_grad', out, targ) / len(out)", "the wrong sign"),
        ("def mse_grad(out, targ):\n    out.g = 2 * _difference('mse_grad', out, targ) / len(out)\n    targ.g = -out.g.squeeze()", "check_grads: input 1"),
    ],
    "relu_grad": [
        ("def relu_grad(inp, out): inp.g = (inp > 0).float()", "the chain rule multiplies by out.g"),
        ("def relu_grad(inp, out): inp.g = (inp >= 0) * out.g", "at exactly 0 the slope is 0 here"),
        ("def relu_grad(inp, out): inp.g = relu(out.g)", "the sign of the *input* decides"),
        ("def relu_grad(inp, out): inp.g = out * out.g", "times the output"),
        ("def relu_grad(inp, out): inp.g = out.g.mul_(inp > 0)", "out.g was changed on the way"),
        ("def relu_grad(inp, out): inp.g = (out > 0) * out.g", "right for relu"),
    ],
    "linear_grad_outer": [
        ("def linear_grad_outer(inp, out, w, b):\n    inp.g = out.g @ w.t()\n"
         "    w.g = (inp[:, :, None] * out.g[:, None, :]).sum(dim=0)\n    b.g = out.g", "its gradient is a sum over the rows"),
        ("def linear_grad_outer(inp, out, w, b):\n    inp.g = out.g @ w.t()\n"
         "    w.g = (inp[:, None, :] * out.g[:, :, None]).sum(dim=0)\n    b.g = out.g.sum(dim=0)", "w.g lies on its side"),
        ("def linear_grad_outer(inp, out, w, b):\n    inp.g = out.g @ w.t()\n"
         "    w.g = (inp[:, :, None] * out.g[:, None, :]).mean(dim=0)\n    b.g = out.g.sum(dim=0)", "w.g: a mean"),
    ],
    "linear_grad_einsum": [
        ("def linear_grad_einsum(inp, out, w, b):\n    inp.g = out.g @ w.t()\n"
         "    w.g = torch.einsum('ni,nj->ji', inp, out.g)\n    b.g = out.g.sum(dim=0)", "w.g lies on its side"),
        ("def linear_grad_einsum(inp, out, w, b):\n    inp.g = out.g @ w.t()\n"
         "    w.g = torch.einsum('ni,nj->ij', inp, out.g)\n    b.g = out.g.mean(dim=0)", "b.g: a mean"),
        ("def linear_grad_einsum(inp, out, w, b):\n    inp.g = out.g @ w.t()\n"
         "    w.g = (inp[:, :, None] * out.g[:, None, :]).sum(dim=0)\n    b.g = out.g.sum(dim=0)", "it holds n * n_in * n_out numbers"),
        ("def linear_grad_einsum(inp, out, w, b):\n"
         "    w.g = torch.einsum('ni,nj->ij', inp, out.g)\n    b.g = out.g.sum(dim=0)", "inp has no gradient"),
    ],
    "linear_grad": [
        ("def linear_grad(inp, out, w, b, input_grad=True):\n    inp.g = out.g @ w.t()\n"
         "    w.g = inp.t() @ out.g\n    b.g = out.g.sum(dim=0)", "with input_grad=False"),
        ("def linear_grad(inp, out, w, b, input_grad=True):\n    if input_grad: inp.g = out.g @ w.t()\n"
         "    w.g = inp.t() @ out.g\n    b.g = out.g.sum(dim=1)", "added along the rows"),
        ("def linear_grad(inp, out, w, b, input_grad=True):\n    if input_grad: inp.g = out.g @ w.t()\n"
         "    w.g = out.g.t() @ inp\n    b.g = out.g.sum(dim=0)", "w.g lies on its side"),
        ("def linear_grad(inp, out, w, b, input_grad=True):\n    if input_grad: inp.g = out.g @ w.t()\n"
         "    w.g = (inp[:, :, None] * out.g[:, None, :]).sum(dim=0)\n    b.g = out.g.sum(dim=0)", "it holds n * n_in * n_out numbers"),
        ("def linear_grad(inp, out, w, b, input_grad=True):\n    if input_grad: inp.g = out.g @ w.t()\n"
         "    w.g = inp.t() @ out.g\n    b.g = out.g.squeeze().sum(dim=0)", "check_grads: input 2"),
    ],
    "forward_and_backward": [
        ("""def forward_and_backward(x, targ, w1, b1, w2, b2, input_grad=True):
    inp = linear(x, w1, b1)
    hidden = relu(inp)
    out = linear(hidden, w2, b2)
    mse_grad(out, targ)
    linear_grad(hidden, out, w2, b2)
    relu_grad(inp, hidden)
    linear_grad(x, inp, w1, b1, input_grad=input_grad)""", "is there a `return`?"),
        ("""def forward_and_backward(x, targ, w1, b1, w2, b2, input_grad=True):
    out = linear(relu(linear(x, w1, b1)), w2, b2)
    return mse(out, targ)""", "x has no gradient"),
        ("""def forward_and_backward(x, targ, w1, b1, w2, b2, input_grad=True):
    inp = linear(x, w1, b1)
    hidden = relu(inp)
    out = linear(hidden, w2, b2)
    mse_grad(out, targ)
    linear_grad(hidden, out, w2, b2)
    linear_grad(x, hidden, w1, b1, input_grad=input_grad)
    return mse(out, targ)""", "each from the one after it"),
        ("""def forward_and_backward(x, targ, w1, b1, w2, b2, input_grad=True):
    inp = linear(x, w1, b1)
    hidden = relu(inp)
    out = linear(hidden, w2, b2)
    mse_grad(out, targ)
    linear_grad(hidden, out, w2, b2)
    relu_grad(inp, hidden)
    linear_grad(x, inp, w1, b1)
    return mse(out, targ)""", "the gradient of the images must not be worked out"),
    ],
    "normalize_both": [
        ("def normalize_both(x_train, x_valid):\n"
         "    return normalize(x_train, x_train.mean(), x_train.std()), normalize(x_valid, x_valid.mean(), x_valid.std())",
         "use the training statistics"),
        ("def normalize_both(x_train, x_valid):\n    x_train = normalize(x_train, x_train.mean(), x_train.std())\n"
         "    return x_train, normalize(x_valid, x_train.mean(), x_train.std())", "keep those from before"),
        ("def normalize_both(x_train, x_valid):\n    x_train.sub_(x_train.mean()).div_(x_train.std())\n"
         "    return x_train, normalize(x_valid, x_train.mean(), x_train.std())", "keep those from before"),
        ("def normalize_both(x_train, x_valid):\n"
         "    return normalize(x_train, x_train.mean(dim=0), x_train.std(dim=0)), normalize(x_valid, x_train.mean(dim=0), x_train.std(dim=0))",
         "one mean and one std for all pixels"),
    ],
    "sizes": [
        ("def sizes(x, y): return (*x.shape, y.max() + 1)", "make it a whole number"),
        ("def sizes(x, y): return (*x.shape, int(y.max()))", "classes count from 0"),
        ("def sizes(x, y): return (*x.shape, len(y))", "counts labels, not classes"),
    ],
    "start_network": [
        ("def start_network(m, nh): return torch.randn(m, nh), torch.zeros(nh), torch.randn(nh, 1), torch.zeros(1)", "w1 is not scaled"),
        ("def start_network(m, nh):\n    return (torch.randn(m, nh) * math.sqrt(2 / m), torch.zeros(nh),\n"
         "            torch.randn(nh, 1) * math.sqrt(2 / m), torch.zeros(1))", "w2 has nh inputs, not m"),
        ("def start_network(m, nh):\n    return (torch.randn(m, nh) / math.sqrt(m), torch.zeros(nh),\n"
         "            torch.randn(nh, 1) / math.sqrt(nh), torch.zeros(1))", "w1: the factor 2 for the relu is missing"),
        ("def start_network(m, nh):\n    return (torch.randn(m, nh) * math.sqrt(2 / m), torch.randn(nh),\n"
         "            torch.randn(nh, 1) / math.sqrt(nh), torch.zeros(1))", "the biases should be zeros"),
    ],
    "check_start": [
        ("def check_start(w):\n    test_near_zero(w.mean())\n    test_near_zero(w.std() - math.sqrt(2 / w.shape[0]))", "complains of good weights"),
        ("def check_start(w): test_near_zero(w.mean(), tol=4.2 * math.sqrt(2 / w.shape[0]) / math.sqrt(w.numel()))",
         "lets weights pass that lack the factor 2"),
        ("def check_start(w):\n    std = math.sqrt(2 / w.shape[0])\n"
         "    test_near_zero(w.std() - std, tol=4.2 * std / math.sqrt(2 * w.numel()))", "whose mean is off"),
        ("def check_start(w):\n    std = math.sqrt(2 / w.shape[0])\n    test_near_zero(w.mean(), tol=0.02 * std)\n"
         "    test_near_zero(w.std() - std, tol=0.03 * std)", "so the tolerance must depend on it"),
    ],
    "start_by_torch": [
        ("def start_by_torch(n_in, n_out): return torch.nn.init.kaiming_normal_(torch.empty(n_in, n_out))", "say fan_out"),
        ("def start_by_torch(n_in, n_out): return torch.nn.init.kaiming_normal_(torch.empty(n_out, n_in))", "the shape is theirs"),
        ("def start_by_torch(n_in, n_out):\n"
         "    return torch.nn.init.kaiming_normal_(torch.empty(n_in, n_out), mode='fan_out', nonlinearity='linear')", "the gain for relu is missing"),
        ("def start_by_torch(n_in, n_out): return torch.nn.init.kaiming_uniform_(torch.empty(n_in, n_out), mode='fan_out')",
         "the numbers should be normal"),
    ],
    "first_layer_statistics": [
        ("def first_layer_statistics(x, w, b):\n    out = linear(x, w, b)\n    return out.mean().item(), out.std().item()", "before the relu"),
        ("def first_layer_statistics(x, w, b):\n    out = relu(linear(x, w, b))\n    return out.mean().item(), out.var().item()", "the variance"),
        ("def first_layer_statistics(x, w, b):\n    out = relu(linear(x, w, b))\n    return out.mean(), out.std()", "Python numbers are asked for"),
    ],
    "network_of": [
        ("def network_of(x, w1, b1, w2, b2):\n    out = linear(linear(x, w1, b1), w2, b2)\n    assert out.shape == (len(x), 1)\n    return out",
         "the relu between the layers is missing"),
        ("def network_of(x, w1, b1, w2, b2): return linear(relu(linear(x, w1, b1)), w2, b2)", "must fail the assert"),
        ("def network_of(x, w1, b1, w2, b2):\n    out = relu(linear(relu(linear(x, w1, b1)), w2, b2))\n    assert out.shape == (len(x), 1)\n"
         "    return out", "no relu behind the last layer"),
        ("def network_of(x, w1, b1, w2, b2):\n    out = linear(relu(linear(x, w1, b1)), w2, b2)\n    return out.squeeze()", "the shape should be (n, 1)"),
    ],
    "loss_of": [
        ("def loss_of(preds, y): return (preds - y).pow(2).mean()", "made a table of n times n"),
        ("def loss_of(preds, y): return (preds.squeeze(-1) - y).pow(2).sum()", "the sum was taken, not the mean"),
        ("def loss_of(preds, y): return (preds.squeeze(-1).long() - y).float().pow(2).mean()", "the predictions were rounded"),
    ],
}

_TAPED_BACKWARD = """def taped_backward(out, g):
    out.g, waiting = g, {out.call[0]: out}
    while waiting:
        out = waiting.pop(max(waiting))
        _, layer, args = out.call
        touched = [*args, *layer.parameters()]
        before = [getattr(t, 'g', None) for t in touched]
        layer.bwd(out, *args)
        for t, old in zip(touched, before):
            if old is not None: t.g = old + t.g
            if hasattr(t, 'call'): waiting[t.call[0]] = t
"""

_LAYER_NORM = """class LayerNorm(Module):
    def forward(self, inp):
        deviation = (inp.var(dim=-1, keepdim=True, unbiased=False) + 1e-5).sqrt()
        out = (inp - inp.mean(dim=-1, keepdim=True)) / deviation
        out.deviation = deviation
        return out
    def bwd(self, out, inp):
        through_mean = out.g.mean(dim=-1, keepdim=True)
        through_deviation = out * (out.g * out).mean(dim=-1, keepdim=True)
        inp.g = (out.g - through_mean - through_deviation) / out.deviation"""

WRONG["02_modules"] = {
    "CallReLU": [
        ("class CallReLU:\n    def __call__(self, inp): self.inp, self.out = inp, relu(inp)\n"
         "    def backward(self): relu_grad(self.inp, self.out)", "is there a `return`?"),
        ("class CallReLU:\n    def __call__(self, inp):\n        self.inp, self.out = inp, relu(inp)\n        return relu(inp)\n"
         "    def backward(self): relu_grad(self.inp, self.out)", "the very output that it returns"),
        ("class CallReLU:\n    def __call__(self, inp):\n        self.inp, self.out = inp, relu(inp)\n        return self.out\n"
         "    def backward(self): return self.out.g * (self.inp > 0)", "backward did not set .g of the input"),
        ("class CallReLU:\n    def __call__(self, inp):\n        out = relu(inp)\n        return out\n"
         "    def backward(self): relu_grad(self.inp, self.out)", "does the call keep what went in"),
    ],
    "CallLinear": [
        ("class CallLinear:\n    def __init__(self, w, b): self.w, self.b = w, b\n"
         "    def __call__(self, inp):\n        self.inp, self.out = inp, inp @ self.w\n        return self.out\n"
         "    def backward(self): linear_grad(self.inp, self.out, self.w, self.b)", "the bias is missing"),
        ("class CallLinear:\n    def __init__(self, w, b): self.w, self.b = w.clone(), b.clone()\n"
         "    def __call__(self, inp):\n        self.inp, self.out = inp, inp @ self.w + self.b\n        return self.out\n"
         "    def backward(self): linear_grad(self.inp, self.out, self.w, self.b)", "not copies"),
        ("class CallLinear:\n    def __init__(self, w, b): self.w, self.b = w, b\n"
         "    def __call__(self, inp):\n        self.inp, self.out = inp, inp @ self.w + self.b\n        return self.out\n"
         "    def backward(self): linear_grad(self.inp, self.out, self.w, self.b, input_grad=False)", "backward did not set .g of the input"),
    ],
    "CallMSE": [
        ("class CallMSE:\n    def __call__(self, inp, targ):\n        self.inp, self.targ = inp, targ\n        return inp\n"
         "    def backward(self): mse_grad(self.inp, self.targ)", "return their loss"),
        ("class CallMSE:\n    def __call__(self, inp, targ): return mse(inp, targ)\n"
         "    def backward(self): mse_grad(self.inp, self.targ)", "does the call keep what went in"),
        ("class CallMSE:\n    def __call__(self, inp, targ):\n        self.inp, self.targ = inp, targ\n        return mse(inp, targ)\n"
         "    def backward(self): self.inp.g = 2 * (self.inp - self.targ[:, None])", "check_grads: input 0"),
    ],
    "CallModel": [
        ("""class CallModel:
    def __init__(self, w1, b1, w2, b2):
        self.layers, self.loss = [CallLinear(w1, b1), CallReLU(), CallLinear(w2, b2)], CallMSE()
    def __call__(self, x, targ):
        for layer in self.layers: x = layer(x)
        return self.loss(x, targ)
    def backward(self):
        self.loss.backward()
        for layer in self.layers: layer.backward()""", "then the layers in the opposite order"),
        ("""class CallModel:
    def __init__(self, w1, b1, w2, b2):
        self.layers, self.loss = [CallLinear(w1, b1), CallLinear(w2, b2)], CallMSE()
    def __call__(self, x, targ):
        for layer in self.layers: x = layer(x)
        return self.loss(x, targ)
    def backward(self):
        self.loss.backward()
        for layer in reversed(self.layers): layer.backward()""", "the relu between the layers is missing"),
        ("""class CallModel:
    def __init__(self, w1, b1, w2, b2):
        self.layers, self.loss = [CallLinear(w1, b1), CallReLU(), CallLinear(w2, b2)], CallMSE()
    def __call__(self, x, targ):
        for layer in self.layers: x = layer(x)
        return x
    def backward(self):
        for layer in reversed(self.layers): layer.backward()""", "return the loss of it"),
    ],
    "BareModule": [
        ("class BareModule:\n    def __call__(self, *args): self.args, self.out = args, self.forward(*args)\n"
         "    def forward(self, *args): raise NotImplementedError\n    def backward(self): self.bwd(self.out, *self.args)\n"
         "    def bwd(self, out, *args): raise NotImplementedError", "is there a `return`?"),
        ("class BareModule:\n    def __call__(self, *args): return self.forward(*args)\n"
         "    def forward(self, *args): raise NotImplementedError\n    def backward(self): self.bwd(self.out, *self.args)\n"
         "    def bwd(self, out, *args): raise NotImplementedError", "does the call keep what went in"),
        ("class BareModule:\n    def __call__(self, *args):\n        self.args, self.out = args, self.forward(*args)\n        return self.out\n"
         "    def forward(self, *args): pass\n    def backward(self): self.bwd(self.out, *self.args)\n"
         "    def bwd(self, out, *args): raise NotImplementedError", "forward is for subclasses"),
        ("class BareModule:\n    def __call__(self, *args):\n        self.args, self.out = args, self.forward(*args)\n        return self.out\n"
         "    def forward(self, *args): raise NotImplementedError\n    def backward(self): self.bwd(*self.args)\n"
         "    def bwd(self, out, *args): raise NotImplementedError", "bwd is handed the output first"),
    ],
    "BareReLU": [
        ("class BareReLU(BareModule):\n    def forward(self, inp): return relu(inp)\n    def bwd(self, out, inp): relu_grad(out, inp)",
         "does the call keep"),
        ("class BareReLU(BareModule):\n    def __call__(self, inp):\n        self.out, self.args = relu(inp), (inp,)\n        return self.out\n"
         "    def bwd(self, out, inp): relu_grad(inp, out)", "write forward, not __call__"),
        ("class BareReLU(BareModule):\n    def forward(self, inp): relu(inp)\n    def bwd(self, out, inp): relu_grad(inp, out)",
         "is there a `return`?"),
    ],
    "BareMSE": [
        ("class BareMSE(BareModule):\n    def forward(self, inp, targ): return mse(inp, targ)\n    def bwd(self, out, inp, targ): mse_grad(out, targ)",
         "need shapes (n,) or (n, 1)"),
        ("class BareMSE(BareModule):\n    def forward(self, inp, targ): return (inp - targ).pow(2).mean()\n"
         "    def bwd(self, out, inp, targ): mse_grad(inp, targ)", "made a table of n times n"),
        ("class BareMSE(BareModule):\n    def forward(self, inp, targ): return mse(inp, targ)\n    def bwd(self, out, inp, targ): inp.g = out.g",
         "check_grads: input 0"),
    ],
    "LinearOuter": [
        ("class LinearOuter(BareModule):\n    def __init__(self, w, b): self.w, self.b = w, b\n    def forward(self, inp): return inp @ self.w.t() + self.b\n"
         "    def bwd(self, out, inp): linear_grad_outer(inp, out, self.w, self.b)", "no transpose"),
        ("class LinearOuter(BareModule):\n    def __init__(self, w, b): self.w, self.b = w, b\n    def forward(self, inp): return inp @ self.w + self.b\n"
         "    def bwd(self, out, inp): linear_grad_outer(out, inp, self.w, self.b)", "backward failed"),
        ("class LinearOuter(BareModule):\n    def __init__(self, w, b): w, b = w, b\n    def forward(self, inp): return inp @ self.w + self.b\n"
         "    def bwd(self, out, inp): linear_grad_outer(inp, out, self.w, self.b)", "no attribute 'w'"),
    ],
    "LinearEinsum": [
        ("class LinearEinsum(LinearOuter):\n    def bwd(self, out, inp): linear_grad_outer(inp, out, self.w, self.b)", "it holds a table for each row"),
        ("class LinearEinsum(LinearOuter):\n    def bwd(self, out, inp): self.w.g = torch.einsum('ni,nj->ij', inp, out.g)", "a weight has no gradient"),
        ("class LinearEinsum(LinearOuter):\n    def bwd(self, out, inp):\n        linear_grad_einsum(inp, out, self.w, self.b)\n        self.b.g = out.g",
         "check_grads: param 1"),
    ],
    "BareLinear": [
        ("class BareLinear(LinearOuter): pass", "it holds a table for each row"),
        ("class BareLinear(LinearOuter):\n    def bwd(self, out, inp): linear_grad(inp, out, self.w, self.b, input_grad=False)", "did not set .g of the input"),
        ("class BareLinear(LinearOuter):\n    def bwd(self, out, inp):\n        inp.g, self.b.g = out.g @ self.w.t(), out.g.sum(dim=0)\n"
         "        self.w.g = out.g.t() @ inp", "check_grads: param 0"),
    ],
    "BareModel": [
        ("""class BareModel(BareModule):
    def __init__(self, layers, loss): self.layers, self.loss = layers, loss
    def forward(self, x, targ):
        for layer in self.layers: x = layer(x)
        return self.loss(x, targ)
    def bwd(self, out, x, targ):
        for layer in reversed(self.layers): layer.backward()""", "first the loss, then the layers"),
        ("""class BareModel(BareModule):
    def __init__(self, layers, loss): self.layers, self.loss = layers, loss
    def forward(self, x, targ):
        for layer in self.layers: out = layer(x)
        return self.loss(out, targ)
    def bwd(self, out, x, targ):
        self.loss.backward()
        for layer in reversed(self.layers): layer.backward()""", "is each layer given the output of the one before?"),
        ("""class BareModel(BareModule):
    def __init__(self, layers, loss): self.layers, self.loss = layers, loss
    def forward(self, x, targ):
        for layer in self.layers: x = layer(x)
        return x
    def bwd(self, out, x, targ):
        for layer in reversed(self.layers): layer.backward()""", "return the loss of it"),
    ],
    "RegisteringModule": [
        ("""class RegisteringModule:
    def __setattr__(self, name, value):
        self.__dict__.setdefault('layers', {})[name] = value
        super().__setattr__(name, value)
    def __repr__(self): return ', '.join(self.layers)
    def parameters(self):
        for layer in self.layers.values(): yield from layer.parameters()""", "a whole number was noted as a layer"),
        ("""class RegisteringModule:
    def __setattr__(self, name, value):
        if hasattr(value, 'parameters'): self.__dict__.setdefault('layers', {})[name] = value
    def __repr__(self): return ', '.join(self.layers)
    def parameters(self):
        for layer in self.layers.values(): yield from layer.parameters()""", "call super().__setattr__ too"),
        ("""class RegisteringModule:
    def __setattr__(self, name, value):
        if hasattr(value, 'parameters'): self.__dict__.setdefault('layers', {})[name] = value
        super().__setattr__(name, value)
    def __repr__(self): return ', '.join(self.layers)
    def parameters(self):
        for layer in self.layers.values(): yield layer.parameters()""", "parameters should give tensors, not generator"),
        ("""class RegisteringModule:
    def __setattr__(self, name, value):
        if hasattr(value, 'parameters'): self.__dict__['layers'] = {name: value}
        super().__setattr__(name, value)
    def __repr__(self): return ', '.join(self.layers)
    def parameters(self):
        for layer in self.layers.values(): yield from layer.parameters()""", "only the last layer is left"),
    ],
    "order": [
        ("order = [1, 2, 3, 4, 5]", "that is the way forward"),
        ("order = [5, 4, 3, 1, 2]", "the latest first"),
        ("order = [4, 3, 2, 1]", "the loss is a call as well"),
    ],
    "TapedModule": [
        ("""class TapedModule(RegisteringModule):
    def __call__(self, *args):
        out = self.forward(*args)
        if type(self).bwd is not BareModule.bwd: out.call = next(_numbers), self, args
    def backward(self, out, g): taped_backward(out, g)""", "is there a `return`?"),
        ("""class TapedModule(RegisteringModule):
    def __call__(self, *args):
        out = self.forward(*args)
        out.call = next(_numbers), self, args
        return out
    def backward(self, out, g): taped_backward(out, g)""", "a model has left a note over that of its layer"),
        ("""class TapedModule(RegisteringModule):
    number = 0
    def __call__(self, *args):
        out = self.forward(*args)
        if type(self).bwd is not BareModule.bwd: out.call = self.number, self, args
        return out
    def backward(self, out, g): taped_backward(out, g)""", "both calls have the same number"),
        ("""class TapedModule(RegisteringModule):
    def __call__(self, *args):
        out = self.forward(*args)
        if type(self).bwd is not BareModule.bwd: self.call = next(_numbers), self, args
        return out
    def backward(self, out, g): taped_backward(out, g)""", "a layer has left no note in out.call"),
    ],
    "taped_backward": [
        (_TAPED_BACKWARD.replace("max(", "min("), "the earliest was taken first"),
        (_TAPED_BACKWARD.replace("            if old is not None: t.g = old + t.g\n", ""), "x is used twice, so its gradients add up"),
        (_TAPED_BACKWARD.replace("            if hasattr(t, 'call'): waiting[t.call[0]] = t\n", ""), "the way back ends after one call"),
        (_TAPED_BACKWARD.replace("old is not None", "hasattr(t, 'g')").replace("old + t.g", "t.g + t.g"), "the gradient came twice"),
    ],
    "TorchLinear": [
        ("""class TorchLinear(nn.Module):
    def __init__(self, n_in, n_out):
        self.weight = nn.Parameter(torch.randn(n_out, n_in) * math.sqrt(2 / n_in))
        self.bias = nn.Parameter(torch.zeros(n_out))
    def forward(self, inp): return inp @ self.weight.t() + self.bias""", "needs super().__init__()"),
        ("""class TorchLinear(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = torch.randn(n_out, n_in) * math.sqrt(2 / n_in)
        self.bias = torch.zeros(n_out)
    def forward(self, inp): return inp @ self.weight.t() + self.bias""", "plain tensors are not registered"),
        ("""class TorchLinear(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_in, n_out) * math.sqrt(2 / n_in))
        self.bias = nn.Parameter(torch.zeros(n_out))
    def forward(self, inp): return inp @ self.weight + self.bias""", "torch keeps the weight as (n_out, n_in)"),
        ("""class TorchLinear(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_out, n_in) * math.sqrt(2 / n_in))
        self.bias = nn.Parameter(torch.zeros(n_out))
    def __call__(self, inp): return inp @ self.weight.t() + self.bias""", "hooks live in the call"),
    ],
    "Sigmoid": [
        ("class Sigmoid(Module):\n    def forward(self, inp): return 1 / (1 + inp.exp())\n    def bwd(self, out, inp): inp.g = out.g * out * (1 - out)",
         "e to the *minus* x"),
        ("class Sigmoid(Module):\n    def forward(self, inp): return inp.sigmoid()\n    def bwd(self, out, inp): inp.g = out * (1 - out)",
         "the chain rule multiplies by out.g"),
        ("class Sigmoid(Module):\n    def forward(self, inp): return inp.sigmoid()\n    def bwd(self, out, inp): inp.g = out.g * inp * (1 - inp)",
         "said with the *output*"),
        ("class Sigmoid(Module):\n    def forward(self, inp): return inp.sigmoid()\n    def bwd(self, out, inp): return out.g * out * (1 - out)",
         "bwd did not set inp.g"),
    ],
    "LayerNorm": [
        (_LAYER_NORM.replace("unbiased=False", "unbiased=True"), "unbiased=False"),
        (_LAYER_NORM.replace("dim=-1, keepdim=True, unbiased", "dim=0, keepdim=True, unbiased").replace("inp.mean(dim=-1", "inp.mean(dim=0"), "by columns"),
        (_LAYER_NORM.replace(" + 1e-5", ""), "a row of equal numbers divides 0 by 0"),
        (_LAYER_NORM.replace(" - through_mean - through_deviation", ""), "that is one way of three"),
        (_LAYER_NORM.replace(" - through_deviation", ""), "the way through the standard deviation is missing"),
        (_LAYER_NORM.replace(" - through_mean", ""), "the way through the mean is missing"),
        (_LAYER_NORM.replace("= out * (out.g", "= (out.g"), "the third term is the mean of out.g * out, times out"),
        (_LAYER_NORM.replace("        inp.g = ", "        return "), "bwd did not set inp.g"),
    ],
}

_DATASET = """class Dataset:
    def __init__(self, x, y):
        if len(x) != len(y): raise ValueError('lengths')
        self.x, self.y = x, y
    def __len__(self): return {length}
    def __getitem__(self, i): return {item}"""

_SAMPLER = """class BatchSampler:
    def __init__(self, sampler, bs, drop_last=False): self.sampler, self.bs, self.drop_last = sampler, bs, drop_last
    def __len__(self): return {length}
    def __iter__(self):
        rows = list(self.sampler)
        for i in range(0, {stop}, self.bs): yield {batch}"""

_OPTIMIZER = """class Optimizer:
    def __init__(self, params, lr):
        self.params, self.lr = {params}, lr
        if not list(self.params): raise ValueError('no parameters')
    {decorator}
    def step(self):
        for p in self.params:
            {move}
    def zero_grad(self):
        for p in self.params: {zero}"""

_ADAM = """class Adam(Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr)
        self.betas, self.eps, self.all_steps = betas, eps, 0
        self.state = {{p: ({first}, torch.zeros_like(p), torch.zeros_like(p)) for p in self.params}}
    def step(self):
        beta1, beta2 = self.betas
        self.all_steps += 1
        with torch.no_grad():
            for p, (t, mean, square) in self.state.items():
                {skip}
                t, mean, square = t + 1, beta1 * mean + (1 - beta1) * p.grad, beta2 * square + (1 - beta2) * p.grad ** 2
                {keep}
                {move}"""


def _adam(first="0", skip="if p.grad is None: continue", keep="self.state[p] = t, mean, square",
          move="p -= self.lr * mean / (1 - beta1 ** t) / ((square / (1 - beta2 ** t)).sqrt() + self.eps)"):
    return _ADAM.format(first=first, skip=skip, keep=keep, move=move)


_CROSS_ENTROPY_LOSS = """class CrossEntropyLoss(Module):
    def forward(self, inp, targ): return cross_entropy(inp, targ)
    def bwd(self, out, inp, targ):
        probs = inp.softmax(dim=-1)
        right = torch.zeros_like(probs).scatter_(1, targ[:, None], 1.)
        inp.g = {}"""

WRONG["03_minibatch"] = {
    "logsumexp": [
        ("def logsumexp(x): return x.exp().sum(dim=-1).log()", "e^100 overflows"),
        ("def logsumexp(x):\n    largest = x.amax(dim=-1, keepdim=True)\n    return (x - largest).exp().sum(dim=-1).log()", "never put back"),
        ("def logsumexp(x): return x.max() + (x - x.max()).exp().sum(dim=-1).log()", "a largest number of its own"),
        ("def logsumexp(x): return x.logsumexp(dim=0)", "along the wrong axis"),
        ("def logsumexp(x): return x.logsumexp(dim=-1, keepdim=True)", "no keepdim here"),
    ],
    "log_softmax": [
        ("def log_softmax(x): return x - x.exp().sum(dim=-1, keepdim=True).log()", "e^10000 overflows"),
        ("def log_softmax(x):\n    x = x - x.max()\n    return x - x.exp().sum(dim=-1, keepdim=True).log()", "a largest number of its own"),
        ("def log_softmax(x):\n    x = x - x.amax(dim=-1, keepdim=True)\n    return x - x.exp().sum().log()", "one sum over everything"),
        ("def log_softmax(x): return x.softmax(dim=-1)", "their logarithm is asked for"),
        ("def log_softmax(x): return x - x.logsumexp(dim=0)", "along the wrong axis"),
        ("def log_softmax(x): return x - logsumexp(x)[..., None]", "loses digits"),
        ("def log_softmax(x): return x.softmax(dim=-1).log()", "has no logarithm"),
        ("def log_softmax(x): return x - x.amax(dim=-1, keepdim=True)", "only the largest number was subtracted"),
    ],
    "nll_loss": [
        ("def nll_loss(log_probs, targ): return _pick('nll_loss', log_probs, targ).mean()", "the minus is missing"),
        ("def nll_loss(log_probs, targ): return -_pick('nll_loss', log_probs, targ).sum()", "the sum was taken"),
        ("def nll_loss(log_probs, targ): return -(log_probs * F.one_hot(targ, 3)).mean()", "the mean over the whole table"),
        ("def nll_loss(log_probs, targ): return -log_probs[:, targ].mean()", "picks a whole table"),
        ("def nll_loss(log_probs, targ): return -_pick('nll_loss', log_probs.exp(), targ).mean()", "the probabilities were averaged"),
    ],
    "cross_entropy": [
        ("def cross_entropy(inp, targ): return -_pick('cross_entropy', inp, targ).mean()", "the softmax is missing"),
        ("def cross_entropy(inp, targ): return -_pick('cross_entropy', inp.softmax(-1), targ).mean()", "the logarithm is missing"),
        ("def cross_entropy(inp, targ): return -_pick('cross_entropy', log_softmax(inp.softmax(-1)), targ).mean()", "softmax was taken twice"),
        ("def cross_entropy(inp, targ): return _pick('cross_entropy', log_softmax(inp), targ).mean()", "the minus is missing"),
        ("def cross_entropy(inp, targ): return -_pick('cross_entropy', inp.softmax(-1).log(), targ).mean()", "has no logarithm"),
        ("def cross_entropy(inp, targ): return (inp.logsumexp(-1) - _pick('cross_entropy', inp, targ)).mean()", "loses digits"),
        ("def cross_entropy(inp, targ): return nll_loss(log_softmax(inp), targ).item()", "so no .item()"),
        ("def cross_entropy(inp, targ): return (inp.exp().sum(-1).log() - _pick('cross_entropy', inp, targ)).mean()", "e^10000 overflows"),
    ],
    "CrossEntropyLoss": [
        (_CROSS_ENTROPY_LOSS.format("(probs - right) * out.g"), "divided by n"),
        (_CROSS_ENTROPY_LOSS.format("(probs - right) / len(targ)"), "the chain rule: times out.g"),
        (_CROSS_ENTROPY_LOSS.format("(right - probs) * out.g / len(targ)"), "the wrong sign"),
        (_CROSS_ENTROPY_LOSS.format("probs * out.g / len(targ)"), "subtract 1 there"),
        (_CROSS_ENTROPY_LOSS.format("(probs - right.amax(dim=0)) * out.g / len(targ)"), "subtract one 1 a row"),
        (_CROSS_ENTROPY_LOSS.format("(inp - right) * out.g / len(targ)"), "softmax first"),
    ],
    "accuracy": [
        ("def accuracy(out, yb): return (out.argmax(dim=-1) == yb).sum()", "a fraction is asked for"),
        ("def accuracy(out, yb): return (out.argmax(dim=-1) != yb).float().mean()", "the fraction of wrong ones"),
        ("def accuracy(out, yb): return out.gather(1, yb[:, None]).mean()", "the probability of the right class was averaged"),
        ("def accuracy(out, yb): return (out.argmax(dim=-1) == yb).float().mean().item()", "so no .item()"),
        ("def accuracy(out, yb): return (out.argmax(dim=0) == yb).float().mean()", "must match the size"),
    ],
    "Optimizer": [
        (_OPTIMIZER.format(params="list(params)", decorator="@torch.no_grad()", zero="p.grad = None",
                           move="if p.grad is not None: p += self.lr * p.grad"), "uphill!"),
        (_OPTIMIZER.format(params="list(params)", decorator="", zero="p.grad = None",
                           move="if p.grad is not None: p -= self.lr * p.grad"), "torch.no_grad()"),
        (_OPTIMIZER.format(params="list(params)", decorator="@torch.no_grad()", zero="p.grad = None",
                           move="p -= self.lr * p.grad"), "without a gradient stays where it is"),
        (_OPTIMIZER.format(params="list(params)", decorator="@torch.no_grad()", zero="p.grad = None",
                           move="if p.grad is not None: p = p - self.lr * p.grad"), "change the parameter itself"),
        (_OPTIMIZER.format(params="params", decorator="@torch.no_grad()", zero="p.grad = None",
                           move="if p.grad is not None: p -= self.lr * p.grad"), "an iterator is used up"),
        (_OPTIMIZER.format(params="list(params)", decorator="@torch.no_grad()", zero="p.grad.zero_()",
                           move="if p.grad is not None: p -= self.lr * p.grad"), "there is nothing to fill"),
        (_OPTIMIZER.format(params="list(params)", decorator="@torch.no_grad()", zero="pass",
                           move="if p.grad is not None: p -= self.lr * p.grad"), "the gradient is still there"),
    ],
    "Dataset": [
        (_DATASET.format(length="self.x.shape[1]", item="self.x[i], self.y[i]"), "the number of columns"),
        (_DATASET.format(length="len(self.x)", item="self.x[i]"), "an index gives the pair"),
        (_DATASET.format(length="len(self.x)", item="(self.y[i], self.x[i])"), "x comes first"),
        (_DATASET.format(length="len(self.x)", item="(self.x[:, i], self.y[i])"), "an example is a row"),
    ],
    "BatchSampler": [
        (_SAMPLER.format(length="math.ceil(len(self.sampler) / self.bs)", stop="len(rows)", batch="rows[i:i+self.bs]"),
         "drop_last: the short last batch must go"),
        (_SAMPLER.format(length="len(self.sampler) // self.bs", stop="len(rows) - self.bs + 1", batch="rows[i:i+self.bs]"),
         "the short last batch is missing"),
        (_SAMPLER.format(length="len(self.sampler)", stop="len(rows) - (len(rows) % self.bs if self.drop_last else 0)", batch="rows[i:i+self.bs]"),
         "len counts batches, not rows"),
        (_SAMPLER.format(length="math.ceil(len(self.sampler) / self.bs)", stop="len(rows) - (len(rows) % self.bs if self.drop_last else 0)",
                         batch="list(range(i, min(i + self.bs, len(rows))))"), "a short last batch counts, unless drop_last"),
        ("""class BatchSampler:
    def __init__(self, sampler, bs, drop_last=False): self.rows, self.bs, self.drop_last = list(sampler), bs, drop_last
    def __len__(self): return len(self.rows) // self.bs if self.drop_last else math.ceil(len(self.rows) / self.bs)
    def __iter__(self):
        for i in range(len(self)): yield self.rows[i*self.bs:(i+1)*self.bs]""", "ask the sampler anew each time"),
        ("""class BatchSampler:
    def __init__(self, sampler, bs, drop_last=False): self.sampler, self.bs, self.drop_last = sampler, bs, drop_last
    def __len__(self): return len(self.sampler) // self.bs if self.drop_last else math.ceil(len(self.sampler) / self.bs)
    def __iter__(self):
        batch = []
        for row in self.sampler:
            batch.append(row)
            if len(batch) == self.bs:
                yield batch
                batch.clear()
        if batch and not self.drop_last: yield batch""", "begin a new one for each batch"),
    ],
    "mean_over_examples": [
        ("def mean_over_examples(sizes, means): return sum(means) / len(means)", "the mean over *batches*"),
        ("def mean_over_examples(sizes, means): return sum(size * mean for size, mean in zip(sizes, means)) / len(sizes)", "not of batches"),
        ("def mean_over_examples(sizes, means): return sum(size * mean for size, mean in zip(sizes, means))", "divide by the number of examples"),
        ("def mean_over_examples(sizes, means): return sum(means) / sum(sizes)", "weigh each mean"),
        ("def mean_over_examples(sizes, means): return sum(means)", "the sum of the means"),
        ("def mean_over_examples(sizes, means): return sum(size * mean for size, mean in zip(sizes, means)) / sum(sizes)", "leave empty batches out"),
    ],
    "Adam": [
        (_adam(move="p -= self.lr * mean / (square.sqrt() + self.eps)"), "divide each by 1 - beta ** t"),
        (_adam(move="p -= self.lr * mean / ((square / (1 - beta2 ** t)).sqrt() + self.eps)"), "divide it by 1 - beta1 ** t"),
        (_adam(move="p -= self.lr * mean / (1 - beta1 ** t) / (square.sqrt() + self.eps)"), "divide it by 1 - beta2 ** t"),
        (_adam(first="1"), "the first step counts as 1, not as 2"),
        (_adam(first="-1"), "1 - beta ** 0 is 0"),
        (_adam(move="p -= self.lr / (1 - beta1 ** (t - 1)) * mean / ((square / (1 - beta2 ** t)).sqrt() + self.eps)"), "the first step counts as 1"),
        (_adam(move="p -= self.lr * mean / (1 - beta1 ** t) / (square / (1 - beta2 ** t) + self.eps).sqrt()"), "not under it"),
        (_adam(move="p -= self.lr * mean / (1 - beta1 ** t) * (1 - beta2 ** t) ** 0.5 / (square.sqrt() + self.eps)"), "after the correction"),
        (_adam(move="p -= self.lr * mean / (1 - beta1 ** t) / (square / (1 - beta2 ** t) + self.eps)"), "the root is missing"),
        (_adam(move="p += self.lr * mean / (1 - beta1 ** t) / ((square / (1 - beta2 ** t)).sqrt() + self.eps)"), "uphill!"),
        (_adam(move="p = p - self.lr * mean / (1 - beta1 ** t) / ((square / (1 - beta2 ** t)).sqrt() + self.eps)"), "change the parameter itself"),
        (_adam(keep="pass"), "keep the running means"),
        (_adam(skip="pass"), "a parameter without a gradient stays where it is"),
        (_adam(move="t = self.all_steps\n                " + _adam().rsplit("\n", 1)[1].strip()), "does not count for that parameter"),
        (_adam().replace("beta1, beta2 =", "beta2, beta1 ="), "the two betas have changed places"),
        (_adam().replace("self.betas, self.eps, self.all_steps = betas", "self.betas, self.eps, self.all_steps = (0.9, 0.999)"), "betas are not looked at"),
        ("class Adam(torch.optim.Adam): pass", "write the step yourself"),
    ],
}

WRONG["05_inside"] = {
    "living_units": [
        ("def living_units(out): return (out != 0).any(dim=1)", "a unit is a column"),
        ("def living_units(out): return (out != 0).all(dim=0)", "any() is enough"),
        ("def living_units(out): return (out == 0).all(dim=0)", "the other way round"),
        ("def living_units(out): return (out > 0).any(dim=0)", "a negative number is not 0"),
    ],
    "update_size": [
        ("def update_size(before, after): return (after - before).norm()", "divide by its norm"),
        ("def update_size(before, after): return (after - before).norm() / after.norm()", "before the step"),
        ("def update_size(before, after): return before.norm() / (after - before).norm()", "upside down"),
        ("def update_size(before, after): return ((after - before).norm() / before.norm()) ** 2", "a norm has a root"),
        ("def update_size(before, after): return (after.norm() - before.norm()) / before.norm()", "not the difference of the norms"),
        ("def update_size(before, after): return ((after - before).norm() / before.norm()).item()", "leave .item() out"),
    ],
    "gain": [
        ("""def gain(inp, out):
    return inp.var(dim=0, correction=0).mean() / out.var(dim=0, correction=0).mean()""", "upside down"),
        ("def gain(inp, out): return out.square().mean() / inp.square().mean()", "take each column from its own mean"),
        ("def gain(inp, out): return out.var(correction=0) / inp.var(correction=0)", "for each column alone"),
        ("""def gain(inp, out):
    return out.var(dim=0, correction=0).mean() / inp.var(dim=0, correction=0).sum()""", "the sum over the columns"),
        ("""def gain(inp, out):
    return (out.var(dim=0, correction=0).mean() / inp.var(dim=0, correction=0).mean()).item()""", "leave .item() out"),
    ],
    "by_chance": [
        ("def by_chance(units, squares=2): return 4.2 * sum(squares / n for n in units)", "the root is missing"),
        ("def by_chance(units, squares=2): return math.sqrt(sum(squares / n for n in units))", "4.2 times the scatter"),
        ("def by_chance(units, squares=2): return 4.2 * sum(math.sqrt(squares / n) for n in units)", "scatters do not"),
        ("def by_chance(units, squares=2): return 4.2 * math.sqrt(squares / sum(units))", "a scatter of its own"),
        ("def by_chance(units, squares=2): return 4.2 * math.sqrt(sum(2 / n for n in units))", "squares is not looked at"),
    ],
    "images_needed": [
        ("def images_needed(share, chance): return math.floor(math.log(chance) / math.log(1 - share))", "round up"),
        ("def images_needed(share, chance): return math.ceil(math.log(1 - share) / math.log(chance))", "upside down"),
        ("def images_needed(share, chance): return math.ceil(1 / share)", "no promise"),
        ("def images_needed(share, chance): return math.log(chance) / math.log(1 - share)", "round up"),
    ],
}

WRONG["04_training"] = {
    "EpochBatches": [
        ("""class EpochBatches:
    def __init__(self, n, bs, seed): self.n, self.bs, self.seed, self.epoch, self.start = n, bs, seed, 0, 0
    def __len__(self): return math.ceil(self.n / self.bs)
    def __iter__(self):
        order = np.random.permutation(self.n).tolist()
        for i in range(self.start, len(self)): yield order[i * self.bs:(i + 1) * self.bs]""", "another order at the second try"),
        ("""class EpochBatches:
    def __init__(self, n, bs, seed): self.n, self.bs, self.seed, self.epoch, self.start = n, bs, seed, 0, 0
    def __len__(self): return math.ceil(self.n / self.bs)
    def __iter__(self):
        order = np.random.default_rng(self.seed).permutation(self.n).tolist()
        for i in range(self.start, len(self)): yield order[i * self.bs:(i + 1) * self.bs]""", "the epoch belongs to the seed"),
        ("""class EpochBatches:
    def __init__(self, n, bs, seed): self.n, self.bs, self.seed, self.epoch, self.start = n, bs, seed, 0, 0
    def __len__(self): return math.ceil(self.n / self.bs)
    def __iter__(self):
        order = np.random.default_rng(self.seed + self.epoch).permutation(self.n).tolist()
        for i in range(self.start, len(self)): yield order[i * self.bs:(i + 1) * self.bs]""", "seed + epoch will not do"),
        ("""class EpochBatches:
    def __init__(self, n, bs, seed): self.n, self.bs, self.seed, self.epoch, self.start = n, bs, seed, 0, 0
    def __len__(self): return math.ceil(self.n / self.bs)
    def __iter__(self):
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.n).tolist()
        for i in range(len(self)): yield order[i * self.bs:(i + 1) * self.bs]""", "`start` is not looked at"),
        ("""class EpochBatches:
    def __init__(self, n, bs, seed): self.n, self.bs, self.seed, self.epoch, self.start = n, bs, seed, 0, 0
    def __len__(self): return self.n // self.bs
    def __iter__(self):
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.n).tolist()
        for i in range(self.start, len(self)): yield order[i * self.bs:(i + 1) * self.bs]""", "batches of 3, 3 and 1, not of 3, 3"),
        ("""class EpochBatches:
    def __init__(self, n, bs, seed): self.n, self.bs, self.seed, self.epoch, self.start = n, bs, seed, 0, 0
    def __len__(self): return math.ceil(self.n / self.bs)
    def __iter__(self):
        for i in range(self.start, len(self)): yield list(range(self.n))[i * self.bs:(i + 1) * self.bs]""", "in the order of the data"),
    ],
    "save_state": [
        ("def save_state(path, model, opt): save_file(model.state_dict(), path)", "velocity.0 is missing"),
        ("def save_state(path, model, opt): save_file({f'velocity.{i}': opt.state[p]['momentum_buffer'] for i, p in enumerate(model.parameters())}, path)",
         "is missing: model.state_dict() has all weights"),
        ("def save_state(path, model, opt): save_file(model.state_dict() | {f'velocity.{i}': p.grad for i, p in enumerate(model.parameters())}, path)",
         "that is the last gradient"),
        ("def save_state(path, model, opt): return model.state_dict() | {f'velocity.{i}': opt.state[p] for i, p in enumerate(model.parameters())}",
         "the folder should hold one new file, and holds 0"),
        ("""def save_state(path, model, opt):
    save_file(model.state_dict(), path)
    save_file({f'velocity.{i}': opt.state[p]['momentum_buffer'] for i, p in enumerate(model.parameters())}, path + '.opt')""",
         "one new file, and holds 2"),
    ],
    "load_state": [
        ("""def load_state(path, model, opt):
    state = load_file(path)
    model.load_state_dict({name: t for name, t in state.items() if not name.startswith('velocity.')})""", "the optimizer knows no velocity"),
        ("def load_state(path, model, opt): model.load_state_dict(load_file(path))", "the velocities are no part of the model"),
        ("""def load_state(path, model, opt):
    state = load_file(path)
    for i, p in enumerate(model.parameters()): opt.state[p]['momentum_buffer'] = state[f'velocity.{i}']""", "differ"),
        ("""def load_state(path, model, opt):
    state = load_file(path)
    model.load_state_dict({name: t for name, t in state.items() if not name.startswith('velocity.')})
    for i, p in enumerate(model.parameters()): opt.state[p]['momentum_buffer'] = state['velocity.0']""", "shape"),
        ("""def load_state(path, model, opt):
    state = load_file(path)
    model = get_model(4, 5, 3)
    model.load_state_dict({name: t for name, t in state.items() if not name.startswith('velocity.')})
    opt = SGD(model.parameters(), 0.1, 0.9)
    for i, p in enumerate(model.parameters()): opt.state[p]['momentum_buffer'] = state[f'velocity.{i}']""", "differ"),
    ],
    "cosine_lr": [
        ("def cosine_lr(step, steps, lr): return lr * math.cos(math.pi * step / steps)", "below 0"),
        ("def cosine_lr(step, steps, lr): return lr * (1 + math.cos(math.pi * step / steps))", "twice as large"),
        ("def cosine_lr(step, steps, lr): return lr * (1 - math.cos(math.pi * step / steps)) / 2", "the wrong way round"),
        ("def cosine_lr(step, steps, lr): return lr * (1 + math.cos(180 * step / steps)) / 2", "radians"),
        ("def cosine_lr(step, steps, lr): return lr * (1 + math.cos(2 * math.pi * step / steps)) / 2", "a whole wave"),
        ("def cosine_lr(step, steps, lr): return lr * math.cos(math.pi / 2 * step / steps)", "a quarter of a wave"),
        ("def cosine_lr(step, steps, lr): return lr * (1 - step / steps)", "falls evenly"),
        ("def cosine_lr(step, steps, lr): return (1 + math.cos(math.pi * step / steps)) / 2", "lr is missing"),
    ],
    "is_over": [
        ("def is_over(valid_losses, patience): return valid_losses[-1] > valid_losses[-2]", "not three: an epoch too early"),
        ("def is_over(valid_losses, patience): return len(valid_losses) - 1 - valid_losses.index(min(valid_losses)) > patience", "and a patience of 2: stop"),
        ("def is_over(valid_losses, patience): return len(valid_losses) - valid_losses.index(min(valid_losses)) >= patience", "go on"),
        ("def is_over(valid_losses, patience): return all(b > a for a, b in zip(valid_losses[-patience - 1:], valid_losses[-patience:]))", "compare with the best"),
        ("def is_over(valid_losses, patience): return len(valid_losses) - 1 - valid_losses.index(max(valid_losses)) >= patience", "go on"),
        ("def is_over(valid_losses, patience): len(valid_losses) - 1 - valid_losses.index(min(valid_losses)) >= patience", "is there a `return`?"),
    ],
}

WRONG["testing"] = {
    "test": [
        ("def test(a, b, compare): assert a == b, f'{a} {b}'", "AssertionError: 1 2"),
        ("def test(a, b, compare): assert compare(a, b)", "the message does not show both values"),
        ("def test(a, b, compare): return compare(a, b)", "test lets two different things pass"),
    ],
    "test_equal": [
        ("def test_equal(a, b): assert (a == b).all()", "(3,) and (3, 1) pass"),
        ("def test_equal(a, b): assert a.shape == b.shape and (a == b).any()", "all must be equal"),
        ("def test_equal(a, b): assert a.shape == b.shape and a.sum() == b.sum()", "numbers with the same sum"),
        ("def test_equal(a, b): assert a is b", "not the same object"),
    ],
    "near": [
        ("def near(a, b, rtol=1e-3, atol=1e-5): return torch.allclose(a, b, rtol=rtol, atol=atol)", "torch.allclose broadcasts"),
        ("def near(a, b, rtol=1e-3, atol=1e-5): return a.shape == b.shape and torch.allclose(a, b)", "hand rtol on"),
        ("def near(a, b, rtol=1e-3, atol=1e-5): return a.shape == b.shape and torch.allclose(a, b, rtol=rtol, atol=0)", "hand atol on too"),
        ("def near(a, b, rtol=1e-3, atol=1e-5): return a.shape == b.shape and torch.allclose(a, b, rtol=rtol, atol=0.1)", "the tolerance is too loose"),
        ("def near(a, b, rtol=1e-3, atol=1e-5): return a.shape == b.shape and bool((a - b).abs().mean() < 1)", "the tolerance is too loose"),
    ],
    "test_near_zero": [
        ("def test_near_zero(a, tol=1e-3): assert (a < tol).all()", "take abs() first"),
        ("def test_near_zero(a, tol=1e-3): assert a.mean().abs() < tol", "looks at their mean or sum"),
        ("def test_near_zero(a, tol=1e-3): assert (a.abs() < 1e-3).all()", "is `tol` used?"),
        ("def test_near_zero(a, tol=1e-3): return a.abs() < tol", "lets 0.5 pass"),
        ("def test_near_zero(a, tol=1e-3): assert not (a.abs() >= tol).any()", "lets nan pass"),
    ],
}

SHARES = """class Shares:
    at, lost = 0, False
    def __init__(self, batches, rank=None, size=None): self.batches, self.rank, self.size = batches, rank, size
    def __len__(self): return len(self.batches)
    def __iter__(self): return (self.of(rows) or rows[:1] for rows in self.batches)
    def of(self, rows): return rows[self.rank::self.size]
    def on_batch(self, *_): self.at = (self.at + 1) % len(self)
    def counts(self):
        rows = range(self.at * self.batches.bs, min((self.at + 1) * self.batches.bs, self.batches.n))
        return len(self.of(rows)), len(rows)
    def weight(self):
        n, n_all = self.counts()
        return n / n_all"""

WRONG["06_distributed"] = {
    "Shares": [
        (SHARES.replace("rows[self.rank::self.size]", "rows[self.rank * (k := len(rows) // self.size):(self.rank + 1) * k]"), "some rows are nobody's"),
        (SHARES.replace("rows[self.rank::self.size]", "[rows[i % len(rows)] for i in range(self.rank, -(-len(rows) // self.size) * self.size, self.size)]"),
         "more is counted than there is"),
        (SHARES.replace("self.of(rows) or rows[:1]", "self.of(rows)"), "an empty list is nothing to work on"),
        (SHARES.replace("return n / n_all", "return 1 / self.size"), "not 1 / size"),
        (SHARES.replace("len(self.of(rows)), len", "max(1, len(self.of(rows))), len"), "that is taken for want of a share counts 0"),
        (SHARES.replace("min((self.at + 1) * self.batches.bs, self.batches.n)", "(self.at + 1) * self.batches.bs"), "the last batch may be shorter"),
        (SHARES.replace("(self.at + 1) % len(self)", "self.at + 1"), "after the last batch comes the first"),
        (SHARES.replace("return len(self.batches)", "return self.batches.n"), "the length is the number of batches"),
    ],
    "average_grads": [
        ("""def average_grads(params, weight):
    for p in params:
        if p.grad is not None: dist.all_reduce(p.grad.mul_(weight))""", "right, but in 2 calls"),
        ("""def average_grads(params, weight):
    grads = [p.grad for p in params if p.grad is not None]
    flat = torch.cat([g.reshape(-1) for g in grads])
    dist.all_reduce(flat)
    for g, part in zip(grads, (flat / dist.get_world_size()).split([g.numel() for g in grads])): g.copy_(part.view_as(g))""", "that is the mean of the means"),
        ("""def average_grads(params, weight):
    flat = torch.cat([p.grad.reshape(-1) for p in params if p.grad is not None]) * weight
    dist.all_reduce(flat)""", "the sum never came back"),
        ("""def average_grads(params, weight):
    grads = [p.grad for p in params if p.grad is not None]
    flat = torch.cat([g.reshape(-1) for g in grads])
    dist.all_reduce(flat)
    for g, part in zip(grads, (flat * weight).split([g.numel() for g in grads])): g.copy_(part.view_as(g))""", "multiply before the sum"),
        ("""def average_grads(params, weight):
    params = list(params)
    flat = torch.cat([p.grad.reshape(-1) for p in params]) * weight
    dist.all_reduce(flat)
    for p, part in zip(params, flat.split([p.numel() for p in params])): p.grad = part.view_as(p)""", "a parameter may have no gradient"),
        ("""def average_grads(params, weight):
    for p in params:
        if p.grad is not None: p.grad *= weight""", "nobody was asked"),
    ],
    "Link": [
        (f"""class Link(NamedTuple):
    latency: float
    bandwidth: float
    def all_reduce(self, n_bytes, workers): return {seconds}""", said) for seconds, said in [
            ("(workers - 1) * (self.latency + n_bytes / workers / self.bandwidth)", "that is half of the way"),
            ("2 * workers * (self.latency + n_bytes / workers / self.bandwidth)", "one round fewer than there are processes"),
            ("2 * (workers - 1) * (self.latency + n_bytes / self.bandwidth)", "not the whole vector"),
            ("self.latency + 2 * (workers - 1) * n_bytes / workers / self.bandwidth", "every round has a latency"),
            ("2 * (workers - 1) * (self.latency + n_bytes / workers * self.bandwidth)", "bytes per second are seconds"),
        ]],
    "efficiency": [
        ("def efficiency(step_seconds, n_bytes, workers, link, hidden=0.):\n" + body, said) for body, said in [
            ("    return link.all_reduce(n_bytes, workers) / (step_seconds + link.all_reduce(n_bytes, workers))", "that is the part of waiting"),
            ("    return step_seconds / (step_seconds + link.all_reduce(n_bytes, workers))", "hidden is not used"),
            ("    return step_seconds / (step_seconds + link.all_reduce(n_bytes, workers) - hidden * step_seconds)", "at least 0"),
            ("    return step_seconds / (step_seconds + (1 - hidden) * link.all_reduce(n_bytes, workers))", "a part of the computation, not of the sum"),
            ("    return 1 - link.all_reduce(n_bytes, workers) / step_seconds", "divide by both together"),
        ]],
    "rows_needed": [
        (f"def rows_needed(wanted, row_seconds, n_bytes, workers, link): return {rows}", said) for rows, said in [
            ("math.ceil(link.all_reduce(n_bytes, workers) / row_seconds)", "efficiency 0.5"),
            ("math.floor(wanted / (1 - wanted) * link.all_reduce(n_bytes, workers) / row_seconds)", "round up"),
            ("math.ceil(link.all_reduce(n_bytes, workers) / (1 - wanted) / row_seconds)", "computing and waiting together"),
            ("math.ceil((1 - wanted) / wanted * link.all_reduce(n_bytes, workers) / row_seconds)", "upside down"),
            ("math.ceil(wanted / (1 - wanted) * link.all_reduce(n_bytes, workers) * row_seconds)", "divide by the time for a row"),
        ]],
}
