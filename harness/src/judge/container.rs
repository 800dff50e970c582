//! What the supervisor command of a topology with containers prints: lines `KEY=VALUE` about the node's container, the
//! registry and the neighbours. `Running=` and `Restarting=` are read as whole lines, as the topology's file names them.

use std::collections::BTreeMap;

use crate::history::event::PlannedRelease;

/// The value of a neighbour or a tag that is not there.
const ABSENT: &str = "absent";
/// The value of a tag of which nobody could be asked.
const UNREACHABLE: &str = "unreachable";
/// Said where the registry's answer does not tell the two apart.
const EITHER: &str = "moved tag or stale local image";

/// The node's container and what is round it, at one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container<'a> {
    /// The engine's word for its state; `absent` when there is no container of that name.
    pub status: &'a str,
    /// The reference that it was created with.
    pub image: Option<&'a str>,
    /// Digest of the manifest that its image was pulled as; `None` if it never was.
    pub image_digest: Option<&'a str>,
    /// What the registry says of a tag now.
    pub registry: BTreeMap<&'a str, RegistryTag<'a>>,
    /// The other containers by name; `None` for one that is gone.
    pub neighbours: BTreeMap<&'a str, Option<Neighbour<'a>>>,
    /// Containers of a release's image under other names that run or are due to restart: name and the engine's word.
    pub others: BTreeMap<&'a str, &'a str>,
}

/// What a registry says of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistryTag<'a> {
    /// It has this manifest under it.
    Serves(&'a str),
    /// It has no such tag.
    Absent,
    /// It cannot be asked.
    Unreachable,
}

/// Another container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbour<'a> {
    /// The engine's id.
    pub id: &'a str,
    /// When it was started, as the engine says it.
    pub started: &'a str,
    /// The engine's word for whether it runs; empty in a History that does not say it.
    pub status: &'a str,
}

