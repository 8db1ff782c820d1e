#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Teaches a tiny network the test patterns of videotestsrc: no data set, and
# two minutes of two cores. Then it plays samples of the trained model.
#
#   pipelines/train-testsrc.sh [CHECKPOINT] [PROPERTY=VALUE ...]   (testsrc.bin)
#
# Previews show in a window where there is a display, else they are PNG files
# beside the checkpoint, as is a picture of 64 images at the end. Interrupt it
# (Ctrl-C) and run the same command again: it goes on where it was.
set -eu
# shellcheck source=pipelines/environment.sh
. "$(dirname "$0")/environment.sh"
usage () { sed -n '3,10s/^# \{0,1\}//p' "$0"; exit "$1"; }
case "${1:-}" in
  -h|--help) usage 0 ;;
  -*) usage 2 >&2 ;;
esac

checkpoint=testsrc.bin
case "${1:-}" in ''|*=*) ;; *) checkpoint=$1; shift ;; esac
checkpoint=$(absolute "$checkpoint")
make_available

# Size that a pattern is drawn in, before it is shrunk to that of the images;
# properties of videotestsrc. Those that do not move by themselves are scrolled.
size=16
patterns="
64 pattern=ball foreground-color=0xffffc020 background-color=0xff103060
48 pattern=ball foreground-color=0xffff60a0 background-color=0xff204020 motion=sweep
64 pattern=smpte horizontal-speed=3
32 pattern=checkers-8 horizontal-speed=1
64 pattern=gradient foreground-color=0xff20c0ff
64 pattern=bar horizontal-speed=3 foreground-color=0xffff4040
64 pattern=zone-plate kx2=20 ky2=20 kt=5
64 pattern=chroma-zone-plate kx2=20 ky2=20 kt=5"
n=$(echo "$patterns" | grep -c pattern)

# Sources that push into one funnel, each from its own thread, take turns as
# they please: often a whole batch is of one pattern. So they are drawn side by
# side into one frame, which one thread cuts up again.
mix="compositor name=mix"
sources=
pieces=
i=0
while read -r drawn properties; do
  [ -n "$drawn" ] || continue
  mix="$mix sink_$i::xpos=$((i * size)) sink_$i::width=$size sink_$i::height=$size"
  sources="$sources videotestsrc $properties !
    video/x-raw,format=RGB,width=$drawn,height=$drawn,framerate=30/1 ! mix.sink_$i"
  pieces="$pieces frame. !
    videocrop left=$((i * size)) right=$(((n - i - 1) * size)) ! images."
  i=$((i + 1))
done <<END
$patterns
END

beside=$(without_ending "$checkpoint")
previews=$beside-previews
window=${DISPLAY:-}${WAYLAND_DISPLAY:-}
if [ -n "$window" ]; then
  [ -n "${GST_DDPM_INSTALLED:-}" ] || pipelines/install-dependencies.sh gstreamer1.0-x
  set -- "$@" train.preview ! queue ! videoscale method=nearest-neighbour ! \
    video/x-raw,width=256,height=256 ! videoconvert ! autovideosink sync=false
else
  echo "No display: previews go to $previews."
  mkdir -p "$previews"
  set -- "$@" train.preview ! queue ! videoscale method=nearest-neighbour ! \
    video/x-raw,width=128,height=128 ! pngenc ! \
    multifilesink async=false index="$(next_preview "$previews")" \
      location="$(preview_names "$previews")"
fi

# Fewer channels would be one to a group of the norms, which then know no
# colours.
# shellcheck disable=SC2086
run_to_eos $mix ! \
  video/x-raw,format=RGB,width=$((n * size)),height=$size ! tee name=frame \
  funnel name=images forward-sticky-events=false ! \
  ddpmtrainsink name=train location="$checkpoint" resume=true \
    channels=64 channel-mult=1,1,1 res-blocks=1 dropout=0 \
    timesteps=200 schedule=cosine batch-size=16 learning-rate=1e-3 \
    warmup-steps=50 ema-decay=0.995 flip=false max-steps=1300 \
    preview-interval=200 preview-count=8 preview-steps=25 "$@" \
  $sources $pieces

pipelines/sample.sh --model "$checkpoint" --images 64 --columns 8 \
  --output "$beside.png"
[ -z "$window" ] || exec gst-launch-1.0 -q ddpmnoise batch-size=16 ! \
  ddpmdenoise model="$checkpoint" columns=4 emit=trajectory ! \
  videoscale method=nearest-neighbour ! video/x-raw,width=512,height=512 ! \
  videoconvert ! autovideosink
