//! What a topology's files may say of owners, modes and paths. The machine's archive could not hold anything else, so it
//! is refused when it is read, and not when the machine is made.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Arranged, File, Folder, Image, Images, Link, Part, Repository, RepositoryFile, Topology};

/// Users of the operator host's image, with the ids that its Dockerfile gives them.
const USERS: [(&str, u64); 3] = [("root", 0), ("oncall", 1000), ("tensor-wasm", 900)];
/// Permissions, set-user-id, set-group-id and sticky.
const MODE_MAX: u32 = 0o7777;
/// A machine takes some tens of milliseconds to bring a fault about: into what is over sooner than that many none would fall.
const TAKES_MS_MIN: u64 = 500;

/// The id of a user of the operator host's image.
///
/// # Errors
/// Which users there are.
pub fn id_of(user: &str) -> Result<u64, String> {
    USERS.iter().find(|(name, _)| *name == user).map(|(_, id)| *id).ok_or_else(|| {
        let known = USERS.map(|(name, _)| name).join(", ");
        format!("no user `{user}` in the operator host's image; there are {known}")
    })
}

/// Permission bits.
///
/// # Errors
/// What is wrong.
pub fn mode(text: &str) -> Result<u32, String> {
    let octal = !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    let bits = if octal { u32::from_str_radix(text, 8).ok() } else { None };
    bits.filter(|bits| *bits <= MODE_MAX).ok_or_else(|| format!("mode `{text}` is not octal, 0 to {MODE_MAX:o}"))
}

/// An absolute path that names one thing only, relative to the root.
///
/// # Errors
/// What is wrong.
pub fn plain_absolute(path: &str) -> Result<&Path, String> {
    let rest = path.strip_prefix('/').filter(|rest| is_plain(rest));
    rest.map(Path::new).ok_or_else(|| format!("`{}` is not a plain absolute path", path.escape_debug()))
}

fn plain_relative(path: &str) -> Result<(), String> {
    if is_plain(path) { Ok(()) } else { Err(format!("`{}` is not a plain relative path", path.escape_debug())) }
}

fn is_plain(path: &str) -> bool {
    !path.chars().any(char::is_control) && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// What a topology's file and those that it includes have in common.
struct Things<'a> {
    folders: &'a [Folder],
    files: &'a [File],
    links: &'a [Link],
    repository: Option<&'a Repository>,
    images: Option<&'a Images>,
    neighbours: &'a [Image],
    arranged: &'a BTreeMap<String, Arranged>,
}

/// Refuses a topology's own file.
pub(super) fn topology(topology: &Topology) -> Result<(), String> {
    let Topology { folder, file, link, repository, images, neighbour, arranged, .. } = topology;
    id_of(&topology.operator).map_err(|why| format!("operator: {why}"))?;
    if let Some(releases) = &topology.releases {
        let of = |version: &str| releases.path.replace("@VERSION@", version);
        plain_absolute(&of("1.0.0")).map_err(|why| format!("releases.path: {why}"))?;
        if of("1") == of("2") {
            return Err(format!(
                "releases.path: `{}` is the same for all releases; it needs `@VERSION@`",
                releases.path
            ));
        }
    }
    for (class, ms) in &topology.takes_ms {
        let most = topology.ceilings.command_s.saturating_mul(1000);
        if !(TAKES_MS_MIN..=most).contains(ms) {
            let class = class.as_str();
            return Err(format!("takes_ms.{class}: {ms}; looked for {TAKES_MS_MIN} to {most}"));
        }
    }
    things(&Things {
        folders: folder,
        files: file,
        links: link,
        repository: repository.as_ref(),
        images: images.as_ref(),
        neighbours: neighbour,
        arranged,
    })
}

/// Refuses an included file.
pub(super) fn part(part: &Part) -> Result<(), String> {
    let Part { folder, file, link, repository, images, neighbour, arranged, .. } = part;
    things(&Things {
        folders: folder,
        files: file,
        links: link,
        repository: repository.as_ref(),
        images: images.as_ref(),
        neighbours: neighbour,
        arranged,
    })
}

