"""scikit-learn's MLPClassifier: one partial_fit is one epoch of plain gradient descent, shuffled by itself."""
import numpy as np
from sklearn.neural_network import MLPClassifier

import task


class Epoch(task.Epoch):
    def build(self):
        self.random_state = np.random.RandomState()
        self.mlp = MLPClassifier(self.sizes[1:-1], solver="sgd", momentum=0, alpha=0, learning_rate_init=self.lr,
                                 batch_size=self.batch_size, random_state=self.random_state)
        n = min(len(self.x), self.batch_size)
        self.mlp.partial_fit(self.x[:n].numpy(), self.y[:n].numpy(), classes=np.arange(self.sizes[-1]))

    def load(self, weights):
        for own, w in zip(self.mlp.coefs_, weights[::2], strict=True):
            own[...] = w.t()
        for own, b in zip(self.mlp.intercepts_, weights[1::2], strict=True):
            own[...] = b

    def shuffle(self, seed):
        """Lay the rows out so that the order which it will draw gives the batches that the others have."""
        super().shuffle(seed)
        self.random_state.seed(seed)
        drawn = np.arange(len(self.x))
        self.random_state.shuffle(drawn)
        self.random_state.seed(seed)
        order, back = self.order(), np.argsort(drawn)
        self.x_laid, self.y_laid = (t[order].numpy()[back] for t in (self.x, self.y))

    def run(self):
        self.mlp.partial_fit(self.x_laid, self.y_laid)

    def weights(self):
        return [t for w, b in zip(self.mlp.coefs_, self.mlp.intercepts_) for t in (w.T, b)]
