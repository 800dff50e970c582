//! id, whoami, hostname, uname.

use super::common::{fail, finish, quote, usage};
use super::options::{Options, unmodelled};
use super::{Call, Program};
use crate::Run;
use crate::machine::Machine;
use crate::machine::users::{self, User};

const ID_OPTIONS: Options = Options {
    short: "ugGn",
    long: &[("user", 'u'), ("group", 'g'), ("groups", 'G'), ("name", 'n')],
    unmodelled: "aZrz",
    ..Options::NONE
};
const HOSTNAME_OPTIONS: Options =
    Options { short: "sf", long: &[("short", 's'), ("fqdn", 'f')], unmodelled: "aAbdFiIyV", ..Options::NONE };
const UNAME_OPTIONS: Options = Options {
    short: "snrmpo",
    long: &[("kernel-name", 's'), ("nodename", 'n'), ("kernel-release", 'r'), ("machine", 'm')],
    unmodelled: "avi",
    ..Options::NONE
};
/// Numbers of the system's groups in the operator host's image.
const GROUPS: [(&str, u32); 3] = [("adm", 4), ("docker", 103), ("systemd-journal", 999)];
/// An operator host's name.
pub const HOST: &str = "operator-host";
/// The kernel is the outer machine's; nothing depends on it.
const RELEASE: &str = "6.12.0";

/// Who one is.
pub const ID: Program = Program { name: "id", in_sbin: false, run: id, knows: |words| ID_OPTIONS.know(words) };
/// The same in one word.
pub const WHOAMI: Program =
    Program { name: "whoami", in_sbin: false, run: whoami, knows: |words| Options::NONE.know(words) };
/// Where one is.
pub const HOSTNAME: Program =
    Program { name: "hostname", in_sbin: false, run: hostname, knows: |words| HOSTNAME_OPTIONS.know(words) };
/// What runs there.
pub const UNAME: Program =
    Program { name: "uname", in_sbin: false, run: uname, knows: |words| UNAME_OPTIONS.know(words) };

/// Groups as the kernel has them: the user's own first, then by number.
fn groups(user: &User) -> Vec<(String, u32)> {
    let mut others: Vec<(String, u32)> = GROUPS
        .iter()
        .filter(|(name, _)| user.groups.contains(name))
        .map(|(name, number)| ((*name).to_owned(), *number))
        .collect();
    others.sort_by_key(|(_, number)| *number);
    let mut all = vec![(user.name.to_owned(), user.uid)];
    all.append(&mut others);
    all
}

fn id(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match ID_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    let wanted: Vec<char> = given.options.iter().map(|(letter, _)| *letter).filter(|letter| *letter != 'n').collect();
    if wanted.windows(2).any(|pair| pair.first() != pair.last()) {
        fail(machine, call, "cannot print \"only\" of more than one choice")?;
        return Ok(1);
    }
    let asked: Vec<Option<&str>> =
        if given.operands.is_empty() { vec![None] } else { given.operands.iter().copied().map(Some).collect() };
    let (mut text, mut status) = (String::new(), 0);
    for name in asked {
        let user = match name {
            None => users::by_uid(call.context.user),
            Some(name) => users::by_name(name).or_else(|| name.parse().ok().and_then(users::by_uid)),
        };
        let Some(user) = user else {
            let name = name.map_or_else(|| call.context.user.to_string(), quote);
            fail(machine, call, &format!("{name}: no such user"))?;
            status = 1;
            continue;
        };
        let (groups, named) = (groups(user), given.has('n'));
        let group = |(name, number): &(String, u32)| if named { name.clone() } else { number.to_string() };
        text.push_str(&match wanted.first() {
            None if named => {
                fail(machine, call, "printing only names or real IDs requires -u, -g, or -G")?;
                return Ok(1);
            }
            None => {
                let list: Vec<String> = groups.iter().map(|(name, number)| format!("{number}({name})")).collect();
                format!("uid={0}({1}) gid={0}({1}) groups={2}", user.uid, user.name, list.join(","))
            }
            Some('G') => groups.iter().map(group).collect::<Vec<_>>().join(" "),
            Some(_) => group(&(user.name.to_owned(), user.uid)),
        });
        text.push('\n');
    }
    finish(machine, call, text.as_bytes(), status)
}

fn whoami(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match Options::NONE.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    if let Some(extra) = given.operands.first() {
        return usage(machine, call, &format!("extra operand {}", quote(extra)), 1);
    }
    match users::by_uid(call.context.user) {
        Some(user) => finish(machine, call, format!("{}\n", user.name).as_bytes(), 0),
        None => {
            fail(machine, call, &format!("cannot find name for user ID {}", call.context.user))?;
            Ok(1)
        }
    }
}

fn hostname(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match HOSTNAME_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    if !given.operands.is_empty() {
        return Err(unmodelled(call, "with a new name"));
    }
    finish(machine, call, format!("{HOST}\n").as_bytes(), 0)
}

fn uname(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match UNAME_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    if let Some(extra) = given.operands.first() {
        return usage(machine, call, &format!("extra operand {}", quote(extra)), 1);
    }
    let all = [('s', "Linux"), ('n', HOST), ('r', RELEASE), ('m', "x86_64"), ('p', "unknown"), ('o', "GNU/Linux")];
    let wanted: Vec<&str> = all.iter().filter(|(letter, _)| given.has(*letter)).map(|(_, word)| *word).collect();
    let text = if wanted.is_empty() { "Linux".to_owned() } else { wanted.join(" ") };
    finish(machine, call, format!("{text}\n").as_bytes(), 0)
}

#[cfg(test)]
mod tests {
    use crate::programs::common::tests::{machine, run, run_as};

    // Expected bytes: the operator host's image.
    #[test]
    fn everybody_is_who_the_image_says() {
        let mut machine = machine();
        let oncall = "uid=1000(oncall) gid=1000(oncall) groups=1000(oncall),4(adm),103(docker),999(systemd-journal)\n";
        let cases: [(u32, &[&str], i32, &str); 10] = [
            (1000, &["id"], 0, oncall),
            (0, &["id"], 0, "uid=0(root) gid=0(root) groups=0(root)\n"),
            (0, &["id", "-u"], 0, "0\n"),
            (0, &["id", "-un"], 0, "root\n"),
            (0, &["id", "-g", "oncall"], 0, "1000\n"),
            (0, &["id", "nope"], 1, "id: 'nope': no such user\n"),
            (900, &["whoami"], 0, "tensor-wasm\n"),
            (900, &["uname"], 0, "Linux\n"),
            (900, &["uname", "-sm"], 0, "Linux x86_64\n"),
            (900, &["hostname"], 0, "operator-host\n"),
        ];
        for (user, words, status, said) in cases {
            assert_eq!(run_as(&mut machine, user, words, b""), (status, said.to_owned()), "{words:?}");
        }
        assert_eq!(run(&mut machine, &["id", "-Gn"], b"").1, "oncall adm docker systemd-journal\n");
    }
}
