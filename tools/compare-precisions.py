#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains one network in float and in bf16, and draws the curves of their losses.

    tools/compare-precisions.py cifar-10-batches-bin --steps 1000 --output precisions.png

Both see the same images, timesteps and noise in a step, so that their losses can be subtracted
step by step. Prints the mean difference with its standard error, and for comparison the
difference that another seed makes. On a processor without bf16, --precision bf16-emulated
rounds as bf16 does. Arguments after -- are properties of ddpmtrainsink."""
import argparse
import csv
import pathlib
import statistics
import subprocess
import sys
import tempfile

import matplotlib
matplotlib.use('Agg')
import matplotlib.pyplot as pyplot  # noqa: E402 (after the choice of its backend)

WINDOW = 50


def parse_arguments():
    arguments = sys.argv[1:]
    properties = []
    if '--' in arguments:
        at = arguments.index('--')
        arguments, properties = arguments[:at], arguments[at + 1:]
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('data', help='location of cifarsrc')
    parser.add_argument('--precision', default='bf16', help='bf16 or bf16-emulated, to compare with f32 (bf16)')
    parser.add_argument('--steps', type=int, default=1000)
    parser.add_argument('--output', default='precisions.png')
    options = parser.parse_args(arguments)
    if options.steps < 2:
        parser.error('--steps must be 2 or more')
    return options, properties


def losses(folder, options, properties, precision, seed):
    log = folder / f'{precision}-{seed}.csv'
    subprocess.run(['gst-launch-1.0', '-q', 'cifarsrc', f'location={options.data}', 'epochs=0',
                    f'seed={seed}', '!', 'ddpmtrainsink', f'location={log}.bin', f'log-location={log}',
                    f'seed={seed}', 'checkpoint-interval=0',
                    f'precision={precision}', f'max-steps={options.steps}', *properties],
                   check=True, stdout=subprocess.DEVNULL)
    with open(log, newline='', encoding='ascii') as file:
        return [float(row['loss']) for row in csv.DictReader(file)]


def smooth(values):
    return [statistics.fmean(values[max(0, i + 1 - WINDOW):i + 1]) for i in range(len(values))]


def difference(name, one, other):
    """Compares the second halves: at first, losses fall fast."""
    apart = [a - b for a, b in zip(one, other)][len(one) // 2:]
    mean = statistics.fmean(apart)
    error = statistics.stdev(apart) / len(apart) ** .5
    level = statistics.fmean(other[len(other) // 2:])
    print(f'{name}: {mean:+.6f} +- {error:.6f} a step ({100 * mean / level:+.2f} % of a loss of {level:.5f})')


def main():
    options, properties = parse_arguments()
    runs = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for label, precision, seed in (('f32', 'f32', 1), (options.precision, options.precision, 1),
                                       ('f32, another seed', 'f32', 2)):
            runs[label] = losses(folder, options, properties, precision, seed)
            print(f'{label}: {len(runs[label])} steps', file=sys.stderr)
    difference(f'{options.precision} less f32', runs[options.precision], runs['f32'])
    difference('another seed less f32', runs['f32, another seed'], runs['f32'])

    figure, axes = pyplot.subplots(figsize=(8, 4.5))
    for (label, values), style in zip(runs.items(), ('-', '--', ':')):
        axes.plot(range(1, len(values) + 1), smooth(values), style, label=label, linewidth=1.2)
    axes.set(xlabel='step', ylabel=f'loss, mean of {WINDOW} steps', yscale='log')
    axes.grid(alpha=.3, which='both')
    axes.legend()
    figure.tight_layout()
    figure.savefig(options.output, dpi=100)
    print(f'{options.output}: the curves')


if __name__ == '__main__':
    main()
