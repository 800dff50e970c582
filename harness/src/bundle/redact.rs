//! Keeps planted secrets out of a bundle, and looks for those that came in another way.
//!
//! What is exact: each secret is found literally and as JSON escapes it, in every string of an event (keys too) and in
//! the bytes of every other file; the search at the end reads each file whole, across all of its events and lines. What
//! is not seen: a secret in another coding (base64, percent), the rest of one that a bounded output cuts in two, and, when
//! writing, one that is split over two events. The last is still found by nobody: between the halves stands an event's JSON.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

/// What stands in a secret's place.
pub const MASK: &str = "[secret]";

/// A shorter secret is refused: it would be found in words that are none.
pub const SECRET_BYTES_MIN: usize = 8;

/// Replaces secrets.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Longest first, so that a secret that holds another one goes as a whole.
    forms: Vec<String>,
}

/// Never shows what it hides.
impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} forms)", self.forms.len())
    }
}

impl Redactor {
    /// Takes the secrets; `None` if one is shorter than [`SECRET_BYTES_MIN`].
    pub fn new(secrets: &[String]) -> Option<Redactor> {
        let mut forms = Vec::new();
        for secret in secrets {
            if secret.len() < SECRET_BYTES_MIN {
                return None;
            }
            forms.push(secret.clone());
            let quoted = Value::String(secret.clone()).to_string();
            forms.extend(quoted.get(1..quoted.len() - 1).map(str::to_owned));
        }
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        forms.dedup();
        Some(Redactor { forms })
    }

    /// A text without secrets.
    pub fn text(&self, text: &str) -> String {
        self.forms.iter().fold(text.to_owned(), |text, form| {
            if text.contains(form.as_str()) { text.replace(form.as_str(), MASK) } else { text }
        })
    }

    /// Bytes without secrets; they need not be UTF-8.
    pub fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        self.forms.iter().fold(bytes.to_vec(), |bytes, form| replace(&bytes, form.as_bytes()))
    }

    /// Takes the secrets out of all strings of a value, keys included; says whether there were any.
    pub fn value(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => {
                let clean = self.text(text);
                let found = clean != *text;
                *text = clean;
                found
            }
            // Not `any`: each of them has to be cleaned.
            Value::Array(items) => items.iter_mut().fold(false, |found, item| self.value(item) | found),
            Value::Object(fields) => {
                let mut found = false;
                let taken = std::mem::take(fields);
                for (key, mut field) in taken {
                    let clean = self.text(&key);
                    found |= self.value(&mut field) | (clean != key);
                    fields.insert(clean, field);
                }
                found
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// Whether the file holds a secret. Reads all of it, a piece at a time, with an overlap in which each form fits.
    pub fn is_in(&self, path: &Path) -> std::io::Result<bool> {
        const PIECE_BYTES: u64 = 1 << 20;
        let overlap = self.forms.iter().map(String::len).max().unwrap_or(1) - 1;
        let mut file = File::open(path)?;
        let mut window = Vec::new();
        loop {
            let read = (&mut file).take(PIECE_BYTES).read_to_end(&mut window)?;
            if self.forms.iter().any(|form| find(&window, form.as_bytes()).is_some()) {
                return Ok(true);
            }
            if read == 0 {
                return Ok(false);
            }
            window.drain(..window.len().saturating_sub(overlap));
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let (first, _) = wanted.split_first()?;
    let mut from = 0;
    while let Some(rest) = bytes.get(from..) {
        let at = from + rest.iter().position(|byte| byte == first)?;
        if bytes.get(at..).is_some_and(|rest| rest.starts_with(wanted)) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

fn replace(bytes: &[u8], wanted: &[u8]) -> Vec<u8> {
    let mut clean = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = find(rest, wanted) {
        let (before, found) = rest.split_at(at);
        clean.extend_from_slice(before);
        clean.extend_from_slice(MASK.as_bytes());
        rest = found.get(wanted.len()..).unwrap_or_default();
    }
    clean.extend_from_slice(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor(secrets: &[&str]) -> Redactor {
        Redactor::new(&secrets.iter().map(|secret| (*secret).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn literal_and_escaped_forms_go_from_text_bytes_and_values() {
        let hides = redactor(&["pass\"word\\1", "pass\"word\\1-longer"]);
        assert_eq!(hides.text("a pass\"word\\1 b pass\"word\\1-longer"), "a [secret] b [secret]");
        assert_eq!(hides.text(r#"{"t":"pass\"word\\1"}"#), r#"{"t":"[secret]"}"#);
        assert_eq!(hides.bytes(b"\xff pass\"word\\1 \xfe"), b"\xff [secret] \xfe");
        let mut value = serde_json::json!({"pass\"word\\1": ["x", "pass\"word\\1", 7], "n": null});
        assert!(hides.value(&mut value));
        assert_eq!(value, serde_json::json!({"[secret]": ["x", "[secret]", 7], "n": null}));
        assert!(!hides.value(&mut value));
    }

    #[test]
    fn a_short_secret_is_refused_and_none_hides_nothing() {
        assert!(Redactor::new(&["1234567".into()]).is_none());
        assert!(Redactor::new(&[String::new()]).is_none());
        assert_eq!(redactor(&[]).text("as it is"), "as it is");
        assert!(!format!("{:?}", redactor(&["a-secret-value"])).contains("a-secret"));
    }

    #[test]
    fn the_search_sees_a_secret_across_two_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("large");
        for before in [0, (1 << 20) - 5, 1 << 20, (2 << 20) - 1] {
            let mut bytes = vec![b'a'; before];
            bytes.extend_from_slice(b"a-secret-value");
            std::fs::write(&file, &bytes).unwrap();
            assert!(redactor(&["a-secret-value"]).is_in(&file).unwrap(), "at {before}");
            assert!(!redactor(&["another-secret"]).is_in(&file).unwrap(), "at {before}");
        }
        assert!(!redactor(&[]).is_in(&file).unwrap());
    }
}
