//! sudo (1.9.16) with the operator host's rules, runuser (util-linux): a command as somebody else.

use super::common::fail;
use super::options::{Options, refuse, unmodelled};
use super::{Call, PATH, Program, execute_file, find, nested};
use crate::Run;
use crate::machine::Machine;
use crate::machine::users::{self, ROOT, User};

const SUDO_OPTIONS: Options = Options {
    short: "nu:kKvHS",
    long: &[("non-interactive", 'n'), ("user", 'u'), ("reset-timestamp", 'k'), ("validate", 'v'), ("set-home", 'H')],
    unmodelled: "ABbCDEeghilNPpRrsTtUV",
    in_order: true,
    ..Options::NONE
};
const RUNUSER_OPTIONS: Options =
    Options { short: "u:", long: &[("user", 'u')], unmodelled: "cfgGlmpPsTwhV", in_order: true, ..Options::NONE };
/// What sudo says to a command line that it does not understand.
const USAGE: &str = "usage: sudo -h | -K | -k | -V
usage: sudo -v [-ABkNnS] [-g group] [-h host] [-p prompt] [-u user]
usage: sudo -l [-ABkNnS] [-g group] [-h host] [-p prompt] [-U user]
            [-u user] [command [arg ...]]
usage: sudo [-ABbEHkNnPS] [-r role] [-t type] [-C num] [-D directory]
            [-g group] [-h host] [-p prompt] [-R directory] [-T timeout]
            [-u user] [VAR=value] [-i | -s] [command [arg ...]]
usage: sudo -e [-ABkNnS] [-r role] [-t type] [-C num] [-D directory]
            [-g group] [-h host] [-p prompt] [-R directory] [-T timeout]
            [-u user] file ...
";

/// Asks the rules first.
pub const SUDO: Program =
    Program { name: "sudo", in_sbin: false, run: sudo, knows: |words| nested(&SUDO_OPTIONS.read(words)?.operands) };
/// For root alone.
pub const RUNUSER: Program = Program {
    name: "runuser",
    in_sbin: true,
    run: runuser,
    knows: |words| nested(&RUNUSER_OPTIONS.read(words)?.operands),
};

/// Half of its own work is before the command (rules, opening the session), half after it (closing the session, its log).
fn sudo(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let work = machine.calibration.programs.sudo_us;
    let work = machine.about(work);
    machine.spend(work / 2)?;
    let status = as_another(machine, call)?;
    machine.spend(work - work / 2)?;
    Ok(status)
}

fn as_another(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match SUDO_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        // Instead of GNU's hint it shows how it is called.
        Err(_) => return refuse(machine, call, USAGE, 1),
    };
    let me = users::by_uid(call.context.user);
    if given.operands.is_empty() {
        let only_ticket = given.has('k') || given.has('K');
        if only_ticket || given.has('v') && me.is_some_and(|me| me.sudo) {
            return Ok(0);
        }
        if !given.has('v') {
            return refuse(machine, call, USAGE, 1);
        }
    }
    let name = given.value('u').unwrap_or("root");
    let by_number = |name: &str| name.strip_prefix('#').and_then(|number| number.parse().ok()).and_then(users::by_uid);
    let Some(target) = users::by_name(name).or_else(|| by_number(name)) else {
        let text = format!("sudo: unknown user {name}\nsudo: error initializing audit plugin sudoers_audit\n");
        return refuse(machine, call, &text, 1);
    };
    if !me.is_some_and(|me| me.sudo) {
        if given.has('S') {
            return Err(unmodelled(call, "-S with a password"));
        }
        if !given.has('n') {
            let how = "either use the -S option to read from standard input or configure an askpass helper";
            fail(machine, call, &format!("a terminal is required to read the password; {how}"))?;
        }
        fail(machine, call, "a password is required")?;
        return Ok(1);
    }
    let mut context = call.context.clone();
    context.user = target.uid;
    context.environment = environment(call, target).into();
    let mut words = given.operands.iter().copied().peekable();
    while let Some((name, value)) = words.next_if(|word| word.contains('=')).and_then(|word| word.split_once('=')) {
        context.environment.insert(name.to_owned(), value.to_owned());
    }
    let words: Vec<String> = words.map(str::to_owned).collect();
    let Some(name) = words.first() else { return refuse(machine, call, USAGE, 1) };
    let Ok(path) = find(machine, &context, name) else {
        fail(machine, call, &format!("{name}: command not found"))?;
        return Ok(1);
    };
    let mut command = path.clone();
    for word in words.iter().skip(1) {
        command.push(' ');
        command.push_str(word);
    }
    context.environment.insert("SUDO_COMMAND".to_owned(), command);
    execute_file(machine, &path, &words, &context)
}

