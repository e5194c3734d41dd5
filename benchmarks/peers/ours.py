"""minibatch_lib as its pages show it: get_model, fit, SGD and DataLoader."""
import task
from minibatch_lib.forward_backward import forward_and_backward
from minibatch_lib.minibatch import SGD, CrossEntropyLoss, DataLoader, Dataset, fit, get_model
from minibatch_lib.modules import MSELoss


def make_model(sizes, weights):
    """The layers of `sizes`, with copies of `weights`."""
    model = get_model(sizes[0], sizes[1:-1], sizes[-1])
    model.load_state_dict(dict(zip(model.state_dict(), weights, strict=True)))
    return model


class Epoch(task.Epoch):
    def build(self):
        self.model, self.loss_func = make_model(self.sizes, self.start), CrossEntropyLoss()
        self.opt = SGD(self.model.parameters(), self.lr)
        self.dl = DataLoader(Dataset(self.x, self.y), self.batch_size, shuffle=True, generator=self.generator)

    def load(self, weights):
        self.model.load_state_dict(dict(zip(self.model.state_dict(), weights, strict=True)))

    def run(self):
        fit(1, self.model, self.loss_func, self.opt, self.dl, None)

    def weights(self):
        return [p.detach() for p in self.model.parameters()]


class FullBatch(task.FullBatch):
    def build(self):
        self.model, self.loss_func = make_model(self.sizes, self.start), MSELoss()

    def run(self):
        self.model.zero_grad()
        self.loss = self.loss_func(self.model(self.x), self.targ)
        self.loss.backward()

    def gradients(self):
        return [p.grad for p in self.model.parameters()]


class FullBatchByFunction(task.FullBatch):
    """Without modules: one function, which writes over what it needs no more."""

    def build(self):
        self.params = [p.t().contiguous() if p.dim() == 2 else p for p in self.start]

    def run(self):
        self.loss = forward_and_backward(self.x, self.targ, *self.params, input_grad=False)

    def gradients(self):
        return [p.g for p in self.params]


class Loader(task.Loader):
    def build(self):
        self.dl = DataLoader(Dataset(self.x, self.y), self.batch_size, shuffle=True, generator=self.generator)

    def run(self):
        for self.last in self.dl:
            pass