fn things(things: &Things<'_>) -> Result<(), String> {
    for Folder { path, owner, mode: bits } in things.folders {
        owned(path, owner, bits).map_err(|why| format!("folder {path}: {why}"))?;
    }
    for File { path, owner, mode: bits, .. } in things.files {
        owned(path, owner, bits).map_err(|why| format!("file {path}: {why}"))?;
    }
    for Link { path, to } in things.links {
        plain_absolute(path).map_err(|why| format!("link {path}: {why}"))?;
        if to.is_empty() || to.chars().any(char::is_control) {
            return Err(format!("link {path}: `{}` is no path", to.escape_debug()));
        }
    }
    if let Some(Repository { path, owner, file }) = things.repository {
        plain_absolute(path).map_err(|why| format!("repository: {why}"))?;
        id_of(owner).map_err(|why| format!("repository: {why}"))?;
        in_repository(file).map_err(|why| format!("repository: {why}"))?;
    }
    for (id, arranged) in things.arranged {
        in_repository(&arranged.repository_file).map_err(|why| format!("arranged.{id}: {why}"))?;
    }
    if let Some(Images { storage, release }) = things.images {
        plain_absolute(storage).map_err(|why| format!("images.storage: {why}"))?;
        plain_absolute(&release.executable).map_err(|why| format!("images.release.executable: {why}"))?;
        plain_relative(&release.image.repository).map_err(|why| format!("images.release.image.repository: {why}"))?;
        if release.image.rules_engine {
            return Err("images.release.image: rules_engine: looked for it in a neighbour".into());
        }
    }
    for Image { repository, tag, .. } in things.neighbours {
        plain_relative(repository).map_err(|why| format!("neighbour {repository}: repository: {why}"))?;
        plain_relative(tag).map_err(|why| format!("neighbour {repository}: tag: {why}"))?;
    }
    if let [_, second, ..] = things.neighbours.iter().filter(|one| one.rules_engine).collect::<Vec<_>>().as_slice() {
        return Err(format!("neighbour {}: rules_engine: there is one already", second.repository));
    }
    Ok(())
}

fn owned(path: &str, owner: &str, bits: &str) -> Result<(), String> {
    plain_absolute(path)?;
    id_of(owner)?;
    mode(bits).map(drop)
}

fn in_repository(files: &[RepositoryFile]) -> Result<(), String> {
    files.iter().try_for_each(|file| plain_relative(&file.path))
}

#[cfg(test)]
mod tests {
    use crate::topology::load;

    const TOPOLOGY: &str = r#"schema = 1
id = "x"
about = "A machine."
include = ["part.toml"]
operator = "oncall"
node = { port = 8080, url = "http://127.0.0.1:8080" }
balancer = { url = "http://127.0.0.1", control_url = "http://127.0.0.1/c", socket = "/run/s", server = "a/b" }
ceilings = { command_s = 1, block_s = 1 }
supervisor = { command = "true", alive = [] }
releases = { path = "/opt/v@VERSION@/node" }
folder = [{ path = "/srv/a", owner = "root", mode = "0755" }]
link = [{ path = "/srv/b", to = "a" }]
"#;
    const PART: &str = r#"
file = [{ path = "/srv/a/c", from = "c", owner = "tensor-wasm", mode = "4755" }]
repository = { path = "/srv/git", owner = "oncall", file = [{ path = "d/e", from = "c" }] }
neighbour = [{ repository = "team/n", tag = "v1", entrypoint = ["n"] }]
[arranged.some-fault]
how = "So."
repository_file = [{ path = "d/f", from = "c" }]
[images]
storage = "/var/lib/r"
release = { executable = "/bin/node", image = { repository = "team/node", entrypoint = ["node"] } }
"#;

