//! Images on the machine, the references that lead to them, and where a reference leads otherwise.

use std::sync::Arc;

use super::Docker;
use crate::machine::Machine;
use crate::machine::files::ReleaseFile;
use crate::spec::ImageSpec;
use crate::{Run, sha256_hex};

/// An image, wherever it is.
#[derive(Debug, Clone)]
pub struct Image {
    /// `sha256:…`, of its configuration.
    pub id: String,
    /// What the registry said of it.
    pub spec: ImageSpec,
}

/// An image on the machine.
#[derive(Debug, Clone)]
pub struct LocalImage {
    /// Which.
    pub image: Arc<Image>,
    /// `ghcr.io/craton-co/tensor-wasm:v0.4.0`, …
    pub tags: Vec<String>,
    /// `ghcr.io/craton-co/tensor-wasm@sha256:…`, …
    pub digests: Vec<String>,
}

/// What a word that names an image means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Whose registry.
    pub domain: String,
    /// The repository there.
    pub path: String,
    /// The tag, or a digest with `sha256:`.
    pub version: String,
    /// As the client shows it, with its tag.
    pub shown: String,
}

impl Reference {
    /// Reads a word.
    ///
    /// # Errors
    /// The client's message.
    pub fn read(text: &str) -> Result<Reference, String> {
        let (name, digest) = text.split_once('@').map_or((text, None), |(name, digest)| (name, Some(digest)));
        let last = name.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match name.get(last..).unwrap_or_default().find(':') {
            Some(at) => name.split_at(last + at),
            None => (name, ""),
        };
        let tag = tag.strip_prefix(':');
        let (domain, path) = match name.split_once('/') {
            Some((first, rest))
                if first.contains(['.', ':']) || first == "localhost" || first.to_lowercase() != first =>
            {
                (first, rest.to_owned())
            }
            Some(_) => ("docker.io", name.to_owned()),
            None => ("docker.io", format!("library/{name}")),
        };
        if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(format!("invalid reference format: repository name ({path}) must be lowercase"));
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let good_path = path.split('/').all(|part| {
            part.bytes().all(plain)
                && part.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
                && part.bytes().last().is_some_and(|byte| byte.is_ascii_alphanumeric())
        });
        let good_tag = tag
            .is_none_or(|tag| (1..=128).contains(&tag.len()) && tag.bytes().all(plain) && !tag.starts_with(['.', '-']));
        let good_digest = digest.is_none_or(|digest| {
            digest
                .strip_prefix("sha256:")
                .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
        });
        if !good_path || !good_tag || !good_digest {
            return Err("invalid reference format".to_owned());
        }
        let version = digest.or(tag).unwrap_or("latest").to_owned();
        let shown = match digest {
            Some(digest) => format!("{name}@{digest}"),
            None => format!("{name}:{version}"),
        };
        Ok(Reference { domain: domain.to_owned(), path, version, shown })
    }

    fn name(&self) -> &str {
        let end = self.shown.len() - self.version.len() - 1;
        self.shown.get(..end).unwrap_or_default()
    }
}

/// What a pull did.
#[derive(Debug, Clone)]
pub struct Pulled {
    /// What there is now.
    pub image: Arc<Image>,
    /// Whether it was not there before.
    pub fetched: bool,
    /// Whether the reference leads elsewhere than before.
    pub newer: bool,
}

impl Docker {
    /// The image on the machine that a reference or the beginning of an id leads to.
    pub fn local(&self, text: &str) -> Option<&LocalImage> {
        if let Ok(reference) = Reference::read(text)
            && let Some(found) = self.local_at(&reference)
        {
            return Some(found);
        }
        let hex = text.strip_prefix("sha256:").unwrap_or(text);
        let is_id = !hex.is_empty() && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        self.images.iter().find(|one| is_id && one.image.id.get(7..).is_some_and(|id| id.starts_with(hex)))
    }

    /// The same, of a reference.
    pub fn local_at(&self, reference: &Reference) -> Option<&LocalImage> {
        let shown = &reference.shown;
        self.images.iter().find(|one| one.tags.contains(shown) || one.digests.contains(shown))
    }

    /// All images on the machine.
    pub fn images(&self) -> &[LocalImage] {
        &self.images
    }

    /// Lets a tag lead to an image that is here.
    pub(super) fn tag(&mut self, image: &Arc<Image>, shown: &str) {
        for one in &mut self.images {
            one.tags.retain(|tag| tag != shown);
            if one.image.id == image.id {
                one.tags.push(shown.to_owned());
            }
        }
    }

    /// Takes a tag, or all of an image, away: what the client prints, a line each.
    pub(super) fn untag(&mut self, key: &str) -> Vec<String> {
        let Some(found) = self.local(key).map(|one| one.image.clone()) else { return Vec::new() };
        let mut lines = Vec::new();
        let in_use = self.containers.values().any(|container| container.image.id == found.id);
        for one in self.images.iter_mut().filter(|one| one.image.id == found.id) {
            let shown = Reference::read(key).map(|reference| reference.shown).unwrap_or_default();
            let by_tag = one.tags.contains(&shown);
            let (gone, kept) = one.tags.drain(..).partition::<Vec<_>, _>(|tag| !by_tag || *tag == shown);
            lines.extend(gone.into_iter().map(|tag| format!("Untagged: {tag}")));
            one.tags = kept;
            if one.tags.is_empty() && !in_use {
                lines.extend(one.digests.iter().map(|digest| format!("Untagged: {digest}")));
                lines.push(format!("Deleted: {}", one.image.id));
            }
        }
        self.images.retain(|one| one.image.id != found.id || !one.tags.is_empty() || in_use);
        lines
    }

