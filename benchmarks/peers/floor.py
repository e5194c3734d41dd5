"""What no method can leave out: one gather of each batch and the matrix products of its step, into ready buffers."""
import torch

import task


def products(weights, rows):
    """A function (x, g) that does the matrix products of one step on `rows` rows, without relu, bias, loss or update; and
    the buffer in which it leaves the output."""
    ws = weights[::2]
    outs = [torch.empty(rows, len(w)) for w in ws]
    gs = [torch.zeros(rows, len(w)) for w in ws]
    w_grads = [torch.empty_like(w) for w in ws]

    def run(x):
        inp = x
        for w, out in zip(ws, outs):
            torch.mm(inp, w.t(), out=out)
            inp = out
        for i in reversed(range(len(ws))):
            torch.mm(gs[i].t(), outs[i - 1] if i else x, out=w_grads[i])
            if i:
                torch.mm(gs[i], ws[i], out=gs[i - 1])

    return run


class Epoch(task.Epoch):
    def build(self):
        self.steps = {}
        for n in {min(self.batch_size, len(self.x)), len(self.x) % self.batch_size} - {0}:
            self.steps[n] = torch.empty(n, self.x.shape[1]), products(self.start, n)

    def shuffle(self, seed):
        super().shuffle(seed)
        self.batches = self.order().split(self.batch_size)

    def run(self):
        for rows in self.batches:
            xb, step = self.steps[len(rows)]
            torch.index_select(self.x, 0, rows, out=xb)
            step(xb)

    def check(self):
        return {}


class FullBatch(task.FullBatch):
    def build(self):
        self.products = products(self.start, len(self.x))

    def run(self):
        self.products(self.x)

    def check(self):
        return {}


class Loader(task.Loader):
    def prepare(self):
        super().prepare()
        self.batches = self.order().split(self.batch_size)

    def run(self):
        for rows in self.batches:
            self.last = self.x.index_select(0, rows), self.y.index_select(0, rows)
