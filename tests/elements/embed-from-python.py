# gst-ddpm: the example program in Python, pipelines/embed.py
# SPDX-License-Identifier: LGPL-2.1-or-later
import pathlib
import subprocess
import sys
import tempfile
import unittest

try:
    import gi
    import numpy as np
    gi.require_version('GstApp', '1.0')
except (ImportError, ValueError):
    sys.exit(77)    # meson: skipped

PROGRAM = pathlib.Path(__file__).parents[2] / 'pipelines' / 'embed.py'


def run(*arguments):
    return subprocess.run([sys.executable, PROGRAM, *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=300)


def read_ppm(path):
    header, pixels = path.read_bytes().split(b' 255\n', 1)
    magic, width, height = header.split()
    assert magic == b'P6'
    return np.frombuffer(pixels, np.uint8).reshape(int(height), int(width), 3)


class Embed(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)

    def images(self, *arguments):
        done = run('play', '--output', self.path, *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        return [read_ppm(path) for path in sorted(self.path.glob('*.ppm'))]

    def test_images_are_arrays(self):
        images = self.images('--images', '3')
        self.assertEqual([i.shape for i in images], [(32, 32, 3)] * 3)
        self.assertGreater(images[0].std(), 10)

    def test_network_learns_arrays_with_labels(self):
        location = self.path / 'shapes.bin'
        done = run('train', location, '--images', '32')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        images = self.images('--model', location, '--images', '2', '--labels', 'disc,square')
        self.assertEqual([i.shape for i in images], [(16, 16, 3)] * 2)

    def test_errors_are_one_sentence(self):
        for arguments, found in ((('play', '--model', '/nowhere'), '/nowhere: cannot be read'),
                                 (('play', '--labels', 'unicorn'), 'no label "unicorn"'),
                                 (('train', '/nowhere/a.bin'), 'cannot be written'),
                                 (('play', '--images', '0'), 'expected 1 or more')):
            done = run(*arguments)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(found, done.stderr)
            self.assertNotIn('Traceback', done.stderr)
            self.assertNotIn('CRITICAL', done.stderr)


if __name__ == '__main__':
    unittest.main()