impl<'a> Container<'a> {
    /// Reads the text; `None` without a `Status=` line, which is where nodes run in no container. Lines that are none of
    /// these keys, or whose value is not of their form, say nothing.
    pub fn of(text: &'a str) -> Option<Container<'a>> {
        let lines = || text.lines().filter_map(|line| line.trim().split_once('='));
        let value = |wanted: &str| lines().find(|(key, _)| *key == wanted).map(|(_, value)| value.trim());
        let some = |wanted: &str| value(wanted).filter(|value| !value.is_empty());
        let named = |wanted: &'static str| lines().filter(move |(key, _)| *key == wanted).map(|(_, value)| value);
        Some(Container {
            status: some("Status")?,
            image: some("Image"),
            image_digest: some("ImageDigest"),
            registry: named("RegistryTag").filter_map(registry_tag).collect(),
            neighbours: named("Neighbour").filter_map(neighbour).collect(),
            others: named("Other").filter_map(|value| value.trim().split_once(' ')).collect(),
        })
    }

    /// Whether there is no container of that name.
    pub fn is_absent(&self) -> bool {
        self.status == ABSENT
    }

    /// Why it was not created from a release's image, in words; `None` if it was, or if the release has none. The causes
    /// are told apart because each is mended elsewhere: another tag in the command or file, a tag that was moved in the
    /// registry, a stale image on the machine.
    pub fn other_image(&self, release: &PlannedRelease) -> Option<String> {
        let (wanted, tag) = (release.image_digest.as_deref()?, release.tag());
        if self.image_digest == Some(wanted) {
            return None;
        }
        if self.is_absent() {
            return Some("there is no container".into());
        }
        if let Some(other) = self.image.and_then(tag_of).filter(|other| *other != tag) {
            return Some(format!("another tag: the container was created from {other}, not {tag}"));
        }
        let Some(digest) = self.image_digest else {
            return Some(format!("stale local image: what the container was created from as {tag} was never pulled"));
        };
        let created = format!("the container was created from {digest}");
        Some(match self.registry.get(tag.as_str()) {
            Some(RegistryTag::Serves(now)) if *now == digest => {
                format!("moved tag: {created}, which the registry serves for {tag} now")
            }
            Some(RegistryTag::Serves(now)) if *now == wanted => {
                format!("stale local image: {created}, the registry serves {now} for {tag}")
            }
            Some(RegistryTag::Serves(now)) => format!("{EITHER}: {created}, the registry serves {now} for {tag} now"),
            Some(RegistryTag::Absent) => format!("{EITHER}: {created}, the registry has no {tag} now"),
            Some(RegistryTag::Unreachable) => format!("{EITHER}: {created}, the registry is unreachable"),
            None => format!("{EITHER}: {created}, the registry was not asked for {tag}"),
        })
    }
}

/// The tag of an image reference; a colon before the last slash is a port, one behind an at sign is a digest's.
fn tag_of(image: &str) -> Option<&str> {
    image.split('@').next()?.rsplit('/').next()?.split_once(':').map(|(_, tag)| tag)
}

/// `TAG DIGEST`, `TAG absent` or `TAG unreachable`.
fn registry_tag(value: &str) -> Option<(&str, RegistryTag<'_>)> {
    let mut words = value.split_whitespace();
    let (tag, says) = (words.next()?, words.next()?);
    let says = match says {
        ABSENT => RegistryTag::Absent,
        UNREACHABLE => RegistryTag::Unreachable,
        digest if digest.starts_with("sha256:") => RegistryTag::Serves(digest),
        _ => return None,
    };
    words.next().is_none().then_some((tag, says))
}

/// `NAME ID STARTED STATUS`, at first `NAME ID STARTED`, or `NAME absent`.
fn neighbour(value: &str) -> Option<(&str, Option<Neighbour<'_>>)> {
    let (name, rest) = value.trim().split_once(' ')?;
    if rest.trim() == ABSENT {
        return Some((name, None));
    }
    let (id, rest) = rest.trim().split_once(' ')?;
    let (started, status) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
    Some((name, Some(Neighbour { id, started, status: status.trim() })))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPOSE: &str = "Status=running\nRunning=true\nRestarting=false\nExitCode=0\nContainer=c0ffee\n\
        Image=ghcr.io/craton-co/tensor-wasm:v0.3.8\nImageDigest=sha256:aa\nRegistryTag=v0.3.8 sha256:aa\n\
        RegistryTag=v0.4.0 absent\nRegistryTag=v0.5.0 unreachable\nNeighbour=prometheus 11 2026-11-24T03:31:58Z running\n\
        Neighbour=jaeger absent\nOther=c0ffee_node restarting\n";

    #[test]
    fn each_key_is_read() {
        let read = Container::of(COMPOSE).unwrap();
        assert_eq!((read.status, read.image_digest), ("running", Some("sha256:aa")));
        assert_eq!(read.image, Some("ghcr.io/craton-co/tensor-wasm:v0.3.8"));
        let registry = [
            ("v0.3.8", RegistryTag::Serves("sha256:aa")),
            ("v0.4.0", RegistryTag::Absent),
            ("v0.5.0", RegistryTag::Unreachable),
        ];
        assert_eq!(read.registry, registry.into());
        let prometheus = Neighbour { id: "11", started: "2026-11-24T03:31:58Z", status: "running" };
        assert_eq!(read.neighbours, [("jaeger", None), ("prometheus", Some(prometheus))].into());
        assert_eq!(read.others, [("c0ffee_node", "restarting")].into());
        let before = COMPOSE.replace("58Z running", "58Z");
        let unsaid = Container::of(&before).unwrap().neighbours["prometheus"];
        assert_eq!(unsaid, Some(Neighbour { status: "", ..prometheus }));
    }

    #[test]
    fn what_is_not_there_or_not_of_its_form_says_nothing() {
        assert_eq!(Container::of("ActiveState=active\nSubState=running\nExecMainStatus=0\n"), None);
        assert_eq!(Container::of(""), None);
        assert_eq!(Container::of("Status=\n"), None);
        let absent = Container::of("Status=absent\nImageDigest=\nImage=\n").unwrap();
        assert_eq!((absent.status, absent.image, absent.image_digest), ("absent", None, None));
        let odd = "Status=running\nnonsense\nRegistryTag=v1.0.0\nRegistryTag=v1.0.0 gone\n\
            RegistryTag=v1.0.0 sha256:aa bb\nNeighbour=x\nNeighbour=x 11\nMyImage=no\nOther=x\n";
        let odd = Container::of(odd).unwrap();
        assert_eq!((odd.registry.len(), odd.neighbours.len(), odd.image), (0, 0, None));
        assert_eq!(odd.others.len(), 0);
    }

    fn other(edits: &[(&str, &str)]) -> Option<String> {
        let text = edits.iter().fold(COMPOSE.to_owned(), |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replace(from, to)
        });
        let release = PlannedRelease { image_digest: Some("sha256:aa".into()), ..crate::judge::sample::plan().good };
        Container::of(&text).unwrap().other_image(&release)
    }

