"""The calls of PyTorch that a step of minibatch_lib makes, in one function: no modules, and so none of their bookkeeping."""
import torch.nn.functional as F

import task


class Epoch(task.Epoch):
    def load(self, weights):
        self.params = [w.clone() for w in weights]

    def run(self):
        total, layers = 0.0, list(zip(self.params[::2], self.params[1::2]))
        for rows in self.order().split(self.batch_size):
            xb, yb = self.x.index_select(0, rows), self.y.index_select(0, rows)
            inps = []
            out = xb
            for i, (w, b) in enumerate(layers):
                inps.append(out.relu() if i else xb)
                out = F.linear(inps[-1], w, b)
            log_probs = out.log_softmax(dim=-1)
            total += F.nll_loss(log_probs, yb).item() * len(yb)
            g = log_probs.exp_().scatter_(1, yb.unsqueeze(1), -1, reduce="add").mul_(1 / len(yb))
            for i in reversed(range(len(layers))):
                (w, b), inp = layers[i], inps[i]
                w_grad, b_grad = g.t() @ inp, g.sum(dim=0)
                if i:
                    g = inp.sign().mul_(g @ w)
                w.sub_(w_grad, alpha=self.lr)
                b.sub_(b_grad, alpha=self.lr)

    def weights(self):
        return self.params
