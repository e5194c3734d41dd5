"""Train the network of the playground on MNIST and write its weights, rounded to bytes, to nbs/live/weights.js."""
import argparse
import base64
import json
from pathlib import Path

import torch
import torch.nn.functional as F

from minibatch_lib.data import get_data
from minibatch_lib.minibatch import SGD, CrossEntropyLoss, Dataset, accuracy, fit, get_dls, get_model

OUT = Path(__file__).parent.parent / "nbs" / "live" / "weights.js"
SHIFT, SCALE, ANGLE = 0.2, 0.25, 0.2  # how far an image drawn by hand may be from one of MNIST (halves, logarithm, radians)


def moved(x, generator):
    """Images (n, 784), each a little shifted, turned, stretched or shrunk."""
    angle, slant, wide, high, across, down = (torch.rand(6, len(x), generator=generator) * 2 - 1)
    wide, high, angle = torch.exp(SCALE * wide), torch.exp(SCALE * high), ANGLE * angle
    rows = [torch.stack([wide * angle.cos(), -angle.sin() + ANGLE * slant, SHIFT * across], 1),
            torch.stack([angle.sin(), high * angle.cos(), SHIFT * down], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), (len(x), 1, 28, 28), align_corners=False)
    return F.grid_sample(x.view(-1, 1, 28, 28), grid, align_corners=False).view(-1, 784)


def rounded(p):
    """A parameter as bytes with one scale for each row: JSON, and the numbers that a reader of it will have."""
    rows = p.reshape(len(p), -1) if p.dim() == 2 else p.reshape(1, -1)
    scale = rows.abs().amax(1, keepdim=True) / 127
    steps = (rows / scale).round().to(torch.int8)
    text = base64.b64encode(steps.numpy().tobytes()).decode()
    scales = [float(f"{each:.6g}") for each in scale.flatten()]
    entry = dict(shape=list(p.shape), scale=scales, steps=text)
    return entry, (steps.double() * torch.tensor(scales, dtype=torch.float64)[:, None]).to(p.dtype).reshape(p.shape)


def train(epochs, folder):
    """A 784-50-10 network, trained on MNIST as it is and as it looks when moved about."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    x_train, y_train, x_valid, y_valid = get_data("mnist", folder)
    model = get_model(784, 50, 10)
    for epoch in range(epochs):
        dls = get_dls(Dataset(moved(x_train, generator), y_train), Dataset(x_valid, y_valid), bs=100, generator=generator)
        optimizer = SGD(model.parameters(), lr=0.1 * (1 - epoch / epochs), momentum=0.9, weight_decay=1e-5)
        fit(1, model, CrossEntropyLoss(), optimizer, *dls, on_epoch=lambda record: print(epoch, record, flush=True))
    return model, x_valid, y_valid


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--folder", help="folder with mnist/*.gz (default: where minibatch_lib looks)")
    args = parser.parse_args()
    model, x_valid, y_valid = train(args.epochs, args.folder)
    entries = {}
    for name, p in model.named_parameters():
        entries[name], p.data = rounded(p.data)
    print(f"rounded: {accuracy(model(x_valid), y_valid):.4f} right of the images kept apart")
    OUT.write_text(f"window.playgroundWeights = {json.dumps(entries, separators=(',', ':'))};\n", encoding="utf-8")
    print(f"{OUT.name}: {OUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
