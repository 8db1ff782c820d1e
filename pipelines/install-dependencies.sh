#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs the Debian packages that gst-ddpm builds, runs and is tested with,
# where they are missing. Does nothing, and needs no root, where all are there.
#
#   pipelines/install-dependencies.sh [FURTHER-PACKAGE ...]
set -eu
case "${1:-}" in -*) sed -n '3,6s/^# \{0,1\}//p' "$0"; exit 0 ;; esac

packages="gcc libc6-dev meson ninja-build pkg-config
  libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libglib2.0-dev
  libjson-glib-dev libzip-dev libgdk-pixbuf-2.0-dev
  gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
  $*"

missing=
for package in $packages; do
  case "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)" in
    "install ok installed") ;;
    *) missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || exit 0

echo "Installing:$missing"
run=
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "These Debian packages are missing; as root: apt-get install$missing" >&2
    exit 1
  }
  run=sudo
fi
export DEBIAN_FRONTEND=noninteractive
$run apt-get update -qq
# shellcheck disable=SC2086
$run apt-get install -y -qq --no-install-recommends $missing >/dev/null
