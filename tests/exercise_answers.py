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
        ("def near(a, b): return torch.allclose(a, b, rtol=1e-3, atol=1e-5)", "torch.allclose broadcasts"),
        ("def near(a, b): return a.shape == b.shape and torch.allclose(a, b)", "the tolerance is too tight"),
        ("def near(a, b): return a.shape == b.shape and torch.allclose(a, b, rtol=1e-3, atol=0.1)", "the tolerance is too loose"),
        ("def near(a, b): return a.shape == b.shape and bool((a - b).abs().mean() < 1)", "the tolerance is too loose"),
    ],
    "test_near_zero": [
        ("def test_near_zero(a, tol=1e-3): assert (a < tol).all()", "take abs() first"),
        ("def test_near_zero(a, tol=1e-3): assert a.mean().abs() < tol", "looks at their mean or sum"),
        ("def test_near_zero(a, tol=1e-3): assert (a.abs() < 1e-3).all()", "is `tol` used?"),
        ("def test_near_zero(a, tol=1e-3): return a.abs() < tol", "lets 0.5 pass"),
    ],
    "count": [
        ("def count(x): return x.shape[1], x.shape[0]", "n comes first"),
        ("def count(x): return x.numel(), x.shape[1]", "numel counts all numbers"),
        ("def count(x): return len(x), len(x)", "the number of rows only"),
    ],
    "check_data": [
        ("def check_data(x, y, n): assert x.shape == (n, 784)", "a label is missing"),
        ("def check_data(x, y, n): assert len(x) == n and len(y) == n and y.min() >= 0 and y.max() <= 9", "a column is missing"),
        ("def check_data(x, y, n): assert x.shape == (n, 784) and y.shape == (n,) and y.max() <= 9", "a label of -1 is no class"),
        ("def check_data(x, y, n): assert x.shape == (n, 784) and y.shape == (n,) and 0 <= y.min() and y.max() <= 10", "a label of 10"),
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
    ],
    "letters_of_rows": [
        ("letters_of_rows = 'nk,km->nm'", "the plain matrix product"),
        ("letters_of_rows = 'nk,mk->mn'", "lies on its side"),
        ("letters_of_rows = 'nk,nk->n'", "each row met its partner only"),
    ],
}
