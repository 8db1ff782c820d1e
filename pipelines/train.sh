# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced by the train-*.sh scripts, which set
#   recipe    properties of ddpmtrainsink
#   epochs    of the data, 0: endless
#   default   name of the checkpoint where none is given
# shellcheck disable=SC2154

# shellcheck source=pipelines/environment.sh
. "$(dirname "$0")/environment.sh"
usage () { sed -n '3,/^set -eu/s/^# \{0,1\}//p' "$0"; exit "$1"; }
case "${1:-}" in
  -h|--help) usage 0 ;;
  ''|-*) usage 2 >&2 ;;
esac

data=$(absolute "$1"); shift
checkpoint=$default
case "${1:-}" in ''|*=*) ;; *) checkpoint=$1; shift ;; esac
checkpoint=$(absolute "$checkpoint")
make_available

name=${checkpoint##*/}
beside=${checkpoint%/*}/${name%.*}
previews=$beside-previews
mkdir -p "$previews"
# behind those of the runs before
last=$(find "$previews" -name '[0-9]*.png' | sed 's/.*\/0*\([0-9]\{1,\}\)\.png$/\1/' | sort -n | tail -n 1)

# -e: Ctrl-C sends EOS, so that the last step is saved too
# shellcheck disable=SC2086
exec gst-launch-1.0 -e cifarsrc location="$data" epochs="$epochs" ! \
  ddpmtrainsink name=train location="$checkpoint" resume=true \
    log-location="$beside.csv" checkpoint-interval=500 \
    $recipe preview-count=5 "$@" \
  train.preview ! queue ! videoconvert ! pngenc ! \
  multifilesink async=false index=$((${last:--1} + 1)) \
    location="$(echo "$previews" | sed 's/%/%%/g')/%05d.png"
