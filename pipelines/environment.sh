# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced by the scripts beside it, in the top folder: makes the elements
# available, from an installed gst-ddpm or by building this tree.

if [ -z "${GST_DDPM_INSTALLED:-}" ]; then
  pipelines/install-dependencies.sh
  [ -d build/meson-private ] || meson setup build --buildtype=release >build-setup.log 2>&1 || {
    cat build-setup.log >&2
    exit 1
  }
  rm -f build-setup.log
  meson compile -C build >build/compile.log 2>&1 || {
    cat build/compile.log >&2
    exit 1
  }
  GST_PLUGIN_PATH_1_0=$PWD/build/plugins${GST_PLUGIN_PATH_1_0:+:$GST_PLUGIN_PATH_1_0}
  export GST_PLUGIN_PATH_1_0
fi
