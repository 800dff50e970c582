//! The registry behind the name ghcr.io.

use fake_node::http::{Request, Response};

use crate::machine::Machine;
use crate::machine::net::Outcome;
use crate::spec::ImageSpec;

/// What it holds.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    /// Whether it answers.
    pub runs: bool,
    /// Its images.
    pub images: Vec<ImageSpec>,
}

impl Registry {
    /// The image that a tag, or a digest with `sha256:`, of a repository leads to.
    pub fn manifest(&self, repository: &str, version: &str) -> Option<&ImageSpec> {
        let is = |image: &&ImageSpec| image.digest == version || image.tags.iter().any(|tag| tag == version);
        self.images.iter().filter(|image| image.repository == repository).find(is)
    }
}

/// What it answers to a request (distribution/distribution 2.8: the base and manifests are all that is asked for here).
pub fn answer(machine: &Machine, request: &Request) -> Outcome {
    let registry = &machine.docker.registry;
    if !registry.runs {
        return Outcome::Refused;
    }
    let found = request.path().strip_prefix("/v2/").map(|rest| {
        if rest.is_empty() {
            return Ok(None);
        }
        let image = rest.split_once("/manifests/").and_then(|(repository, tag)| registry.manifest(repository, tag));
        image.map(Some).ok_or("MANIFEST_UNKNOWN")
    });
    let asked = matches!(request.method.as_str(), "GET" | "HEAD");
    let (status, code, digest) = match found {
        Some(Ok(image)) if asked => (200, None, image.map(|image| image.digest.clone())),
        Some(Ok(_)) => (405, Some("UNSUPPORTED"), None),
        Some(Err(code)) => (404, Some(code), None),
        None => (404, None, None),
    };
    let mut response = Response::empty(status).outside_cors();
    response.headers.push(("docker-distribution-api-version".to_owned(), "registry/2.0".to_owned()));
    let mut body = match code {
        Some(code) => format!("{{\"errors\":[{{\"code\":\"{code}\"}}]}}\n"),
        None if status == 404 => "404 page not found\n".to_owned(),
        None => "{}".to_owned(),
    };
    if let Some(digest) = digest {
        response.headers.push(("content-type".to_owned(), "application/vnd.oci.image.manifest.v1+json".to_owned()));
        response.headers.push(("docker-content-digest".to_owned(), digest));
        body = "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\"}".to_owned();
    }
    if request.method != "HEAD" {
        response.body = body.into_bytes();
    }
    Outcome::Answer(response)
}
