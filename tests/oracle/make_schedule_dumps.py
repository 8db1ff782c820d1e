#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes ../data/schedule.json (needs numpy): schedules and the steps of every
sampler on them, in long double and by other routes than the library's.

Each schedule has the tables of the notebook. A step is [state, next state, c_x, c_x0,
c_x0_prev, sigma]: x' = c_x x + c_x0 x_0 + c_x0_prev x_0_prev + sigma z."""
import json
import pathlib

import numpy as np

LONG = np.longdouble
OUT = pathlib.Path(__file__).resolve().parent.parent / 'data' / 'schedule.json'
PI = 4 * np.arctan(LONG(1))

SCHEDULES = [
    dict(kind='linear', T=20, beta_start=1e-4, beta_end=0.02),
    dict(kind='linear', T=33, beta_start=0.001, beta_end=0.3),
    dict(kind='linear', T=1, beta_start=0.01, beta_end=0.02),
    dict(kind='cosine', T=20, beta_start=1e-4, beta_end=0.02),
]
SAMPLERS = [
    dict(sampler='ddpm', large=False), dict(sampler='ddpm', large=True),
    dict(sampler='ddim', eta=0.0), dict(sampler='ddim', eta=0.3), dict(sampler='ddim', eta=1.0),
    dict(sampler='dpmpp-2m'),
]
# steps, start, stop
RUNS = [(20, 20, 0), (7, 20, 0), (16, 20, 1), (7, 11, 4)]


def betas(kind, T, beta_start, beta_end):
    t = np.arange(T, dtype=LONG)
    if kind == 'linear':
        return LONG(beta_start) + (LONG(beta_end) - LONG(beta_start)) * t / max(T - 1, 1)
    s = LONG(8) / 1000
    f = np.cos((np.arange(T + 1, dtype=LONG) / T + s) / (1 + s) * PI / 2) ** 2
    return np.minimum(1 - f[1:] / f[:-1], LONG(999) / 1000)


def tables(b):
    """The notebook's, name for name but for those that are misnamed there."""
    a = 1 - b
    bar = np.cumprod(a)
    prev = np.concatenate([[LONG(1)], bar[:-1]])
    return dict(
        betas=b, alphas=a, alphas_bar=bar, alphas_bar_prev=prev,
        sqrt_alphas_bar=np.sqrt(bar), sqrt_one_minus_alphas_bar=np.sqrt(1 - bar),
        reciprocal_alphas_bar_sqrt=np.sqrt(1 / bar),
        reciprocal_alphas_bar_m1_sqrt=np.sqrt(1 / bar - 1),
        posterior_mean_coef1=np.sqrt(prev) * b / (1 - bar),
        posterior_mean_coef2=np.sqrt(a) * (1 - prev) / (1 - bar),
        posterior_variance=b * (1 - prev) / (1 - bar))


def ddpm(A, B, large):
    """The product of N(x'; sqrt(B) x_0, 1 - B) and N(x; sqrt(A/B) x', 1 - A/B)."""
    a = A / B
    variance = 1 / (1 / (1 - B) + a / (1 - a))
    return (variance * np.sqrt(a) / (1 - a), variance * np.sqrt(B) / (1 - B), 0,
            np.sqrt(1 - a if large else variance))


def ddim(A, B, eta):
    """x' of (x, x_0) = (1, 0) and (0, 1), each by Song et al. 2021, eq. 12."""
    sigma = eta * np.sqrt((1 - B) / (1 - A)) * np.sqrt(1 - A / B)

    def step(x, x_0):
        eps = (x - np.sqrt(A) * x_0) / np.sqrt(1 - A)
        return np.sqrt(B) * x_0 + np.sqrt(1 - B - sigma ** 2) * eps
    return step(LONG(1), LONG(0)), step(LONG(0), LONG(1)), 0, sigma


def dpmpp_2m(before, A, B):
    """Lu et al. 2022: the exact solution with x_0 a line in lambda through the last
    two predictions, taken at the middle of the step."""
    lam = [np.log(np.sqrt(v) / np.sqrt(1 - v)) for v in (before, A, B) if v is not None]
    weight = np.sqrt(B) * (1 - np.exp(lam[-2] - lam[-1]))
    ahead = 0 if before is None else (lam[-1] - lam[-2]) / 2 / (lam[-2] - lam[-3])
    return np.sqrt((1 - B) / (1 - A)), weight * (1 + ahead), -weight * ahead, 0


def timestep_schedule(T, steps, start, stop):
    full = [int(np.floor(LONG(T) * (steps - i) / steps + LONG(0.5))) for i in range(steps + 1)]
    return [start] + [s for s in full if stop < s < start] + [stop]


def steps_of(bar, spec, T, steps, start, stop):
    A = lambda s: LONG(1) if s == 0 else bar[s - 1]
    states = timestep_schedule(T, steps, start, stop)
    rows = []
    for i, (s, s2) in enumerate(zip(states, states[1:])):
        if s2 == 0:
            c = 0, 1, 0, 0      # whatever the sampler, the image is x_0
        elif spec['sampler'] == 'ddpm':
            c = ddpm(A(s), A(s2), spec['large'])
        elif spec['sampler'] == 'ddim':
            c = ddim(A(s), A(s2), LONG(spec['eta']))
        elif spec['sampler'] == 'dpmpp-2m':
            c = dpmpp_2m(A(states[i - 1]) if i else None, A(s), A(s2))
        else:
            raise ValueError(spec['sampler'])
        rows.append([s, s2] + [float(v) for v in c])
    return rows


def main():
    dump = []
    for arguments in SCHEDULES:
        table = tables(betas(**arguments))
        entry = dict(arguments, tables={k: [float(x) for x in v] for k, v in table.items()}, runs=[])
        if arguments['T'] == 20:
            for spec in SAMPLERS:
                for steps, start, stop in RUNS:
                    entry['runs'].append(dict(
                        spec, steps=steps, start=start, stop=stop,
                        rows=steps_of(table['alphas_bar'], spec, 20, steps, start, stop)))
        dump.append(entry)
    OUT.write_text(json.dumps(dump).replace('}, {', '},\n{') + '\n')


main()
