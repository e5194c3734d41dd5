"""torch.nn and torch.optim.SGD, fed by the loader of minibatch_lib."""
from minibatch_lib.minibatch import DataLoader, Dataset
from peers import torch_eager


class Epoch(torch_eager.Epoch):
    def make_loader(self):
        return DataLoader(Dataset(self.x, self.y), self.batch_size, shuffle=True, generator=self.generator)
