#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shows generated images to a classifier: does it see the class that they were made for?

    tools/score-samples.py cifar-10-batches-bin --images 500 -- model=cifar10 steps=5

Arguments after -- are properties of ddpmdenoise. Each further -- begins another set of images,
which is made from the same noise. For each set, and first for the real test images, prints which
part of the images the classifier recognises as their class, in all and by class, and the Frechet
distance between its features of the images and of the test split (Heusel et al. 2017, eq. 6, but
with the features of this small network: it compares sets of one run and is not the FID).

The classifier is a residual network of 0.6 million parameters. If its file does not exist, the
script trains it on the training split first: 20 to 30 minutes on one core. Needs python3-torch and
python3-numpy."""
import argparse
import pathlib
import subprocess
import sys

import numpy
import torch
from torch import nn
from torch.nn import functional

SIZE = 32
CLASSES = 10
EPOCHS = 4
BATCH = 128
SHOWN = 250     # images at a time, outside of training
SAMPLED = 20    # images of a buffer of ddpmnoise


def parse_arguments():
    arguments = sys.argv[1:]
    sets = []
    while '--' in arguments:
        at = len(arguments) - 1 - arguments[::-1].index('--')
        sets.insert(0, arguments[at + 1:])
        arguments = arguments[:at]
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('data', type=pathlib.Path, help='folder of CIFAR-10, binary version')
    parser.add_argument('--classifier', type=pathlib.Path, default=pathlib.Path('classifier.pt'))
    parser.add_argument('--images', type=int, default=500, help=f'images of a set, a multiple of {SAMPLED} (500)')
    parser.add_argument('--seed', type=int, default=0, help='seed of the noise')
    options = parser.parse_args(arguments)
    if options.images < SAMPLED or options.images % SAMPLED:
        parser.error(f'--images must be a multiple of {SAMPLED}')
    return options, sets or [[]]


def load(paths):
    """Images (n, 3, 32, 32), bytes, and their labels."""
    rows = numpy.concatenate([numpy.fromfile(path, numpy.uint8).reshape(-1, 1 + 3 * SIZE * SIZE)
                              for path in paths])
    images = rows[:, 1:].reshape(-1, 3, SIZE, SIZE).copy()
    return torch.from_numpy(images), torch.from_numpy(rows[:, 0].astype(numpy.int64))


def sample(options, properties):
    """Image n shows class n mod 10: the default of ddpmdenoise."""
    command = ['gst-launch-1.0', '-q', 'ddpmnoise', f'num-buffers={options.images // SAMPLED}',
               f'batch-size={SAMPLED}', f'seed={options.seed}', '!', 'ddpmdenoise', *properties, '!',
               'videoconvert', '!', f'video/x-raw,format=RGB,width={SIZE},height={SIZE}', '!', 'fdsink']
    pixels = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    images = numpy.frombuffer(pixels, numpy.uint8).reshape(-1, SIZE, SIZE, 3).transpose(0, 3, 1, 2)
    return torch.from_numpy(images.copy()), torch.arange(len(images)) % CLASSES


class Convolution(nn.Module):
    def __init__(self, channels, out):
        super().__init__()
        self.c = nn.Conv2d(channels, out, 3, padding=1, bias=False)
        self.b = nn.BatchNorm2d(out)

    def forward(self, x):
        return functional.relu(self.b(self.c(x)))


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.a = Convolution(channels, channels)
        self.b = Convolution(channels, channels)

    def forward(self, x):
        return x + self.b(self.a(x))


def network():
    """The input of the last layer is called the features of an image."""
    return nn.Sequential(
        nn.Conv2d(3, 32, 4, stride=2, padding=1), nn.ReLU(), Residual(32), Convolution(32, 64),
        nn.MaxPool2d(2), Residual(64), Convolution(64, 128), nn.MaxPool2d(2), Residual(128),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, CLASSES)
    ).to(memory_format=torch.channels_last)


def to_float(images):
    return images.float() / 127.5 - 1


def vary(x):
    if torch.rand(()) < 0.5:
        x = x.flip(3)
    shift = torch.randint(-3, 4, (2,)).tolist()
    return torch.roll(x, shift, (2, 3)).contiguous(memory_format=torch.channels_last)


def train(images, labels):
    torch.manual_seed(0)
    model = network()
    steps = EPOCHS * (len(images) // BATCH)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.2, total_steps=steps, pct_start=0.25)
    for step in range(steps):
        first = step % (len(images) // BATCH) * BATCH
        if first == 0:
            order = torch.randperm(len(images))
        chosen = order[first:first + BATCH]
        loss = functional.cross_entropy(model(vary(to_float(images[chosen]))), labels[chosen],
                                        label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()
        if step % 50 == 0:
            print(f'classifier: step {step} of {steps}, loss {loss.item():.3f}', file=sys.stderr)
    return model


def classifier(options):
    if options.classifier.exists():
        model = network()
        model.load_state_dict(torch.load(options.classifier))
    else:
        model = train(*load(sorted(options.data.glob('data_batch_*.bin'))))
        torch.save(model.state_dict(), options.classifier)
    return model.eval()


def look(model, images):
    """Returns the features (n, 128) and the class that the classifier sees in each image."""
    with torch.no_grad():
        features = torch.cat([model[:-1](to_float(images[i:i + SHOWN]))
                              for i in range(0, len(images), SHOWN)])
        return features.double().numpy(), model[-1](features).argmax(1)


def frechet_distance(a, b):
    covariances = numpy.cov(a.T), numpy.cov(b.T)
    # the trace of the root of a product is the sum of the roots of its eigenvalues
    roots = numpy.sqrt(numpy.maximum(numpy.linalg.eigvals(covariances[0] @ covariances[1]).real, 0))
    apart = a.mean(0) - b.mean(0)
    return apart @ apart + numpy.trace(covariances[0]) + numpy.trace(covariances[1]) - 2 * roots.sum()


def report(name, found, labels, features, real):
    right = (found == labels).float()
    classes = ' '.join(f'{100 * right[labels == c].mean():3.0f}' for c in range(CLASSES))
    error = (right.mean() * (1 - right.mean()) / len(right)) ** 0.5
    print(f'{name:40s} {100 * right.mean():5.1f} +- {100 * error:.1f} %  distance '
          f'{frechet_distance(features, real):5.2f}  by class {classes}', flush=True)


def main():
    options, sets = parse_arguments()
    model = classifier(options)
    images, labels = load([options.data / 'test_batch.bin'])
    real, found = look(model, images)
    report(f'{len(images)} of the test split', found, labels, real, real)
    for properties in sets:
        images, labels = sample(options, properties)
        features, found = look(model, images)
        report(' '.join(properties) or 'as by default', found, labels, features, real)


main()