    fn refusal(topology: &str, part: &str) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x.toml"), topology).unwrap();
        std::fs::write(folder.path().join("part.toml"), part).unwrap();
        let error = load(folder.path(), "x").err()?.to_string();
        Some(error.replace(&format!("{}/", folder.path().display()), ""))
    }

    #[test]
    fn what_no_machine_could_hold_is_refused_with_its_file() {
        assert_eq!(refusal(TOPOLOGY, PART), None);
        #[rustfmt::skip]
        let cases = [
            ("\"oncall\"\nnode", "\"nobody\"\nnode", "x.toml: operator: no user `nobody` in the operator host's image; there are root, oncall, tensor-wasm"),
            ("/opt/v@VERSION@/node", "opt/v@VERSION@/node", "x.toml: releases.path: `opt/v1.0.0/node` is not a plain absolute path"),
            ("/opt/v@VERSION@/node", "/opt/node", "x.toml: releases.path: `/opt/node` is the same for all releases; it needs `@VERSION@`"),
            ("\"/srv/a\"", "\"srv/a\"", "x.toml: folder srv/a: `srv/a` is not a plain absolute path"),
            ("\"/srv/a\"", "\"/srv/../a\"", "x.toml: folder /srv/../a: `/srv/../a` is not a plain absolute path"),
            ("\"root\"", "\"www\"", "x.toml: folder /srv/a: no user `www` in the operator host's image; there are root, oncall, tensor-wasm"),
            ("\"0755\"", "\"0855\"", "x.toml: folder /srv/a: mode `0855` is not octal, 0 to 7777"),
            ("\"0755\"", "\"10000\"", "x.toml: folder /srv/a: mode `10000` is not octal, 0 to 7777"),
            ("\"0755\"", "\"+755\"", "x.toml: folder /srv/a: mode `+755` is not octal, 0 to 7777"),
            ("\"/srv/b\"", "\"/srv//b\"", "x.toml: link /srv//b: `/srv//b` is not a plain absolute path"),
            ("to = \"a\"", "to = \"\"", "x.toml: link /srv/b: `` is no path"),
            ("\"/srv/a/c\"", "\"/srv/a/c/\"", "part.toml: file /srv/a/c/: `/srv/a/c/` is not a plain absolute path"),
            ("\"tensor-wasm\"", "\"Root\"", "part.toml: file /srv/a/c: no user `Root` in the operator host's image; there are root, oncall, tensor-wasm"),
            ("\"4755\"", "\"\"", "part.toml: file /srv/a/c: mode `` is not octal, 0 to 7777"),
            ("\"/srv/git\"", "\"/\"", "part.toml: repository: `/` is not a plain absolute path"),
            ("owner = \"oncall\"", "owner = \"git\"", "part.toml: repository: no user `git` in the operator host's image; there are root, oncall, tensor-wasm"),
            ("\"d/e\"", "\"d/e\\nM\"", "part.toml: repository: `d/e\\nM` is not a plain relative path"),
            ("\"d/f\"", "\"../f\"", "part.toml: arranged.some-fault: `../f` is not a plain relative path"),
            ("\"/var/lib/r\"", "\"r\"", "part.toml: images.storage: `r` is not a plain absolute path"),
            ("\"/bin/node\"", "\"node\"", "part.toml: images.release.executable: `node` is not a plain absolute path"),
            ("\"team/node\"", "\"/node\"", "part.toml: images.release.image.repository: `/node` is not a plain relative path"),
            ("\"team/n\"", "\"team//n\"", "part.toml: neighbour team//n: repository: `team//n` is not a plain relative path"),
            ("\"v1\"", "\"\"", "part.toml: neighbour team/n: tag: `` is not a plain relative path"),
            ("[\"node\"]", "[\"node\"], rules_engine = true", "part.toml: images.release.image: rules_engine: looked for it in a neighbour"),
            ("[\"n\"] }", "[\"n\"], rules_engine = true }, { repository = \"m\", tag = \"v1\", entrypoint = [\"m\"], rules_engine = true }", "part.toml: neighbour m: rules_engine: there is one already"),
        ];
        for (from, to, wanted) in cases {
            assert_eq!(TOPOLOGY.matches(from).count() + PART.matches(from).count(), 1, "{from}");
            let error = refusal(&TOPOLOGY.replace(from, to), &PART.replace(from, to));
            assert_eq!(error.as_deref(), Some(wanted), "{from} -> {to}");
        }
    }
}
