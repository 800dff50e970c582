//! socat, as a client of the balancer's administrative socket: `socat - UNIX-CONNECT:PATH`.

use super::calendar::civil;
use super::common::emit;
use super::options::refuse;
use super::{Call, Program};
use crate::machine::Machine;
use crate::machine::files::Errno;
use crate::machine::users::ROOT;
use crate::{Run, Stop};

/// Bytes of one line that HAProxy takes (its tune.bufsize).
const LINE_MAX: usize = 16_384;

/// Two channels joined.
pub const SOCAT: Program = Program { name: "socat", in_sbin: false, run: socat, knows };

fn knows(words: &[Option<&str>]) -> Result<(), String> {
    match words {
        // What its own usage message answers.
        [] | [_] => Ok(()),
        [first, second] => {
            for (word, is) in [(first, is_stdio as fn(&str) -> bool), (second, |word| socket_of(word).is_some())] {
                if let Some(word) = word.filter(|word| !is(word)) {
                    return Err(format!("the address {word} is not modelled"));
                }
            }
            Ok(())
        }
        _ => Err("options are not modelled".into()),
    }
}

fn is_stdio(word: &str) -> bool {
    matches!(word.to_ascii_uppercase().as_str(), "-" | "STDIO")
}

/// The path of a socket address.
fn socket_of(word: &str) -> Option<&str> {
    if word.starts_with('/') {
        return Some(word);
    }
    let (kind, path) = word.split_once(':')?;
    let known = matches!(kind.to_ascii_uppercase().as_str(), "UNIX-CONNECT" | "UNIX" | "UNIX-CLIENT");
    (known && !path.contains(',')).then_some(path)
}

fn socat(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let work = machine.calibration.programs.socat_us;
    machine.spend(work)?;
    let arguments = call.arguments();
    let known: Vec<Option<&str>> = arguments.iter().map(|word| Some(word.as_str())).collect();
    knows(&known).map_err(|what| Stop::Unable(format!("socat: {what}; use --host container")))?;
    let path = match arguments {
        [_, path] => socket_of(path).unwrap_or_default(),
        some => {
            let text = format!("exactly 2 addresses required (there are {}); use option \"-h\" for help", some.len());
            return complain(machine, call, &text);
        }
    };
    if let Err(why) = connect(machine, call, path) {
        // The address's length: the family and the path with its end.
        let text = format!("connect(, AF=1 \"{path}\", {}): {why}", path.len() + 2);
        return complain(machine, call, &text);
    }
    // HAProxy answers the first line of a connection and closes it; `;` parts commands.
    let line = machine.read_line(&call.context.io.stdin).unwrap_or_default();
    let line = crate::lossy(line.get(..line.len().min(LINE_MAX)).unwrap_or_default()).into_owned();
    let mut answer = String::new();
    for command in line.split(';').map(str::trim).filter(|command| !command.is_empty()) {
        answer.push_str(&machine.balancer_command(command));
    }
    Ok(match emit(machine, call, answer.as_bytes())? {
        Ok(()) => 0,
        Err(status) => status,
    })
}

