# The shell's own work.
for ((turn = 0; turn < n; turn++)); do
  now began
  for x in {1..10000}; do
    :
    [ a = b ]
  done
  now ended
  tell builtins "$began" "$ended"
  for round in {1..5}; do
    now began
    for x in {1..10}; do (:); done
    now ended
    tell subshells "$began" "$ended"
  done
done