    fn keep(&mut self, reference: &Reference, spec: &ImageSpec) -> Pulled {
        let id = format!("sha256:{}", sha256_hex(format!("configuration of {}", spec.digest).as_bytes()));
        let before = self.local_at(reference).map(|one| one.image.id.clone());
        let fetched = !self.images.iter().any(|one| one.image.id == id);
        if fetched {
            let image = Arc::new(Image { id: id.clone(), spec: spec.clone() });
            self.images.push(LocalImage { image, tags: Vec::new(), digests: Vec::new() });
        }
        let by_digest = format!("{}@{}", reference.name(), spec.digest);
        let image = self.images.iter_mut().find(|one| one.image.id == id).map(|one| {
            if !one.digests.contains(&by_digest) {
                one.digests.push(by_digest);
            }
            one.image.clone()
        });
        let image = image.unwrap_or_else(|| Arc::new(Image { id: id.clone(), spec: spec.clone() }));
        if !reference.version.starts_with("sha256:") {
            self.tag(&image, &reference.shown);
        }
        Pulled { image, fetched, newer: before.as_ref() != Some(&id) }
    }
}

/// Brings an image to the machine. The inner error is the engine's message.
pub fn pull(machine: &mut Machine, reference: &Reference) -> Run<Result<Pulled, String>> {
    let took = machine.calibration.docker.manifest_us;
    let took = machine.about(took);
    machine.spend(took)?;
    match reference.domain.as_str() {
        "ghcr.io" => {}
        // The balancer has port 80 of 127.0.0.1, and no server for it.
        "localhost" | "127.0.0.1" => {
            return Ok(Err("received unexpected HTTP status: 503 Service Unavailable".to_owned()));
        }
        domain => {
            let host = if domain == "docker.io" { "registry-1.docker.io" } else { domain };
            return Ok(Err(format!(
                "Get \"https://{host}/v2/\": dial tcp: lookup {host} on 10.255.255.53:53: dial udp 10.255.255.53:53: \
                 connect: network is unreachable"
            )));
        }
    }
    if !machine.docker.registry.runs {
        return Ok(Err("Get \"http://ghcr.io/v2/\": dial tcp 127.0.0.2:80: connect: connection refused".to_owned()));
    }
    let Some(spec) = machine.docker.registry.manifest(&reference.path, &reference.version).cloned() else {
        return Ok(Err(format!("manifest for {} not found: manifest unknown: manifest unknown", reference.shown)));
    };
    let here = machine.docker.images.iter().any(|one| one.image.spec.digest == spec.digest);
    if !here {
        let took = machine.calibration.docker.layers_us;
        let took = machine.about(took);
        machine.spend(took)?;
    }
    Ok(Ok(machine.docker.keep(reference, &spec)))
}

/// What an image's file system has under a word, looked for as execvp(3) does.
#[derive(Debug, Clone)]
pub enum Executable {
    /// A node.
    Node(String, ReleaseFile),
    /// A program that is no node, of the machine's own /usr, mounted.
    Other,
    /// Nothing that can be run: the runtime's message.
    Missing(String),
}

impl Image {
    /// Looks for an executable.
    pub fn executable(&self, word: &str, path: Option<&str>) -> Executable {
        let Some((at, file)) = &self.spec.release else { return Executable::Other };
        let found = if word.contains('/') {
            word == at
        } else {
            path.unwrap_or(crate::programs::PATH).split(':').any(|folder| {
                at.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')).is_some_and(|name| name == word)
            })
        };
        if found {
            return Executable::Node(at.clone(), file.clone());
        }
        let folder = at.strip_prefix(word.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'));
        let made = ["/dev", "/etc", "/proc", "/sys"].contains(&word);
        Executable::Missing(if word.contains('/') && (folder || made) {
            format!("exec: \"{word}\": is a directory: unknown: permission denied")
        } else if word.contains('/') {
            format!("exec: \"{word}\": stat {word}: no such file or directory: unknown")
        } else {
            format!("exec: \"{word}\": executable file not found in $PATH: unknown")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_as_the_client_does() {
        let read = |text: &str| Reference::read(text).map(|one| (one.domain, one.path, one.version, one.shown));
        let own = |words: [&str; 4]| Ok(words.map(str::to_owned).into());
        for (text, wanted) in [
            ("ghcr.io/a/b:v1", own(["ghcr.io", "a/b", "v1", "ghcr.io/a/b:v1"])),
            ("ghcr.io/a/b", own(["ghcr.io", "a/b", "latest", "ghcr.io/a/b:latest"])),
            ("x", own(["docker.io", "library/x", "latest", "x:latest"])),
            ("localhost/none:1", own(["localhost", "none", "1", "localhost/none:1"])),
            ("BAD/Image:x", Err("invalid reference format: repository name (Image) must be lowercase".to_owned())),
            ("a b", Err("invalid reference format".to_owned())),
        ] {
            assert_eq!(read(text), wanted, "{text}");
        }
    }
}
