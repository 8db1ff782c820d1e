#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes ../data/noise.json: the first 22 uniforms and normals, in double, of some
(seed, sample, stream); seeds and samples are text, since JSON has no 64-bit integers."""
import json
import pathlib

import philox

OUT = pathlib.Path(__file__).resolve().parent.parent / 'data' / 'noise.json'
COUNT = 22

CASES = [
    (0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1),
    (7, 5, 999),
    (2 ** 32, 0, 0), (0, 2 ** 32, 0), (0, 0, philox.TRAINER),
    (0x0123456789abcdef, 0xfedcba9876543210, philox.DROPOUT + 3),
    (2 ** 64 - 1, 2 ** 64 - 1, 2 ** 32 - 1),
]

OUT.write_text('[' + ',\n'.join(json.dumps(dict(
    seed=str(seed), sample=str(sample), stream=stream,
    uniform=list(philox.uniform(seed, sample, stream, COUNT)),
    normal=list(philox.normal(seed, sample, stream, COUNT))))
    for seed, sample, stream in CASES) + ']\n')
