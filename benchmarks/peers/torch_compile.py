"""torch.nn with model and loss compiled as one; for each of its two sizes of batch, as one needs no dynamic shapes."""
import torch

from peers import torch_eager


class Compiled:
    def make_forward(self):
        return torch.compile(super().make_forward(), dynamic=False)


class Epoch(Compiled, torch_eager.Epoch):
    pass


class FullBatch(Compiled, torch_eager.FullBatch):
    pass