/// The socket is HAProxy's, mode 660, of root; another file's is nobody's.
fn connect(machine: &Machine, call: &Call<'_>, path: &str) -> Result<(), &'static str> {
    let context = call.context;
    let real = super::ln::canonical(machine, context.user, &context.cwd, path, 'm');
    if real.as_deref() == Ok(machine.balancer.socket.as_str()) {
        return if context.user != ROOT {
            Err(Errno::PermissionDenied.text())
        } else if machine.balancer.runs {
            Ok(())
        } else {
            Err("Connection refused")
        };
    }
    match machine.files.resolve(context.user, &context.cwd, path) {
        Ok(_) => Err("Connection refused"),
        Err(error) => Err(error.text()),
    }
}

/// Its messages carry a time and a process number.
fn complain(machine: &mut Machine, call: &Call<'_>, text: &str) -> Run<i32> {
    let at = civil(machine.unix_us().div_euclid(1_000_000)).stamp().replace('-', "/");
    let pid = machine.next_pid();
    refuse(machine, call, &format!("{at} socat[{}] E {text}\n", pid.0), 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::balancer::State;
    use crate::programs::common::tests::{file, machine, run, run_as};

    #[test]
    fn root_drains_and_nobody_else() {
        let mut machine = machine();
        let words = ["socat", "-", "UNIX-CONNECT:/run/haproxy/admin.sock"];
        let drain = b"set server node/tensor-wasm state drain\n";
        let (status, said) = run(&mut machine, &words, drain);
        let end = "E connect(, AF=1 \"/run/haproxy/admin.sock\", 25): Permission denied\n";
        assert!(status == 1 && said.ends_with(end), "{said}");
        assert_eq!(machine.balancer.state, State::Ready);
        assert_eq!(run_as(&mut machine, 0, &words, drain), (0, "\n".into()));
        assert_eq!(machine.balancer.state, State::Drain);
        let wrong = b"set server node/other state drain\nset server node/tensor-wasm state ready\n";
        assert_eq!(run_as(&mut machine, 0, &words, wrong), (0, "No such server.\n\n".into()));
        assert_eq!(machine.balancer.state, State::Drain, "one line for each connection");
        machine.balancer.runs = false;
        assert!(run_as(&mut machine, 0, &words, drain).1.ends_with(": Connection refused\n"));
    }

    // Expected lines: HAProxy 3.0.11 in the operator host's image.
    #[test]
    fn the_servers_state_is_told_as_haproxy_tells_it() {
        let mut machine = machine();
        let words = ["socat", "-", "UNIX-CONNECT:/run/haproxy/admin.sock"];
        let shown = |machine: &mut Machine, set: &str, seconds: u64| {
            if !set.is_empty() {
                let line = format!("set server node/tensor-wasm state {set}\n");
                assert_eq!(run_as(machine, 0, &words, line.as_bytes()).1, "\n");
            }
            machine.run_until(machine.now + seconds * crate::time::SECOND).unwrap();
            let (_, text) = run_as(machine, 0, &words, b"show servers state node\n");
            assert_eq!(text.split('\n').nth(1).map(|head| head.split(' ').count()), Some(26));
            text.split('\n').nth(2).unwrap_or_default().to_owned()
        };
        let since = |machine: &Machine| (machine.now - machine.balancer.since) / crate::time::SECOND;
        let row = |rest: &str| format!("3 node 1 tensor-wasm 127.0.0.1 {rest} 0 0 0 0 - 8080 - 0 0 - - 0");
        for (set, wanted) in [("", "2 0"), ("drain", "2 8"), ("ready", "2 0")] {
            let told = shown(&mut machine, set, 2);
            // A drain is no change of the server's own state.
            assert_eq!(told, row(&format!("{wanted} 1 1 {} 1 0 2", since(&machine))), "{set}");
        }
        for (set, wanted) in [("maint", "0 1"), ("drain", "2 8"), ("maint", "0 1"), ("ready", "2 0")] {
            assert_eq!(shown(&mut machine, set, 2), row(&format!("{wanted} 1 1 2 1 0 0")), "{set}");
        }
        for (line, wanted) in [
            ("set server other/tensor-wasm state drain", "No such backend.\n\n"),
            ("show servers state other", "Can't find backend.\n\n"),
        ] {
            assert_eq!(run_as(&mut machine, 0, &words, line.as_bytes()).1, wanted);
        }
    }

    // Expected bytes: socat 1.8.0 in the operator host's image.
    #[test]
    fn messages_are_the_real_ones() {
        let mut machine = machine();
        file(&mut machine, "f1", b"");
        let cases: [(&[&str], &str); 4] = [
            (&["socat", "-", "UNIX-CONNECT:/nope"], "E connect(, AF=1 \"/nope\", 7): No such file or directory\n"),
            (&["socat", "-", "UNIX-CONNECT:/tmp/f1"], "E connect(, AF=1 \"/tmp/f1\", 9): Connection refused\n"),
            (&["socat"], "E exactly 2 addresses required (there are 0); use option \"-h\" for help\n"),
            (&["socat", "-"], "E exactly 2 addresses required (there are 1); use option \"-h\" for help\n"),
        ];
        for (words, end) in cases {
            let (status, said) = run_as(&mut machine, 0, words, b"x\n");
            assert!(status == 1 && said.ends_with(end) && said.starts_with("2026/01/01 00:00:0"), "{said}");
        }
        assert_eq!(
            knows(&[Some("-"), Some("TCP:localhost:80")]),
            Err("the address TCP:localhost:80 is not modelled".into())
        );
        assert_eq!(knows(&[Some("-"), None]), Ok(()));
    }
}
