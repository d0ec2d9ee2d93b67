# shellcheck shell=sh disable=SC1090,SC1091,SC2034
# Works through the steps that came with it. $1 is the directory, on tmpfs, that holds everything that was sent.
d=$1
n='' root='' patience=30 mutates='' parts='' locked='' guarded='' step='' reload_due=''
nl='
'
# The operator may go away at any time; what was begun is brought to its end.
trap '' HUP PIPE
trap 'rm -rf "$d" ${locked:+"$run/exec"}' EXIT
trap 'exit 143' INT TERM
# 3 is the way back to the operator; nothing else that runs here may write to it.
exec 3>&1 >>"$d/log" 2>&1 </dev/null
set -f
umask 022
LC_ALL=C TZ=UTC0 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL TZ PATH
unset IFS CDPATH ENV GREP_OPTIONS POSIXLY_CORRECT

. "$d/head"
state=$root/var/lib/coracle
run=$root/run/coracle
for part in $parts; do . "$d/$part.sh"; done
if [ -n "$mutates" ]; then lock_exec && open_state; else await_exec; fi
. "$d/steps"
finish
