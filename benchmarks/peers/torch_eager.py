"""torch.nn, torch.optim.SGD and torch.utils.data.DataLoader, as PyTorch's introduction puts them together."""
import torch
from torch import nn
from torch.utils.data import DataLoader, RandomSampler, TensorDataset

import task


def make_model(weights):
    """Linear layers with copies of `weights`, and a relu between each two."""
    layers = []
    for w, b in zip(weights[::2], weights[1::2]):
        layers += [nn.Linear(w.shape[1], w.shape[0]), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    load(model, weights)
    return model


@torch.no_grad()
def load(model, weights):
    """Copy `weights` into the parameters of a model."""
    for p, w in zip(model.parameters(), weights, strict=True):
        p.copy_(w)


def make_loader(x, y, batch_size, generator):
    """Shuffled batches; a sampler, because a loader that is given the generator draws another number from it first."""
    ds = TensorDataset(x, y)
    return DataLoader(ds, batch_size, sampler=RandomSampler(ds, generator=generator))


class Epoch(task.Epoch):
    def build(self):
        self.model, self.loss_func = make_model(self.start), nn.CrossEntropyLoss()
        self.forward = self.make_forward()
        self.opt = torch.optim.SGD(self.model.parameters(), self.lr)
        self.dl = self.make_loader()

    def make_forward(self):
        return lambda xb, yb: self.loss_func(self.model(xb), yb)

    def make_loader(self):
        return make_loader(self.x, self.y, self.batch_size, self.generator)

    def load(self, weights):
        load(self.model, weights)

    def run(self):
        total = 0.0
        for xb, yb in self.dl:
            self.opt.zero_grad()
            loss = self.forward(xb, yb)
            loss.backward()
            self.opt.step()
            total += loss.item() * len(yb)

    def weights(self):
        return [p.detach() for p in self.model.parameters()]


class FullBatch(task.FullBatch):
    def build(self):
        self.model, self.loss_func = make_model(self.start), nn.MSELoss()
        self.forward = self.make_forward()

    def make_forward(self):
        return lambda x, targ: self.loss_func(self.model(x).squeeze(-1), targ)

    def run(self):
        self.model.zero_grad()
        self.loss = self.forward(self.x, self.targ)
        self.loss.backward()

    def gradients(self):
        return [p.grad for p in self.model.parameters()]


class Loader(task.Loader):
    def build(self):
        self.dl = make_loader(self.x, self.y, self.batch_size, self.generator)

    def run(self):
        for self.last in self.dl:
            pass
