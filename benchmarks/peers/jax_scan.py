"""JAX, one compiled function for the whole epoch: lax.scan over the batches, one more step for a short last batch."""
from functools import partial

import jax
import numpy as np

from peers import jax_step


def epoch(lr, params, x, y, batches):
    """The weights and losses after a step on each row of `batches` (n_batches, batch_size)."""
    return jax.lax.scan(lambda params, rows: jax_step.step(lr, params, x, y, rows), params, batches)


class Epoch(jax_step.Epoch):
    def build(self):
        super().build()
        self.epoch = jax.jit(partial(epoch, self.lr), donate_argnums=0)

    def run(self):
        order = self.order().numpy().astype(np.int32)
        n_full = len(order) // self.batch_size * self.batch_size
        batches = order[:n_full].reshape(-1, self.batch_size)
        self.params, losses = self.epoch(self.params, self.x_device, self.y_device, batches)
        if n_full < len(order):
            self.params, _ = self.step(self.params, self.x_device, self.y_device, order[n_full:])
        jax.block_until_ready(self.params)
        np.mean(jax.device_get(losses))
