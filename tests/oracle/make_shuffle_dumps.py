#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes ../data/shuffle.json: data orders [seed, epoch, order]: from the last place
down, each place trades with one below or itself, drawn by 64-bit numbers (two words,
the high one first) modulo the places left; numbers of an incomplete run are skipped."""
import json
import pathlib

import philox

OUT = pathlib.Path(__file__).resolve().parent.parent / 'data' / 'shuffle.json'


def shuffle(seed, epoch, n):
    words = [int(w) for w in philox.words(seed, epoch, philox.TRAINER + 4, 4 * n + 64)]
    draws = iter(high << 32 | low for high, low in zip(words[::2], words[1::2]))
    order = list(range(n))
    for left in range(n, 1, -1):
        v = next(draws)
        while v >= 2 ** 64 // left * left:
            v = next(draws)
        j = v % left
        order[left - 1], order[j] = order[j], order[left - 1]
    return order


OUT.write_text(json.dumps([[seed, epoch, shuffle(seed, epoch, n)] for seed, epoch, n in (
    (0, 0, 2), (1, 2, 10), (2 ** 40 + 3, 2 ** 33, 101))]) + '\n')
