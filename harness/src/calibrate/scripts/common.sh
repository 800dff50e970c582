# What the other scripts begin with. Times are bash's own clock, microseconds; each line is `NAME MICROSECONDS`.
export LC_ALL=C
now() { printf -v "$1" %s "${EPOCHREALTIME/[.,]/}"; }
tell() { echo "$1 $(($3 - $2))"; }
# run NAME COMMAND...: how long it takes, from its fork until bash has its status; `read` is the function's own part.
run() {
  local name=$1 began ended
  shift
  now began
  "$@" > /dev/null 2>&1 < /dev/null
  now ended
  tell "$name" "$began" "$ended"
}
exec {nothing}<> <(:)
# A moment without a process of its own.
moment() { read -r -t 0.001 -u "$nothing"; }
# event_ns SINCE TYPE ACTION: when the engine last told of this, nanoseconds.
event_ns() {
  docker events --since "$1" --until "$(date +%s.%N)" --filter "type=$2" --filter "event=$3" --format '{{.TimeNano}}' |
    tail -n 1
}
