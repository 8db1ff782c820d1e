#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Times the notebook's model in ddpm-bench and in every other program that python3 can
import (PyTorch, eager and compiled; ONNX Runtime; OpenVINO): the same network, batch and
threads, in turn, so that other load on the machine slows all of them down. Prints which of
them it leaves out, and why.

    tools/bench-peers.py --bench build/tools/ddpm-bench --batch 16 --threads 2

The last two columns are times of a step divided by those of ours in the same round: the
median over the rounds and, in brackets, the least and the greatest.

A training step in PyTorch is the notebook's: Adam, without average of weights and without
clipping, which ddpm-bench has. The model is that of tests/oracle."""
import argparse
import inspect
import io
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time
import warnings

ROOT = pathlib.Path(__file__).resolve().parent.parent
DROPOUT = 0.1
# seconds after which threads of the program before have stopped to wait busily
PAUSE = 0.3


def numbers(text):
    return [int(n) for n in text.split(',') if n]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--bench', default=str(ROOT / 'build' / 'tools' / 'ddpm-bench'),
                        help='the program ddpm-bench (build/tools/ddpm-bench)')
    parser.add_argument('--mode', choices=('forward', 'train', 'both'), default='both')
    parser.add_argument('--batch', type=int, default=16)
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    parser.add_argument('--threads', type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument('--rounds', type=int, default=5, help='rounds of all programs (5)')
    parser.add_argument('--repeats', type=int, default=5, help='steps of a round (5)')
    parser.add_argument('--clock', choices=('wall', 'cpu'), default='wall',
                        help='cpu: time of processors, for a machine with other load; set '
                        'OMP_WAIT_POLICY=passive, so that it has no waiting threads')
    parser.add_argument('--no-compile', action='store_true',
                        help='leave out torch.compile, which takes a minute for each precision')
    parser.add_argument('--precision', choices=('all', 'bf16'), default='all',
                        help='bf16: time every program in bf16 only')
    parser.add_argument('--channels', type=int, default=128)
    parser.add_argument('--channel-mult', type=numbers, default=[1, 2, 2, 1])
    parser.add_argument('--attention-levels', type=numbers, default=[1])
    parser.add_argument('--res-blocks', type=int, default=2)
    parser.add_argument('--timesteps', type=int, default=1000)
    parser.add_argument('--width', type=int, default=32)
    parser.add_argument('--height', type=int, default=32)
    parser.add_argument('--json', action='store_true', help='print the results as one line of JSON')
    return parser.parse_args()


def leave_out(what, why):
    print(f'left out: {what}: {why}', file=sys.stderr)


def listed(values):
    return ','.join(map(str, values))


def precisions(o):
    return ['bf16'] if o.precision == 'bf16' else ['f32', 'bf16']


def run_bench(o, mode, precision):
    """Milliseconds of a step; None where this machine has no such precision"""
    command = [o.bench, mode, '--json', f'--precision={precision}', f'--batch={o.batch}',
               f'--threads={o.threads}', f'--repeats={o.repeats}', f'--clock={o.clock}',
               f'--channels={o.channels}', f'--channel-mult={listed(o.channel_mult)}',
               f'--attention-levels={listed(o.attention_levels)}',
               f'--res-blocks={o.res_blocks}', f'--timesteps={o.timesteps}',
               f'--width={o.width}', f'--height={o.height}']
    if o.device == 'cuda':
        command += ['--backend=cuda']
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        if precision == precisions(o)[0]:
            sys.exit(done.stderr)
        leave_out(f'gst-ddpm {precision}', done.stderr.strip())
        return None
    return json.loads(done.stdout)['step_ms']['median']


def median_ms(o, step):
    now = time.perf_counter if o.clock == 'wall' else time.process_time
    times = []
    for _ in range(o.repeats):
        start = now()
        step()
        times.append(1e3 * (now() - start))
    return statistics.median(times)


class Torch:
    """Steps of the notebook's model in one of PyTorch's ways"""

    def __init__(self, o, torch, layout, bf16, compiled):
        from notebook_unet import Dropout, UNet
        self.o, self.torch, self.bf16 = o, torch, bf16
        self.format = torch.channels_last if layout else torch.contiguous_format
        torch.manual_seed(0)
        self.net = UNet(o.timesteps, o.channels, o.channel_mult, o.attention_levels,
                        o.res_blocks).to(o.device, memory_format=self.format)
        # PyTorch's own: what calls back for a mask is not compiled as one graph
        for module in self.net.modules():
            for name, child in module.named_children():
                if isinstance(child, Dropout):
                    setattr(module, name, torch.nn.Dropout(DROPOUT))
        # on a GPU with CUDA graphs, as ddpm-bench's steps may have
        mode = 'reduce-overhead' if o.device == 'cuda' else 'default'
        # dynamic=False: shapes stay, and each is compiled for itself
        self.run = torch.compile(self.net, mode=mode, dynamic=False) if compiled else self.net
        shape = (o.batch, 3, o.height, o.width)
        self.x = torch.randn(shape, device=o.device).contiguous(memory_format=self.format)
        self.t = torch.arange(o.batch, device=o.device) * o.timesteps // o.batch

    def prepare(self, mode):
        """A network that is to be trained keeps weights in f32; one that samples in bf16
        has them in bf16 from the start."""
        torch, o = self.torch, self.o
        self.net.train(mode == 'train')
        if mode == 'train':
            self.optimizer = torch.optim.Adam(
                [p for p in self.net.parameters() if p.requires_grad], lr=2e-4)
            betas = torch.linspace(1e-4, 0.02, o.timesteps, dtype=torch.float64)
            self.bar = torch.cumprod(1 - betas, 0).float().to(o.device)
            return self.train
        if self.bf16:
            self.net.to(torch.bfloat16)
            self.x = self.x.to(torch.bfloat16)
        return self.forward

    def forward(self):
        with self.torch.inference_mode():
            self.run(self.x, self.t)
        self.wait()

    def wait(self):
        """What is done has been computed: a GPU runs behind."""
        if self.o.device == 'cuda':
            self.torch.cuda.synchronize()

    def train(self):
        torch, o = self.torch, self.o
        t = torch.randint(0, o.timesteps, (o.batch,), device=o.device)
        bar = self.bar[t].view(-1, 1, 1, 1)
        eps = torch.randn_like(self.x)
        x_t = bar.sqrt() * self.x + (1 - bar).sqrt() * eps
        with torch.autocast(o.device, dtype=torch.bfloat16, enabled=self.bf16):
            prediction = self.run(x_t, t)
        loss = torch.nn.functional.mse_loss(prediction.float(), eps)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.wait()


def has_bf16(torch, device):
    """Whether oneDNN computes in it: PyTorch would, slowly, without"""
    if device == 'cuda':
        return torch.cuda.is_bf16_supported()
    try:
        return torch.ops.mkldnn._is_mkldnn_bf16_supported()
    except (AttributeError, RuntimeError):
        flags = pathlib.Path('/proc/cpuinfo')
        return flags.exists() and 'avx512_bf16' in flags.read_text()


def torch_steps(o, torch, mode):
    """name -> function of a step"""
    torch.set_num_threads(o.threads)
    version = f'PyTorch {torch.__version__.split("+")[0]}'
    ways = []
    if 'f32' in precisions(o):
        ways += [('f32', False, False), ('f32 channels last', True, False)]
    if has_bf16(torch, o.device):
        ways.append(('bf16 channels last', True, True))
    else:
        leave_out(f'{version} bf16', 'there is none on this machine')
    steps = {f'{version} {name}': Torch(o, torch, layout, bf16, False).prepare(mode)
             for name, layout, bf16 in ways}
    if not o.no_compile and hasattr(torch, 'compile'):
        steps.update({f'{version} {name}, compiled':
                      Torch(o, torch, layout, bf16, True).prepare(mode)
                      for name, layout, bf16 in ways if layout})
    return steps


def export(o, torch):
    """The network as ONNX, with the time embedding and a batch that is fixed; its inputs"""
    options = dict(input_names=['x', 't'], output_names=['eps'], opset_version=13)
    if 'dynamo' in inspect.signature(torch.onnx.export).parameters:
        options['dynamo'] = False
    file = io.BytesIO()
    contender = Torch(o, torch, False, False, False)
    contender.net.eval()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        torch.onnx.export(contender.net, (contender.x, contender.t), file, **options)
    return file.getvalue(), {'x': contender.x.numpy(), 't': contender.t.numpy()}


def onnx_runtime_steps(o, model, inputs):
    """name -> function of a step; its CPU kernels have no bf16"""
    import onnxruntime
    if 'f32' not in precisions(o):
        return {}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = o.threads
    options.inter_op_num_threads = 1
    if o.clock == 'cpu':
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    session = onnxruntime.InferenceSession(model, options, providers=['CPUExecutionProvider'])
    return {f'ONNX Runtime {onnxruntime.__version__} f32': lambda: session.run(None, inputs)}


def openvino_steps(o, model, inputs):
    """name -> function of a step"""
    import openvino
    core = openvino.Core()
    version = f'OpenVINO {openvino.__version__.split("-")[0]}'
    steps = {}
    for precision in precisions(o):
        if precision == 'bf16' and 'BF16' not in core.get_property(
                'CPU', 'OPTIMIZATION_CAPABILITIES'):
            leave_out(f'{version} bf16', 'there is none on this machine')
            continue
        request = core.compile_model(core.read_model(io.BytesIO(model)), 'CPU', {
            'INFERENCE_NUM_THREADS': o.threads, 'PERFORMANCE_HINT': 'LATENCY',
            'INFERENCE_PRECISION_HINT': precision}).create_infer_request()
        steps[f'{version} {precision}'] = lambda r=request: r.infer(inputs)
    return steps


def peers(o, mode):
    """name -> function of a step, of everything that can be imported"""
    try:
        import torch
    except ImportError as e:
        leave_out('all others, whose model PyTorch writes', e)
        return {}
    steps = torch_steps(o, torch, mode)
    if o.device == 'cuda' or mode == 'train':
        return steps
    try:
        model, inputs = export(o, torch)
    except Exception as e:      # whatever this version of PyTorch's exporter lacks
        leave_out('ONNX Runtime and OpenVINO', f'the model cannot be written: {e}')
        return steps
    for name, more in (('ONNX Runtime', onnx_runtime_steps), ('OpenVINO', openvino_steps)):
        try:
            steps.update(more(o, model, inputs))
        except ImportError as e:
            leave_out(name, e)
    return steps


def measure(o, mode, steps):
    """name -> milliseconds of each round"""
    times = {}
    for name, step in list(steps.items()):      # warm
        try:
            step()
            step()
        except Exception as e:  # whatever this version cannot compile or has no memory for
            leave_out(name, (str(e).strip() or repr(e)).splitlines()[0])
            del steps[name]
    ours = precisions(o)
    for _ in range(o.rounds):
        for precision in list(ours):
            ms = run_bench(o, mode, precision)
            if ms is None:
                ours.remove(precision)
            else:
                times.setdefault(f'gst-ddpm {precision}', []).append(ms)
        for name, step in steps.items():
            time.sleep(PAUSE)
            times.setdefault(name, []).append(median_ms(o, step))
        time.sleep(PAUSE)
    return times


def ratios(ours, theirs):
    """Their time of a step divided by ours, round by round: median, least, greatest"""
    each = sorted(b / a for a, b in zip(ours, theirs))
    return dict(median=statistics.median(each), min=each[0], max=each[-1])


def report(o, mode, times):
    ours = times.get('gst-ddpm f32')
    best = times.get('gst-ddpm bf16', ours)
    rows = []
    for name, values in times.items():
        ms = statistics.median(values)
        rows.append(dict(name=name, ms=ms, images_per_second=1e3 * o.batch / ms,
                         to_f32=ratios(ours, values) if ours else None,
                         to_best=ratios(best, values)))
    if o.json:
        print(json.dumps(dict(mode=mode, batch=o.batch, threads=o.threads, rounds=o.rounds,
                              repeats=o.repeats, clock=o.clock, results=rows)))
        return
    print(f'\n{mode}, batch {o.batch}, {o.threads} threads, {o.rounds} rounds of {o.repeats}'
          + (', in time of processors' if o.clock == 'cpu' else ''))
    print(f'  {"":<40} {"ms":>9} {"images/s":>9} {": our f32":>22} {": our best":>22}')
    for row in rows:
        columns = [f'{r["median"]:.2f} ({r["min"]:.2f} to {r["max"]:.2f})' if r else '-'
                   for r in (row['to_f32'], row['to_best'])]
        print(f'  {row["name"]:<40} {row["ms"]:9.2f} {row["images_per_second"]:9.2f}'
              f' {columns[0]:>22} {columns[1]:>22}')


def main():
    o = parse_arguments()
    sys.path.insert(0, str(ROOT / 'tests' / 'oracle'))
    if not shutil.which(o.bench):
        sys.exit(f'{o.bench} is no program: build it, or say where it is with --bench')
    for mode in ('forward', 'train'):
        if o.mode in (mode, 'both'):
            report(o, mode, measure(o, mode, peers(o, mode)))


main()
