# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced by the scripts of pipelines/ and models/.

# A path that stays right when the folder changes
absolute () { case "$1" in /*) echo "$1" ;; *) echo "$PWD/$1" ;; esac; }

# What ddpmdenoise takes as model=, wherever it runs: a path, or the name of a
# built-in model as it is
model_path () {
  case "$1" in */*|'') ;; *) [ ! -f "$(dirname "$0")/../models/$1.safetensors" ] || { echo "$1"; return; } ;; esac
  absolute "$1"
}

# A path without the ending of its last name
without_ending () {
  name=${1##*/}
  echo "${1%/*}/${name%.*}"
}

# The number of the PNG file that follows those in a folder of previews
next_preview () {
  last=$(find "$1" -name '[0-9]*.png' | sed 's/.*\/0*\([0-9]\{1,\}\)\.png$/\1/' | sort -n | tail -n 1)
  echo $((${last:--1} + 1))
}

# The names of such files, as multifilesink takes them
preview_names () { echo "$(echo "$1" | sed 's/%/%%/g')/%05d.png"; }

# Runs a pipeline to its end. gst-launch-1.0 -e sends EOS when it gets SIGINT,
# which Ctrl-C sends to this shell and to it. SIGTERM and SIGHUP, which it does
# not handle, become SIGINT, so that they end a training with a save, too.
# Returns its status.
run_to_eos () {
  gst-launch-1.0 -e "$@" &
  gst=$!
  trap : INT
  trap 'kill -INT $gst' TERM HUP
  status=0
  wait $gst || status=$?
  while kill -0 $gst 2>/dev/null; do
    status=0
    wait $gst || status=$?
  done
  trap - INT TERM HUP
  return $status
}

# Goes to the top folder and makes the elements available: builds this tree,
# or, with GST_DDPM_INSTALLED=1 in the environment, takes what is installed.
make_available () {
  cd "$(dirname "$0")/.." || exit 1
  [ -z "${GST_DDPM_INSTALLED:-}" ] || return 0

  pipelines/install-dependencies.sh
  [ -d build/meson-private ] || meson setup build --buildtype=release -Dtests=disabled >build-setup.log 2>&1 || {
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
}
