"""Build minibatch_lib/fashion_mini.npz from the original training files of Fashion-MNIST."""
import argparse
from pathlib import Path

import numpy as np

from minibatch_lib.data import _read_part

N_TRAIN, N_VALID = 600, 100  # images of each class


def rows_of_each_class(labels, start, stop):
    """Indices of the images numbered start to stop within their class, in original order."""
    return np.sort(np.concatenate([np.flatnonzero(labels == i)[start:stop] for i in range(10)]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", help="folder with fashion_mnist/*.gz (default: where minibatch_lib looks)")
    args = parser.parse_args()
    images, labels = _read_part("fashion_mnist", "train", args.folder, True)
    train = rows_of_each_class(labels, 0, N_TRAIN)
    valid = rows_of_each_class(labels, N_TRAIN, N_TRAIN + N_VALID)
    images = images.reshape(len(images), -1)
    out = Path(__file__).parent.parent / "minibatch_lib" / "fashion_mini.npz"
    np.savez_compressed(out, x_train=images[train], y_train=labels[train], x_valid=images[valid], y_valid=labels[valid])
    print(f"{out.name}: {out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
