//! Reading the data files of an exploration, and saying where one is wrong.

use std::io::Read;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::prepare::BadInput;
use crate::release::sha256_hex;

/// A space or property file larger than this is refused.
pub const BYTES_MAX: usize = 256 << 10;

/// A file that was read.
#[derive(Debug, Clone)]
pub struct Source {
    file: String,
    text: String,
}

impl Source {
    /// Reads it.
    ///
    /// # Errors
    /// What is no readable text, or too long.
    pub fn read(path: &Path) -> Result<Source, BadInput> {
        let file = path.display().to_string();
        let mut bytes = Vec::new();
        std::fs::File::open(path)
            .and_then(|opened| opened.take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes))
            .map_err(|error| BadInput(format!("{file}: cannot be read: {error}")))?;
        if bytes.len() > BYTES_MAX {
            return Err(BadInput(format!("{file}: more than {BYTES_MAX} bytes")));
        }
        let text = String::from_utf8(bytes).map_err(|error| BadInput(format!("{file}: not UTF-8: {error}")))?;
        Ok(Source { file, text })
    }

    /// As TOML.
    ///
    /// # Errors
    /// With file and line; `like` is a file to compare.
    pub fn parse<T: DeserializeOwned>(&self, like: &str) -> Result<T, BadInput> {
        toml::from_str(&self.text).map_err(|error| {
            let what = error.message().replace('\n', " ");
            self.wrong(error.span().map_or(0, |span| span.start), &format!("{what}; compare {like}"))
        })
    }

    /// A refusal of what stands at this byte.
    pub fn wrong(&self, at: usize, what: &str) -> BadInput {
        BadInput(format!("{}: {what}", self.place(at)))
    }

    /// File and line of what stands at this byte.
    pub fn place(&self, at: usize) -> String {
        let before = self.text.as_bytes().get(..at.min(self.text.len())).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("{}:{line}", self.file)
    }

    /// SHA-256 of the text, lower-case hex.
    pub fn sha256(&self) -> String {
        sha256_hex(self.text.as_bytes())
    }
}
