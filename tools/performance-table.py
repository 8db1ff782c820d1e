#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures this machine for docs/performance.md, and prints the section in Markdown: what
ddpm-bench says of the usual networks and batches in each precision, and the programs of
tools/bench-peers.py beside it.

    tools/performance-table.py >section.md
    tools/performance-table.py --precision f32 --rounds 3 --no-peers

A figure is the median of the rounds, of all columns and precisions in turn."""
import argparse
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
COLUMNS = (
    ('default network, forward, batch 1', 'evaluations',
     'forward --batch 1 --repeats 10'),
    ('forward, batch 16', 'evaluations', 'forward --batch 16 --repeats 5'),
    ('train, batch 32', 'images', 'train --batch 32 --repeats 2'),
    ('`cifar10`, train, batch 16', 'images', 'train --model= --batch 16 --repeats 5'),
    ('`cifar10`, sample, batch 1', 'images', 'sample --model= --batch 1 --steps 4 --repeats 10'),
    ('`cifar10`, sample, batch 8', 'images', 'sample --model= --batch 8 --steps 4 --repeats 5'),
)
PEERS = ('--mode forward --batch 1', '--mode forward --batch 16 --repeats 3',
         '--mode train --batch 32 --repeats 1')


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--bench', default=str(ROOT / 'build' / 'tools' / 'ddpm-bench'),
                        help='the program ddpm-bench (build/tools/ddpm-bench)')
    parser.add_argument('--precision', action='append', choices=('f32', 'bf16'),
                        help='one of them only (both, where the machine has bf16)')
    parser.add_argument('--rounds', type=int, default=5, help='rounds of all runs (5)')
    parser.add_argument('--threads', type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument('--no-peers', action='store_true',
                        help='leave out tools/bench-peers.py, which takes most of the time')
    return parser.parse_args()


def bench(o, arguments, precision):
    """What ddpm-bench measured; None where this machine has no such precision"""
    done = subprocess.run([o.bench, *arguments.split(), '--json', f'--precision={precision}',
                           f'--threads={o.threads}'],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode and precision == 'f32':
        sys.exit(done.stderr)
    return None if done.returncode else json.loads(done.stdout)


def median(runs, *path):
    def of(run):
        for key in path:
            run = run[key]
        return run
    return statistics.median(map(of, runs))


def row(name, cells):
    print(f'| {name} | ' + ' | '.join(cells) + ' |')


def section(o, runs):
    """runs: (precision, column) -> what ddpm-bench printed, of each round"""
    some = list(runs.values())[-1][0]
    print(f'## Measured: {some["processor"]}\n')
    print(f'{datetime.date.today():%-d %B %Y}, {some["device"]}, medians of {o.rounds} '
          'rounds in turn, wall-clock time.\n')
    row('', [name for name, _, _ in COLUMNS])
    print('|---' * (len(COLUMNS) + 1) + '|')
    for precision in dict.fromkeys(p for p, _ in runs):
        each = [runs[precision, column] for column in COLUMNS]
        row(f'per second, {precision}', [
            f'{median(r, c[1] + "_per_second"):.3g} {c[1]}' for r, c in zip(each, COLUMNS)])
        row('speed', [f'{median(r, "gflops"):.0f} GFLOP/s' for r in each])
        row('of the limit', [f'{100 * median(r, "fraction_of_limit"):.0f} %' for r in each])
        row('of the ceiling', [f'{100 * median(r, "fraction_of_ceiling"):.0f} %' for r in each])
        row('step : convolutions alone',
            [f'{median(r, "step_to_convolutions"):.2f}' for r in each])
        row('peak memory', [f'{median(r, "peak_memory_mib"):.0f} MiB' for r in each])
        row('allocations per step', [f'{median(r, "allocations_per_step"):.0f}' for r in each])
    print()
    for _, _, arguments in COLUMNS:
        print(f'    ddpm-bench {arguments}')


def peers(o):
    results = []
    for arguments in PEERS:
        done = subprocess.run([sys.executable, str(ROOT / 'tools' / 'bench-peers.py'), '--json',
                               f'--bench={o.bench}', f'--rounds={o.rounds}',
                               f'--threads={o.threads}', *arguments.split()],
                              stdout=subprocess.PIPE, text=True, check=True)
        results.append(json.loads(done.stdout))
    print('\nBeside other programs: their time of a step divided by that of our fastest, median '
          '(least to greatest):\n')
    row('', [f'{r["mode"]}, batch {r["batch"]}' for r in results])
    print('|---' * (len(results) + 1) + '|')
    of_name = [{row['name']: row for row in r['results']} for r in results]
    for name in dict.fromkeys(name for names in of_name for name in names):
        cells = []
        for names in of_name:
            found = names.get(name)
            to = found and found['to_best']
            cells.append('' if not found else f'{to["median"]:.2f} ({to["min"]:.2f} to '
                         f'{to["max"]:.2f})')
        row(name, cells)
    print()
    for arguments in PEERS:
        print(f'    tools/bench-peers.py {arguments} --rounds {o.rounds}')


def main():
    o = parse_arguments()
    runs = {}
    wanted = o.precision or ['f32', 'bf16']
    for _ in range(o.rounds):
        for precision in list(wanted):
            for column in COLUMNS:
                found = bench(o, column[2], precision)
                if not found:
                    wanted.remove(precision)
                    break
                runs.setdefault((precision, column), []).append(found)
    section(o, runs)
    sys.stdout.flush()
    if not o.no_peers:
        peers(o)


main()
