#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the files of PyTorch in ../data/torch, and what torch.load () finds in them.

It needs torch and numpy. NAME.pt are files that torch.save () wrote; tensors.json has
the shape and the numbers of each tensor in them, by the names that lead to it. Other
files, of which the tests say why they are refused, are in ../data/fuzz/torch-file. Pickles
of the former are in ../data/fuzz/pickle."""
import argparse
import io
import json
import os
import pickle
import shutil
import struct
import zipfile

import numpy as np
import torch

import oracle

OUT = oracle.DATA / 'torch'
REFUSED = oracle.DATA / 'fuzz' / 'torch-file'
PICKLES = oracle.DATA / 'fuzz' / 'pickle'


# --- what torch.save () writes ---------------------------------------------------------

def network():
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Linear(2, 1))
    for p in net.parameters():
        torch.nn.init.normal_(p)
    return net


def trainer(net):
    """A checkpoint of pytorch-ddpm, after a step"""
    ema = {k: v + 1 for k, v in net.state_dict().items()}
    optim = torch.optim.Adam(net.parameters(), lr=2e-4)
    sched = torch.optim.lr_scheduler.LambdaLR(optim, lambda step: min(step, 5000) / 5000)
    net(torch.randn(1, 1, 4, 4)).sum().backward()
    optim.step()
    sched.step()
    return {'net_model': net.state_dict(), 'ema_model': ema, 'sched': sched.state_dict(),
            'optim': optim.state_dict(), 'step': 1, 'x_T': torch.randn(1, 1, 2, 2)}


def states(net):
    """A checkpoint of ermongroup/ddim: a list"""
    model = {'module.' + k: v for k, v in net.state_dict().items()}
    ema = {k: v + 1 for k, v in model.items()}
    return [model, {'state': {}, 'param_groups': [{'lr': 2e-4, 'params': [0, 1]}]}, 3, 4, ema]


def types():
    x = torch.tensor([-1.5, 0., 0.25, 3.1415927, 1e-6, 60000.])
    dtypes = [torch.bfloat16, torch.float16, torch.float32, torch.float64]
    whole = [torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool]
    return {str(t).split('.')[1]: x.to(t) for t in dtypes} | {
        str(t).split('.')[1]: torch.tensor([1, 0, 7]).to(t) for t in whole} | {
        'scalar': torch.tensor(2.5), 'empty': torch.zeros(0, 3), 'uint16': x.to(torch.uint16)}


def views():
    x = torch.arange(24.).reshape(2, 3, 4)
    conv = torch.randn(2, 3, 2, 2).to(memory_format=torch.channels_last)
    return {'whole': x, 'tied': x, 'transposed': x.mT, 'rows': x[1:], 'columns': x[:, :, ::3],
            'expanded': x[0, 0].expand(3, 4), 'element': x[1, 1, 1], 'none': x[:, 1:1],
            'channels_last': conv, 'parameter': torch.nn.Parameter(x[0]),
            'half': x.half().permute(2, 0, 1), 'double': x.double()[..., 1]}


def objects():
    marked = torch.nn.Parameter(torch.ones(2))
    marked.mark = 1
    recipe = argparse.Namespace(lr=2e-4, betas=(0.9, 0.999))
    return {
        'w': torch.ones(2), 'buffer': torch.nn.Buffer(torch.ones(3)), 'marked': marked,
        'negated': torch._neg_view(torch.ones(2)), 'recipe': recipe, 'best': np.float64(0.5),
        'size': torch.Size([1, 2]), 'dtype': torch.float32, 'set': {1, 2}, 'big': 1 << 80,
        'small': -(1 << 40), 'numbers': [1, 256, 70000, -1, 0.5, True, None], 'bytes': b'\0',
        'array': bytearray(b'ab'), 'complex': 1j, 7: {'x': torch.zeros(1)},
        (1, 2): torch.zeros(1), 'list': [torch.zeros(1), (torch.ones(1), 'a')]}


# --- what torch.load () finds ----------------------------------------------------------

def names(value, name=''):
    """The tensors of a value, by the names that lead to them"""
    inside = {}
    if isinstance(value, dict):
        inside = {k: v for k, v in value.items() if isinstance(k, (str, int))}
    elif isinstance(value, (list, tuple)):
        inside = dict(enumerate(value))
    elif isinstance(value, torch.Tensor) and value.dtype != torch.uint16 and (
            not value.is_neg()):
        yield name, value
    for key, v in inside.items():
        yield from names(v, f'{name}.{key}' if name else str(key))


def describe(path):
    tensors = dict(names(torch.load(path, weights_only=False)))
    return {'file': path.name, 'tensors': [
        {'name': k, 'shape': list(v.shape), 'values': v.double().flatten().tolist()}
        for k, v in tensors.items()]}


# --- what is refused -------------------------------------------------------------------

class Call:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def save(value, **options):
    """The entries of an archive: name -> content"""
    data = io.BytesIO()
    torch.save(value, data, **options)
    with zipfile.ZipFile(data) as z:
        return {name: z.read(name) for name in z.namelist()}


def pack(entries, method=zipfile.ZIP_STORED):
    data = io.BytesIO()
    with zipfile.ZipFile(data, 'w', method) as z:
        for name, content in entries.items() if isinstance(entries, dict) else entries:
            z.writestr(zipfile.ZipInfo(name), content, method)
    return data.getvalue()


def edit(entries, name, function):
    return {k: function(v) if k.endswith(name) else v for k, v in entries.items()}


def nested(depth):
    value = torch.ones(1)
    for _ in range(depth):
        value = [value]
    return value


def bomb(value):
    """2^30 names of one value: a list of two lists, which are one, and so on"""
    for _ in range(30):
        value = [value, value]
    return value


def circle():
    value = [torch.ones(1)]
    value.append(value)
    return value


def overlapping(entries):
    """The content of an entry has another one in it, with its header."""
    inner = pack({'archive/data/9': b'0123456789'})
    local = inner[:inner.index(b'PK\1\2')]
    data = pack(entries | {'archive/data/8': local})
    begin = data.index(local)
    at = data.index(b'PK\1\2')
    end = data.index(b'PK\5\6')
    record = bytearray(inner[inner.index(b'PK\1\2'):inner.index(b'PK\5\6')])
    record[42:46] = struct.pack('<I', begin)
    n = len(entries) + 2
    directory = data[at:end] + record
    return data[:at] + directory + struct.pack(
        '<IHHHHIIH', 0x06054b50, 0, 0, n, n, len(directory), at, 0)


def shared_header(entries):
    """Two entries of the directory that have one header and content"""
    data = bytearray(pack(entries | {'archive/data/9': b'0123456789'}))
    at = data.rindex(b'PK\1\2')
    data[at + 42:at + 46] = data[data.index(b'PK\1\2') + 42:][:4]
    return bytes(data)


def sized(entries, name, size):
    """An entry is said to be of this size, in its header and in the directory."""
    data = bytearray(pack(entries, zipfile.ZIP_DEFLATED))
    for sign, at_size, at_name in ((b'PK\3\4', 22, 30), (b'PK\1\2', 24, 46)):
        at = -1
        while (at := data.find(sign, at + 1)) >= 0:
            if data[at + at_name:].startswith(name.encode()):
                data[at + at_size:at + at_size + 4] = struct.pack('<I', size)
    return bytes(data)


def refused():
    x = torch.arange(6.)
    plain = save({'w': x})
    rebuild = torch._utils._rebuild_tensor_v2
    storage = torch.storage.TypedStorage(
        wrap_storage=x.untyped_storage(), dtype=x.dtype, _internal=True)
    evil = Call(os.system, 'touch executed')
    yield 'system', pack(save({'w': x, 'evil': evil}))
    yield 'system-as-weights', pack(save({'w': evil, 'x': x}))
    yield 'system-alone', pack(save(evil))
    yield 'eval-in-tensor', pack(save({'w': x, 'v': Call(
        rebuild, evil, 0, (2,), (1,), False, None)}))
    yield 'module', pack(save(torch.nn.Linear(1, 1)))
    yield 'module-in-dict', pack(save({'epoch': 3, 'model': torch.nn.Linear(1, 1)}))
    yield 'without-tensors', pack(save({'a': 1}))
    yield 'nested', pack(save(nested(40)))
    yield 'bomb', pack(save(bomb(torch.ones(1))))
    yield 'bomb-of-lists', pack(save(bomb([])))
    yield 'circle', pack(save(circle()))
    yield 'names', pack(save({'a.b': x, 'a': {'b': x}}))
    yield 'long-name', pack(save({'a' * 300: x}))
    yield 'zero-in-name', pack(save({'a\0b': x}))

    for name, arguments in {
            'beyond-storage': (0, (7,), (1,)), 'offset-beyond': (6, (1,), (1,)),
            'stride-beyond': (0, (2,), (6,)), 'negative': (0, (-1,), (1,)),
            'offset-negative': (-1, (1,), (1,)), 'stride-negative': (5, (2,), (-1,)),
            'many-dimensions': (0, (1,) * 9, (1,) * 9), 'two-ranks': (0, (1, 1), (1,)),
            'huge-shape': (0, (1 << 40, 1 << 40), (0, 0)),
            'huge-strides': (0, (1 << 30, 2), (1 << 40, 1)),
            'not-a-number': (0, ('1',), (1,))}.items():
        yield name, pack(save({'w': Call(rebuild, storage, *arguments, False, None)}))

    yield 'big-endian', pack(edit(plain, 'byteorder', lambda _: b'big'))
    yield 'short-storage', pack(edit(plain, 'data/0', lambda v: v[:-4]))
    yield 'long-storage', pack(edit(plain, 'data/0', lambda v: bytes(1 << 20)),
                               zipfile.ZIP_DEFLATED)
    yield 'no-storage', pack({k: v for k, v in plain.items() if 'data/0' not in k})
    yield 'cut-pickle', pack(edit(plain, 'data.pkl', lambda v: v[:-40]))
    yield 'no-pickle', pack(edit(plain, 'data.pkl', lambda v: b''))
    yield 'large-pickle', sized(plain, 'archive/data.pkl', 1 << 30)
    yield 'wrong-size', sized(plain, 'archive/data/0', 1 << 20)
    yield 'overlapping', overlapping(plain)
    yield 'shared-header', shared_header(plain)
    yield 'parent', pack(plain | {'archive/../../x': b''})
    yield 'absolute', pack(plain | {'/x': b''})
    yield 'two-pickles', pack(plain | {'b/data.pkl': plain['archive/data.pkl']})
    yield 'two-entries', pack([*plain.items(), *plain.items()])
    yield 'bzip2', pack(plain, zipfile.ZIP_BZIP2)
    yield 'torchscript', pack(plain | {'archive/constants.pkl': b'\x80\2).'})
    yield 'npz', pack({'w.npy': b'\x93NUMPY'})
    yield 'keras', pack({'config.json': b'{}', 'model.weights.h5': b''})
    yield 'zipped', pack({'model.safetensors': b''})
    yield 'other-zip', pack({'readme': b''})
    yield 'empty', b'PK\5\6' + bytes(18)
    legacy = io.BytesIO()
    torch.save({'w': x}, legacy, _use_new_zipfile_serialization=False)
    yield 'legacy', legacy.getvalue()
    yield 'pickle', pickle.dumps({'w': [1.5]})


def main():
    torch.manual_seed(0)
    for folder in OUT, REFUSED, PICKLES:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    net = network()
    for name, value, options in (
            ('plain', net.state_dict(), {}), ('trainer', trainer(net), {}),
            ('states', states(net), {}), ('types', types(), {}), ('views', views(), {}),
            ('objects', objects(), {}),
            ('protocol3', net.state_dict(), {'pickle_protocol': 3}),
            ('protocol4', net.state_dict(), {'pickle_protocol': 4}),
            ('protocol5', objects(), {'pickle_protocol': 5})):
        torch.save(value, OUT / f'{name}.pt', **options)
    torch.serialization.set_crc32_options(False)
    torch.save(views(), OUT / 'unchecked.pt')
    torch.serialization.set_crc32_options(True)
    (OUT / 'deflated.pt').write_bytes(pack(save(views()), zipfile.ZIP_DEFLATED))
    rows = [describe(path) for path in sorted(OUT.glob('*.pt'))]
    (OUT / 'tensors.json').write_text(json.dumps(rows) + '\n')
    for name, data in refused():
        (REFUSED / name).write_bytes(data)
    for name in 'objects', 'protocol4', 'protocol5', 'states', 'types', 'views':
        with zipfile.ZipFile(OUT / f'{name}.pt') as z:
            (PICKLES / name).write_bytes(z.read(f'{name}/data.pkl'))


if __name__ == '__main__':
    main()
