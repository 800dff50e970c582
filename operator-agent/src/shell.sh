# The operator's shell. Reads commands, each ended by a NUL, from what was its stdin; evaluates each from its original
# bytes; then tells, on what was its stdout, between NULs and with a nonce: when it began and ended by its own clock, its
# status, and those of its pipeline parts.
# $1: the nonce. Commands see /dev/null as stdin, and stdout and stderr as one stream.
exec {__drill_in}<&0 {__drill_out}>&1 </dev/null 2>&1
__drill_nonce=$1
shift
umask 022
__drill_said= __drill_began= __drill_last=0
__drill_say() {
  local __drill_ended=$EPOCHREALTIME IFS=' '
  __drill_said=yes __drill_last=$1
  builtin printf '\0%s %s\0' "$__drill_nonce" "$__drill_began $__drill_ended $*" >&"$__drill_out"
}
__drill_again() { return "$__drill_last"; }
__drill_say ready
__drill_last=0
while IFS= builtin read -r -d '' -u "$__drill_in" __drill_text; do
  # A command reads in `$?` how the one before it ended. In front of `&&` neither `set -e` nor an ERR trap minds a status,
  # and the list keeps it; on the command's own line its messages keep their line numbers.
  __drill_before=
  if [[ $__drill_last != 0 ]]; then __drill_before='__drill_again && :; '; fi
  __drill_said= __drill_began=$EPOCHREALTIME
  # The statuses are read inside the same eval: after it, PIPESTATUS would be the eval's own.
  builtin eval "$__drill_before$__drill_text"$'\n''__drill_say "$?" "${PIPESTATUS[@]}"'
  __drill_status=$?
  # A syntax error ends the eval before it can tell.
  if [[ -z $__drill_said ]]; then __drill_say "$__drill_status" "$__drill_status"; fi
done