    #[test]
    fn the_releases_image_is_known_by_its_digest_alone() {
        assert_eq!(other(&[]), None);
        assert_eq!(other(&[("RegistryTag=v0.3.8 sha256:aa", "RegistryTag=v0.3.8 sha256:bb")]), None);
        assert_eq!(other(&[("wasm:v0.3.8", "wasm@sha256:aa")]), None);
        let without_images = crate::judge::sample::plan().good;
        assert_eq!(Container::of("Status=running").unwrap().other_image(&without_images), None);
    }

    #[test]
    fn another_image_is_told_by_its_cause() {
        let (created, serves) = (("ImageDigest=sha256:aa", "ImageDigest=sha256:bb"), "RegistryTag=v0.3.8 sha256:aa");
        for (edits, wanted) in [
            (
                vec![created, (serves, "RegistryTag=v0.3.8 sha256:bb")],
                "moved tag: the container was created from sha256:bb",
            ),
            (
                vec![created],
                "stale local image: the container was created from sha256:bb, the registry serves sha256:aa",
            ),
            (
                vec![("ImageDigest=sha256:aa", "ImageDigest=")],
                "stale local image: what the container was created from as",
            ),
            (vec![created, (serves, "RegistryTag=v0.3.8 sha256:cc")], "moved tag or stale local image: the container"),
            (vec![created, (serves, "RegistryTag=v0.3.8 absent")], "moved tag or stale local image: the container"),
            (
                vec![created, (serves, "RegistryTag=v0.3.8 unreachable")],
                "moved tag or stale local image: the container",
            ),
            (vec![created, (serves, "Nothing=v0.3.8")], "moved tag or stale local image: the container"),
            (
                vec![created, ("wasm:v0.3.8", "wasm:v0.4.0")],
                "another tag: the container was created from v0.4.0, not v0.3.8",
            ),
            (vec![("Status=running", "Status=absent"), ("ImageDigest=sha256:aa\n", "")], "there is no container"),
        ] {
            let why = other(&edits).unwrap();
            assert!(why.starts_with(wanted), "{edits:?}: {why}");
        }
    }

    #[test]
    fn a_port_or_a_digest_in_a_reference_is_no_tag() {
        assert_eq!(tag_of("localhost:5000/a/b:v1.0.0"), Some("v1.0.0"));
        assert_eq!(tag_of("localhost:5000/a/b"), None);
        assert_eq!(tag_of("b"), None);
        assert_eq!(tag_of("ghcr.io/a/b@sha256:aa"), None);
        assert_eq!(tag_of("ghcr.io/a/b:v1.0.0@sha256:aa"), Some("v1.0.0"));
    }
}
