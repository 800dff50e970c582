//! The bounds of a release's fields, each refused with the field's path and the bound.

use std::path::{Component, Path};

use super::{Artifact, Inborn, Release, ReleaseError, SCHEMA};

/// Longest text in a field, in bytes.
const TEXT_MAX: usize = 200;
/// Most entries of `born_with`.
const FAULTS_MAX: usize = 8;
/// Most commits, and most crates per commit.
const COMMITS_MAX: usize = 64;
/// Most snapshot formats read, and the highest number of one.
const FORMATS_MAX: usize = 16;
const FORMAT_NUMBER_MAX: u32 = 1000;

impl Release {
    /// Checks every field against its bound; `origin` is the file's name for messages.
    ///
    /// # Errors
    /// [`ReleaseError::Field`] for the first field that is out of bounds.
    pub fn check(&self, origin: &str) -> Result<(), ReleaseError> {
        let bad = |field: String, found: String, bound: &str| {
            Err(ReleaseError::Field { origin: origin.to_owned(), field, found, bound: bound.to_owned() })
        };
        if self.schema != SCHEMA {
            return bad("schema".into(), self.schema.to_string(), "1");
        }
        if !is_text(&self.version_output) || self.version_output.matches("{version}").count() != 1 {
            return bad(
                "version_output".into(),
                quoted(&self.version_output),
                "one line of 1 to 200 bytes with `{version}` in it once",
            );
        }
        let build = &self.build_info;
        for (field, value) in [
            ("git_sha", &build.git_sha),
            ("rustc_version", &build.rustc_version),
            ("profile", &build.profile),
            ("target", &build.target),
        ] {
            if !is_text(value) {
                return bad(format!("build_info.{field}"), quoted(value), "one line of 1 to 200 bytes");
            }
        }
        self.check_artifact(origin)?;
        self.check_state(origin)?;
        self.check_faults(origin)?;
        self.check_commits(origin)
    }

    fn check_artifact(&self, origin: &str) -> Result<(), ReleaseError> {
        let (field, found, bound) = match &self.artifact {
            Artifact::Fake => return Ok(()),
            Artifact::Binary { path, .. } if !is_text(path) => {
                ("artifact.binary.path", path, "a path of 1 to 200 bytes")
            }
            Artifact::Binary { sha256, .. }
                if sha256.len() != 64 || !sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) =>
            {
                ("artifact.binary.sha256", sha256, "64 lower-case hexadecimal digits")
            }
            Artifact::Image { reference } if !is_text(reference) || reference.contains(' ') => {
                ("artifact.image.reference", reference, "an image reference of 1 to 200 bytes without blanks")
            }
            Artifact::Binary { .. } | Artifact::Image { .. } => return Ok(()),
        };
        Err(ReleaseError::Field {
            origin: origin.to_owned(),
            field: field.to_owned(),
            found: quoted(found),
            bound: bound.to_owned(),
        })
    }

    fn check_state(&self, origin: &str) -> Result<(), ReleaseError> {
        let bad = |field: &str, found: String, bound: &str| {
            Err(ReleaseError::Field {
                origin: origin.to_owned(),
                field: field.to_owned(),
                found,
                bound: bound.to_owned(),
            })
        };
        let formats = &self.snapshot;
        if formats.reads.is_empty()
            || formats.reads.len() > FORMATS_MAX
            || formats.reads.iter().any(|format| !(1..=FORMAT_NUMBER_MAX).contains(format))
        {
            return bad("snapshot.reads", format!("{:?}", formats.reads), "1 to 16 formats, each from 1 to 1000");
        }
        if !formats.reads.contains(&formats.writes) {
            return bad("snapshot.writes", formats.writes.to_string(), "one of `snapshot.reads`");
        }
        let directory = &self.state.directory;
        let path = Path::new(directory);
        if !is_text(directory) || !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
            return bad("state.directory", quoted(directory), "an absolute path of 1 to 200 bytes without `..`");
        }
        Ok(())
    }

    fn check_faults(&self, origin: &str) -> Result<(), ReleaseError> {
        let bad = |field: String, found: String, bound: &str| {
            Err(ReleaseError::Field { origin: origin.to_owned(), field, found, bound: bound.to_owned() })
        };
        if self.born_with.len() > FAULTS_MAX {
            return bad("born_with".into(), format!("{} long", self.born_with.len()), "at most 8 long");
        }
        for (index, fault) in self.born_with.iter().enumerate() {
            let id = fault.id();
            if self.born_with.iter().take(index).any(|other| other.id() == id) {
                return bad(
                    format!("born_with[{index}]"),
                    format!("a second `{id}`"),
                    "a fault that is not named twice",
                );
            }
            match fault {
                Inborn::Errors { share_percent } if !(1..=100).contains(share_percent) => {
                    return bad(
                        format!("born_with[{index}].errors.share_percent"),
                        share_percent.to_string(),
                        "from 1 to 100 percent",
                    );
                }
                Inborn::HealthzSlow { delay_ms } | Inborn::InvokeSlow { delay_ms }
                    if !(1..=60_000).contains(delay_ms) =>
                {
                    return bad(
                        format!("born_with[{index}].{id}.delay_ms"),
                        delay_ms.to_string(),
                        "from 1 to 60000 milliseconds",
                    );
                }
                Inborn::MetricsDie { after_s } if *after_s > 3_600 => {
                    return bad(
                        format!("born_with[{index}].metrics-die.after_s"),
                        after_s.to_string(),
                        "from 0 to 3600 seconds",
                    );
                }
                Inborn::Errors { .. }
                | Inborn::FunctionsLost {}
                | Inborn::HealthzSlow { .. }
                | Inborn::InvokeSlow { .. }
                | Inborn::MetricsDie { .. }
                | Inborn::MetricsStalled {}
                | Inborn::SigtermIgnored {} => {}
            }
        }
        Ok(())
    }

    fn check_commits(&self, origin: &str) -> Result<(), ReleaseError> {
        let bad = |field: String, found: String, bound: &str| {
            Err(ReleaseError::Field { origin: origin.to_owned(), field, found, bound: bound.to_owned() })
        };
        if self.commits.len() > COMMITS_MAX {
            return bad("commits".into(), format!("{} long", self.commits.len()), "at most 64 long");
        }
        for (index, commit) in self.commits.iter().enumerate() {
            if !is_text(&commit.subject) {
                return bad(format!("commits[{index}].subject"), quoted(&commit.subject), "one line of 1 to 200 bytes");
            }
            if commit.crates.is_empty() || commit.crates.len() > COMMITS_MAX {
                return bad(
                    format!("commits[{index}].crates"),
                    format!("{} long", commit.crates.len()),
                    "1 to 64 long",
                );
            }
            for (at, name) in commit.crates.iter().enumerate() {
                // The names become folders of a git history, so nothing that could leave it.
                let plain = name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
                if name.is_empty() || name.len() > 64 || !plain {
                    return bad(
                        format!("commits[{index}].crates[{at}]"),
                        quoted(name),
                        "a crate name of 1 to 64 characters a-z 0-9 - _",
                    );
                }
            }
        }
        Ok(())
    }
}

/// One line of 1 to [`TEXT_MAX`] bytes without control characters.
fn is_text(text: &str) -> bool {
    !text.is_empty() && text.len() <= TEXT_MAX && !text.chars().any(char::is_control)
}

/// A value for a message, cut so that a wrong file does not flood the terminal.
fn quoted(text: &str) -> String {
    let cut: String = text.chars().take(60).collect();
    if cut.len() < text.len() { format!("{cut:?}... ({} bytes)", text.len()) } else { format!("{cut:?}") }
}
