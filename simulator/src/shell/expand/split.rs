//! Field splitting.

use super::Piece;

/// A field: texts, and whether each was quoted.
type Field = Vec<(String, bool)>;

/// Makes fields of pieces.
pub(super) struct Fields<'a> {
    separators: &'a [u8],
    done: Vec<Field>,
    field: Field,
    /// The field is there, even if it is empty.
    begun: bool,
    /// A blank ended the last field; a separator that is no blank belongs to the same gap.
    blank_before: bool,
}

impl<'a> Fields<'a> {
    /// Splits at these bytes.
    pub(super) fn of(pieces: Vec<Piece>, separators: &'a [u8]) -> Vec<Field> {
        let mut fields = Fields { separators, done: Vec::new(), field: Vec::new(), begun: false, blank_before: false };
        for piece in pieces {
            match piece {
                Piece::Break => {
                    if fields.begun {
                        fields.end();
                    }
                    fields.blank_before = false;
                }
                Piece::Text { text, quoted, splits: true } => fields.split(&text, quoted),
                Piece::Text { text, quoted, splits: false } => fields.add(text, quoted),
            }
        }
        if fields.begun {
            fields.end();
        }
        fields.done
    }

    fn add(&mut self, text: String, quoted: bool) {
        if quoted || !text.is_empty() {
            self.begun = true;
            self.blank_before = false;
            self.field.push((text, quoted));
        }
    }

    fn end(&mut self) {
        self.done.push(std::mem::take(&mut self.field));
        self.begun = false;
    }

    fn split(&mut self, text: &str, quoted: bool) {
        let mut from = 0;
        for (at, byte) in text.bytes().enumerate() {
            if !self.separators.contains(&byte) {
                continue;
            }
            self.add(text.get(from..at).unwrap_or_default().to_owned(), quoted);
            from = at + 1;
            if matches!(byte, b' ' | b'\t' | b'\n') {
                if self.begun {
                    self.end();
                    self.blank_before = true;
                }
            } else if self.begun || !self.blank_before {
                self.end();
                self.blank_before = false;
            } else {
                self.blank_before = false;
            }
        }
        self.add(text.get(from..).unwrap_or_default().to_owned(), quoted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_split_as_posix_has_it() {
        let cases: [(&str, &str, &[&str]); 9] = [
            ("a b", " \t\n", &["a", "b"]),
            ("  a  b  ", " \t\n", &["a", "b"]),
            ("a : b", " :", &["a", "b"]),
            ("a : : b", " :", &["a", "", "b"]),
            (":a", ":", &["", "a"]),
            ("a:", ":", &["a"]),
            ("a::", ":", &["a", ""]),
            ("", " ", &[]),
            ("a b", "", &["a b"]),
        ];
        for (text, separators, wanted) in cases {
            let piece = Piece::Text { text: text.to_owned(), quoted: false, splits: true };
            let fields = Fields::of(vec![piece], separators.as_bytes());
            let fields: Vec<String> =
                fields.into_iter().map(|field| field.into_iter().map(|(text, _)| text).collect()).collect();
            assert_eq!(fields, wanted, "{text}");
        }
    }
}
