//! What the machine's registry holds, written as the files of its storage before the machine boots: nothing has to be
//! built, loaded or pushed inside, a missing or moved tag is a missing or other link, and every digest is known before.
//!
//! Layout: distribution/distribution 2.8, `registry/storage/paths.go`. Manifests and configurations: OCI image-spec 1.1.

use serde_json::json;
use tar::{Builder, EntryType, Header};

use crate::release::sha256_hex;
use crate::topology::{Image, Images};

/// Root of the storage, below which the registry's own layout begins.
const LAYOUT: &str = "docker/registry/v2";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Not compressed: it stays on this machine.
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// Of no meaning, and the same in every drill.
const CREATED: &str = "2026-01-01T00:00:00Z";

/// An image as a registry keeps it.
#[derive(Debug, Clone)]
pub struct Published {
    /// `sha256:` and the hash of its manifest: what a container created from it can be held against.
    pub digest: String,
    repository: String,
    blobs: Vec<(String, Vec<u8>)>,
}

/// The image of a release: one executable.
pub fn release(
    images: &Images,
    version: &str,
    commit: &str,
    executable: &[u8],
) -> Result<Published, serde_json::Error> {
    let mut layer = Layer::default();
    layer.file(&images.release.executable, 0o755, executable);
    let labels = json!({
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.revision": commit,
    });
    publish(&images.release.image, layer.bytes(), &labels)
}

/// An image of links into the machine's own /usr, which its container mounts: a real program without a copy of it.
pub fn neighbour(image: &Image) -> Result<Published, serde_json::Error> {
    let mut layer = Layer::default();
    for (path, to) in [("bin", "usr/bin"), ("sbin", "usr/sbin"), ("lib", "usr/lib"), ("lib64", "usr/lib64")] {
        layer.link(path, to);
    }
    publish(image, layer.bytes(), &json!({}))
}

fn publish(image: &Image, layer: Vec<u8>, labels: &serde_json::Value) -> Result<Published, serde_json::Error> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let layer_digest = digest(&layer);
    let config = serde_json::to_vec(&json!({
        "architecture": architecture,
        "os": "linux",
        "created": CREATED,
        "config": {
            "Env": image.env,
            "Entrypoint": image.entrypoint,
            "Cmd": image.command,
            "Labels": labels,
        },
        "rootfs": { "type": "layers", "diff_ids": [layer_digest] },
        "history": [{ "created": CREATED, "created_by": "rollback-drill" }],
    }))?;
    let described =
        |media: &str, bytes: &[u8]| json!({ "mediaType": media, "digest": digest(bytes), "size": bytes.len() });
    let manifest = serde_json::to_vec(&json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": described(CONFIG, &config),
        "layers": [described(LAYER, &layer)],
    }))?;
    let digest_of_manifest = digest(&manifest);
    let blobs = [manifest, config, layer].into_iter().map(|bytes| (digest(&bytes), bytes)).collect();
    Ok(Published { digest: digest_of_manifest, repository: image.repository.clone(), blobs })
}

impl Published {
    /// The files that make a registry hold this image under these tags; paths are relative to the storage's root.
    pub fn files(&self, tags: &[String]) -> Vec<(String, Vec<u8>)> {
        let repository = format!("{LAYOUT}/repositories/{}", self.repository);
        let mut files = Vec::new();
        for (digest, bytes) in &self.blobs {
            let hex = hex(digest);
            let shard = hex.get(..2).unwrap_or_default();
            files.push((format!("{LAYOUT}/blobs/sha256/{shard}/{hex}/data"), bytes.clone()));
            let link = digest.as_bytes().to_vec();
            if *digest == self.digest {
                files.push((format!("{repository}/_manifests/revisions/sha256/{hex}/link"), link));
            } else {
                files.push((format!("{repository}/_layers/sha256/{hex}/link"), link));
            }
        }
        let hex = hex(&self.digest);
        for tag in tags {
            let tag = format!("{repository}/_manifests/tags/{tag}");
            files.push((format!("{tag}/current/link"), self.digest.as_bytes().to_vec()));
            files.push((format!("{tag}/index/sha256/{hex}/link"), self.digest.as_bytes().to_vec()));
        }
        files
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", sha256_hex(bytes))
}

fn hex(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}

/// A layer of few entries, all root's. Writing to memory does not fail, and paths of a topology are short.
struct Layer {
    builder: Builder<Vec<u8>>,
}

impl Default for Layer {
    fn default() -> Layer {
        Layer { builder: Builder::new(Vec::new()) }
    }
}

impl Layer {
    fn file(&mut self, path: &str, mode: u32, bytes: &[u8]) {
        let mut header = header(EntryType::Regular, mode);
        header.set_size(bytes.len() as u64);
        let _ = self.builder.append_data(&mut header, path.trim_start_matches('/'), bytes);
    }

    fn link(&mut self, path: &str, to: &str) {
        let _ = self.builder.append_link(&mut header(EntryType::Symlink, 0o777), path, to);
    }

    fn bytes(self) -> Vec<u8> {
        self.builder.into_inner().unwrap_or_default()
    }
}

fn header(kind: EntryType, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::ReleaseImage;

    fn images() -> Images {
        let image = Image {
            repository: "team/node".into(),
            tag: String::new(),
            entrypoint: vec!["node".into()],
            command: vec!["serve".into()],
            env: vec!["PATH=/bin".into()],
            rules_engine: false,
        };
        Images {
            storage: "/var/lib/docker-registry".into(),
            release: ReleaseImage { executable: "/bin/node".into(), image },
        }
    }

    #[test]
    fn a_tag_is_a_link_to_a_manifest_that_names_what_is_there() {
        let published = release(&images(), "1.2.3", "abc", b"ELF").unwrap();
        let files: std::collections::BTreeMap<String, Vec<u8>> =
            published.files(&["v1.2.3".into()]).into_iter().collect();
        let text = |path: &str| String::from_utf8(files[&format!("docker/registry/v2/{path}")].clone()).unwrap();
        let link = text("repositories/team/node/_manifests/tags/v1.2.3/current/link");
        assert_eq!(link, published.digest);
        let blob = |digest: &str| {
            let hex = hex(digest);
            files[&format!("docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2])].clone()
        };
        let manifest: serde_json::Value = serde_json::from_slice(&blob(&link)).unwrap();
        let config: serde_json::Value =
            serde_json::from_slice(&blob(manifest["config"]["digest"].as_str().unwrap())).unwrap();
        assert_eq!(config["config"]["Labels"]["org.opencontainers.image.version"], "1.2.3");
        let layer = manifest["layers"][0]["digest"].as_str().unwrap();
        assert_eq!(config["rootfs"]["diff_ids"][0], layer);
        let bytes = blob(layer);
        let mut archive = tar::Archive::new(bytes.as_slice());
        let paths: Vec<String> =
            archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect();
        assert_eq!(paths, ["bin/node"]);
        for digest in published.blobs.iter().map(|(digest, _)| digest).filter(|digest| **digest != link) {
            assert_eq!(text(&format!("repositories/team/node/_layers/sha256/{}/link", hex(digest))), *digest);
        }
    }

    #[test]
    fn an_image_is_the_same_each_time_and_another_for_another_executable() {
        let digest = |bytes: &[u8]| release(&images(), "1.2.3", "abc", bytes).unwrap().digest;
        assert_eq!(digest(b"one"), digest(b"one"));
        assert_ne!(digest(b"one"), digest(b"two"));
        let untagged = release(&images(), "1.2.3", "abc", b"one").unwrap().files(&[]);
        assert!(untagged.iter().all(|(path, _)| !path.contains("/tags/")));
    }
}
