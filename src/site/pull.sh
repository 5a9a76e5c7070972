#!/bin/sh
# Pulls images through a pierhead proxy and gives them their own names. No daemon is configured, no container touched.
# Below are functions and one last line that calls them: half a download does nothing.

# The proxy fills these in as it serves this file: its address (with the key, if there is one), whether names have to begin
# with a registry there, the registries that it serves, and at which hosts others may be (`registry=host`).
BASE='@BASE@'
GATEWAY='@GATEWAY@'
SERVED='@SERVED@'
ELSEWHERE='@ELSEWHERE@'

usage() {
  cat <<EOF
Pulls images through ${BASE#*://} with the client of this machine, and gives them their own names.

  curl -fsSL $BASE/pull.sh | sh -s -- [options] images.txt nginx quay.io/owner/image:1 ...

An argument that is a file is a list: an image a line, # begins a comment; of *.yml and *.yaml the \`image:\` lines.
\`-\` is a list on stdin; as the script may not come from there then: sh -c "\$(curl ...)" pull.sh - <list

  --client NAME    docker, podman, nerdctl, crictl or ctr; else the first of them that answers
  --jobs N         pull N images at a time
  --platform P     linux/arm64 and the like; not with crictl
  --dry-run        print the commands, and do nothing
  --help           print this

Exit code: 0 all are here, 1 some are not, 2 wrong arguments, 3 no client, 130 or 143 interrupted.
EOF
}

say() { printf '%s\n' "$*"; }

fail() { # code, sentence
  printf 'pull.sh: %s\n' "$2" >&2
  exit "$1"
}

# Without what a terminal would obey.
plain() { tr -c ' -~\n' '?'; }

refuse() { # reference, why
  printf '%s: refused, %s\n' "$1" "$2" | plain | tee -a "$tmp/refused" >&2
}

# Takes a reference apart and completes it, as docker does.
parse() { # reference
  full=${1%%@*} tag='' digest=''
  case $1 in *@*) digest=${1#*@} ;; esac
  registry=${full%%/*} repository=${full#*/}
  case $registry in
  "$full") registry=docker.io ;;
  index.docker.io) registry=docker.io ;;
  *.* | *:* | localhost) ;;
  *) registry=docker.io repository=$full ;;
  esac
  case ${repository##*/} in *:*) tag=${repository##*:} repository=${repository%:*} ;; esac
  case $registry/$repository in docker.io/*/*) ;; docker.io/*) repository=library/$repository ;; esac
  [ -n "$tag$digest" ] || tag=latest
  full=$registry/$repository${tag:+:$tag}${digest:+@$digest}
}

served() { # registry
  for known in $SERVED; do
    # shellcheck disable=SC2254 # one is a pattern
    case $1 in $known) return 0 ;; esac
  done
  why="\`$1\` is no registry of this proxy; its operator can add it"
  case $1 in localhost | localhost:*) why="it is this machine's own, and no proxy can reach it" ;; esac
  for other in $ELSEWHERE; do
    case $other in "$1="*) why="${host%%/*} is for ${SERVED%% *} alone; try ${other#*=}" ;; esac
  done
  return 1
}

# Puts a reference on the list, once, or says why not.
add() { # reference
  case $1 in '' | [!A-Za-z0-9]* | *[!A-Za-z0-9._/:@-]* | *@*@* | *//* | *[/:@])
    refuse "$1" 'this is no name of an image'
    return
    ;;
  esac
  parse "$1"
  if ! served "$registry"; then
    refuse "$1" "$why"
  elif ! grep -Fqx -e "$full" "$tmp/list"; then
    say "$full" >>"$tmp/list"
  fi
}

# Adds what a list on stdin names.
lines() { # what its file's name ends in
  tr -d '\r' | while read -r a b c d || [ -n "$a" ]; do
    [ "$a" != - ] || { a=$b b=$c c=$d; }
    case $a:$1 in
    image::*) a=$b b=$c ;;
    *:yml | *:yaml) continue ;;
    esac
    case $a in \"*\" | \'*\') a=${a#?} a=${a%?} ;; esac
    case $a:$b in
    :* | \#*) ;;
    *: | *:\#*) add "$a" ;;
    *) refuse "$a $b" 'a line has one image' ;;
    esac
  done
}

# Finds the client: the one asked for, or the first that answers.
choose() {
  found=''
  for name in ${client:-docker podman nerdctl crictl ctr}; do
    command -v "$name" >/dev/null 2>&1 || continue
    found="$found $name"
    "$name" version </dev/null >/dev/null 2>&1 || continue
    client=$name
    # crictl cannot tag. The ctr of the same containerd can.
    [ "$client" != crictl ] || ctr -n k8s.io version </dev/null >/dev/null 2>&1 || tags=''
    return
  done
  [ -n "$found" ] || fail 3 "there is no ${client:-docker, podman, nerdctl, crictl or ctr} here"
  fail 3 "no answer from:$found. Does its daemon run, and may you use it (sudo sh -s -- ...)?"
}

# Runs a client so that signals are heard meanwhile. In a dry run it only tells.
run() { # command
  if [ -n "$dry" ]; then
    say "  $*"
    return
  fi
  busy=yes
  "$@" </dev/null &
  wait "$!"
  status=$? busy=''
  return "$status"
}

pull() { # name
  [ -z "$platform" ] || set -- --platform "$platform" "$@"
  case $client:$BASE in
  podman:http:*) set -- --tls-verify=false "$@" ;;
  nerdctl:http:*) set -- --insecure-registry "$@" ;;
  ctr:http:*) set -- --plain-http "$@" ;;
  esac
  case $client in
  ctr) run ctr images pull "$@" ;;
  *) run "$client" pull "$@" ;;
  esac
}

tag() { # name, new name
  case $client in
  ctr) run ctr images tag --force "$1" "$2" ;;
  crictl) run ctr -n k8s.io images tag --force "$1" "$2" ;;
  *) run "$client" tag "$1" "$2" ;;
  esac
}

drop() { # name
  case $client in
  ctr) run ctr images rm "$1" ;;
  crictl)
    # `crictl rmi` would take the image with all its names. It has one more of the proxy's, by its digest.
    for name in "$1" $(ctr -n k8s.io images ls -q | grep -F "$proxied@"); do run ctr -n k8s.io images rm "$name" || return; done
    ;;
  *) run "$client" rmi "$1" ;;
  esac
}

# Pulls an image, names it, and drops the proxy's name. Its folder is there already.
image() { # number, reference
  parse "$2"
  at="[$1/$total] $2" log=$tmp/$1/log note=''
  proxied=$host/${GATEWAY:+$registry/}$repository
  if [ -n "$digest" ]; then from=$proxied@$digest; else from=$proxied:$tag; fi
  # containerd's names may hold a digest; what docker and podman tag may not.
  case $digest:$client in
  :*) to=$full ;;
  *:ctr | *:crictl) to=$registry/$repository@$digest ;;
  *) to=$registry/$repository:${tag:-$(printf 'sha256-%.12s' "${digest#*:}")} ;;
  esac
  [ "$to" = "$full" ] || note=", as $to"
  [ -n "$tags" ] || note=", as $from: crictl cannot tag, and no ctr answers"
  say "$at ..."
  # One at a time may show its progress on a terminal, and in a dry run its commands. Errors are told at the end.
  if [ -n "$dry" ] || { [ "$jobs" = 1 ] && [ -t 1 ]; }; then exec 3>&1; else exec 3>/dev/null; fi
  if ! { pull "$from" && { [ -z "$tags" ] || tag "$from" "$to"; }; } >&3 2>"$log"; then
    failed "$(tail -n 3 "$log" | plain)"
    return
  fi
  [ -z "$tags" ] || drop "$from" >&3 2>"$log" || note="$note; $from is left: $(tail -n 1 "$log" | plain)"
  : >"$tmp/$1/ok"
  [ -n "$dry" ] || say "$at is here$note"
}

failed() { # what the client said
  hint=''
  case $1 in *401* | *nauthorized* | *'uthentication required'* | *'no basic auth'*)
    case $client in
    ctr | crictl) hint=" ($client knows no login; docker, podman and nerdctl do)" ;;
    *) hint=" (to log in: $client login ${host%%/*})" ;;
    esac
    ;;
  esac
  printf '%s failed: %s%s\n' "$at" "$1" "$hint" >&2
}

# Takes what no other worker has taken: whoever makes an image's folder has it.
worker() {
  number=0 busy=''
  trap 'trap "" TERM; [ -z "$busy" ] || kill "$!"; wait; exit 1' TERM
  while read -r reference; do
    number=$((number + 1))
    ! mkdir "$tmp/$number" 2>/dev/null || image "$number" "$reference"
  done <"$tmp/list"
}

# Says what came of it, and ends.
finish() { # exit code, if something has happened
  number=0 good=0
  while read -r reference; do
    number=$((number + 1))
    if [ -e "$tmp/$number/ok" ]; then good=$((good + 1)); else say "$reference: not here"; fi
  done <"$tmp/list" >"$tmp/bad"
  cat "$tmp/refused" >>"$tmp/bad"
  say "$good of $((total + refused)) are here, by $client"
  sed 's/^/  /' "$tmp/bad"
  [ ! -s "$tmp/bad" ] || exit "${1:-1}"
  exit "${1:-0}"
}

# shellcheck disable=SC2317 # called by traps
stop() { # exit code
  trap '' INT TERM HUP
  for worker in $workers; do kill "$worker" 2>/dev/null; done
  wait
  say interrupted
  finish "$1"
}

main() {
  set -uf
  LC_ALL=C host=${BASE#*://} client='' platform='' jobs=1 dry='' tags=yes workers=''
  [ "$host" != "$BASE" ] || fail 2 'this file is to come from a proxy, which writes its address into it'
  tmp=$(mktemp -d) || exit 1
  trap 'rm -rf "$tmp"' EXIT
  trap 'exit 130' INT TERM HUP
  : >"$tmp/list" && : >"$tmp/refused"
  while [ "$#" -gt 0 ]; do
    case $1 in
    --client=* | --jobs=* | --platform=*) set -- "$@" "${1%%=*}" "${1#*=}" ;;
    --client | --jobs | --platform)
      [ "$#" -gt 1 ] || fail 2 "$1 wants a value"
      case $1 in --client) client=$2 ;; --jobs) jobs=$2 ;; *) platform=$2 ;; esac
      shift
      ;;
    --dry-run) dry=yes ;;
    -h | --help) usage && exit ;;
    -)
      case $- in *s*) fail 2 "stdin is this script; for a list use: sh -c \"\$(curl -fsSL $BASE/pull.sh)\" pull.sh - <list" ;; esac
      lines ''
      ;;
    -*) fail 2 "no such option: $1 (see --help)" ;;
    *)
      if [ ! -e "$1" ] || [ -d "$1" ]; then add "$1"; else
        [ -r "$1" ] || fail 2 "cannot read $1"
        lines "${1##*.}" <"$1"
      fi
      ;;
    esac
    shift
  done
  case $client in '' | docker | podman | nerdctl | crictl | ctr) ;; *) fail 2 "no such client: $client (see --help)" ;; esac
  case $jobs in '' | *[!0-9]* | 0*) fail 2 "--jobs wants a number, and not \`$jobs\`" ;; esac
  total=$(grep -c '' "$tmp/list") refused=$(grep -c '' "$tmp/refused")
  [ "$((total + refused))" -gt 0 ] || fail 2 'no image is named (see --help)'
  choose
  case $client:$platform in crictl:?*) fail 2 'crictl cannot choose a platform' ;; esac
  [ "$jobs" -lt "$total" ] 2>/dev/null || jobs=$((total > 0 ? total : 1))
  [ -z "$dry" ] || jobs=1
  trap 'stop 130' INT
  trap 'stop 143' TERM HUP
  number=0
  while [ "$number" -lt "$jobs" ]; do
    number=$((number + 1))
    worker &
    workers="$workers $!"
  done
  wait
  [ -z "$dry" ] || exit "$((refused > 0))"
  finish
}

main "$@"