/// What a command finds under `env_reset` and Debian's `secure_path`.
fn environment(call: &Call<'_>, target: &User) -> std::collections::BTreeMap<String, String> {
    let mine = &call.context.environment;
    let me = users::by_uid(call.context.user);
    let mut variables = std::collections::BTreeMap::new();
    let mut set = |name: &str, value: &str| drop(variables.insert(name.to_owned(), value.to_owned()));
    set("PATH", PATH);
    set("MAIL", &format!("/var/mail/{}", target.name));
    set("LOGNAME", target.name);
    set("USER", target.name);
    set("HOME", target.home);
    set("SHELL", if target.uid == 900 { "/usr/sbin/nologin" } else { "/bin/bash" });
    set("TERM", mine.get("TERM").map_or("unknown", String::as_str));
    set("SUDO_USER", me.map_or("", |me| me.name));
    set("SUDO_UID", &call.context.user.to_string());
    set("SUDO_GID", &call.context.user.to_string());
    set("SUDO_HOME", me.map_or("", |me| me.home));
    for kept in ["LANG", "LANGUAGE", "LC_ALL", "DISPLAY", "COLORTERM"] {
        if let Some(value) = mine.get(kept) {
            set(kept, value);
        }
    }
    variables
}

fn runuser(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match RUNUSER_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    if call.context.user != ROOT {
        fail(machine, call, "may not be used by non-root users")?;
        return Ok(1);
    }
    let Some(name) = given.value('u') else { return Err(unmodelled(call, "without -u")) };
    let Some(target) = users::by_name(name) else {
        fail(
            machine,
            call,
            &format!("user {name} does not exist or the user entry does not contain all the required fields"),
        )?;
        return Ok(1);
    };
    let words: Vec<String> = given.operands.iter().map(|word| (*word).to_owned()).collect();
    let Some(name) = words.first() else {
        fail(machine, call, "no command was specified")?;
        return Ok(1);
    };
    let mut context = call.context.clone();
    context.user = target.uid;
    for (variable, value) in [("HOME", target.home), ("USER", target.name), ("LOGNAME", target.name)] {
        context.environment.insert(variable.to_owned(), value.to_owned());
    }
    match find(machine, &context, name) {
        Ok(path) => execute_file(machine, &path, &words, &context),
        Err((status, _)) => {
            let why = if status == 127 { "No such file or directory" } else { "Permission denied" };
            fail(machine, call, &format!("failed to execute {name}: {why}"))?;
            Ok(1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programs::common::tests::{file, machine, run, run_as};

    // Expected bytes: sudo 1.9.16p2 in the operator host's image.
    #[test]
    fn the_operator_may_and_the_node_may_not() {
        let mut machine = machine();
        file(&mut machine, "f", b"");
        let cases: [(u32, &[&str], i32, &str); 13] = [
            (1000, &["sudo", "-n", "whoami"], 0, "root\n"),
            (1000, &["sudo", "-n", "-u", "oncall", "whoami"], 0, "oncall\n"),
            (1000, &["sudo", "-u", "tensor-wasm", "--", "id", "-un"], 0, "tensor-wasm\n"),
            (1000, &["sudo", "nope"], 1, "sudo: nope: command not found\n"),
            (1000, &["sudo", "/tmp/f"], 1, "sudo: /tmp/f: command not found\n"),
            (1000, &["sudo", "/tmp"], 1, "sudo: /tmp: command not found\n"),
            (
                1000,
                &["sudo", "-u", "nobodyy", "true"],
                1,
                "sudo: unknown user nobodyy\nsudo: error initializing audit plugin sudoers_audit\n",
            ),
            (1000, &["sudo"], 1, USAGE),
            (1000, &["sudo", "-v"], 0, ""),
            (1000, &["sudo", "false"], 1, ""),
            (900, &["sudo", "-n", "true"], 1, "sudo: a password is required\n"),
            (
                900,
                &["sudo", "true"],
                1,
                "sudo: a terminal is required to read the password; either use the -S option to read from standard \
                 input or configure an askpass helper\nsudo: a password is required\n",
            ),
            (0, &["sudo", "whoami"], 0, "root\n"),
        ];
        for (user, words, status, said) in cases {
            assert_eq!(run_as(&mut machine, user, words, b""), (status, said.to_owned()), "{words:?}");
        }
        let said = "LOGNAME=root\nMAIL=/var/mail/root\n\
                    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nSHELL=/bin/bash\nSUDO_COMMAND=/usr/bin/env\nSUDO_GID=1000\nSUDO_HOME=/home/oncall\nSUDO_UID=1000\n\
                    SUDO_USER=oncall\nTERM=unknown\nUSER=root\n";
        assert_eq!(run(&mut machine, &["sudo", "A=1", "env"], b""), (0, format!("A=1\nHOME=/root\n{said}")));
    }

    #[test]
    fn runuser_is_for_root() {
        let mut machine = machine();
        assert_eq!(
            run(&mut machine, &["runuser", "-u", "oncall", "whoami"], b""),
            (1, "runuser: may not be used by non-root users\n".into())
        );
        let words = ["runuser", "-u", "oncall", "--", "whoami"];
        assert_eq!(run_as(&mut machine, 0, &words, b""), (0, "oncall\n".into()));
        let said = "runuser: failed to execute nope: No such file or directory\n";
        assert_eq!(run_as(&mut machine, 0, &["runuser", "-u", "oncall", "nope"], b""), (1, said.into()));
        let (_, said) = run_as(&mut machine, 0, &["runuser", "-u", "oncall", "env"], b"");
        assert_eq!(said, "HOME=/home/oncall\nLOGNAME=oncall\nUSER=oncall\n");
    }
}
