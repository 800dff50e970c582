//! Text of any bytes, bounded by what it takes in a report: JSON writes a control character in six bytes, and what is not
//! UTF-8 becomes a character of three.

use std::borrow::Cow;

/// Of one text in a report, in bytes of JSON. The harness takes lines of twice as much.
pub const ESCAPED_MAX: usize = 2 << 20;

/// Not UTF-8 replaced, and cut where its form in JSON would become longer than this.
pub fn text(bytes: &[u8], escaped_max: usize) -> String {
    // Mostly it is UTF-8, which is seen many bytes at a time.
    let text = std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed);
    let mut text = text.into_owned();
    // No byte takes more than six.
    if bytes.len().saturating_mul(6) <= escaped_max {
        return text;
    }
    let mut length = 0;
    let beyond = text.char_indices().find(|(_, one)| {
        length += escaped(*one);
        length > escaped_max
    });
    if let Some((at, _)) = beyond {
        text.truncate(at);
    }
    text
}

/// Bytes that a text takes in JSON, without its quotes.
pub fn escaped_len(text: &str) -> usize {
    // Characters of more than a byte take what they have.
    text.bytes().map(|byte| if byte.is_ascii() { escaped(char::from(byte)) } else { 1 }).sum()
}

fn escaped(one: char) -> usize {
    match one {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        _ => one.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_json() {
        for one in ('\0'..='\u{200}').chain(['\u{2028}', '\u{fffd}', '\u{1f600}']) {
            let text = one.to_string();
            assert_eq!(escaped_len(&text), serde_json::to_string(&text).unwrap().len() - 2, "{one:?}");
        }
    }

    #[test]
    fn a_text_is_cut_where_it_would_be_too_long_and_not_before() {
        for (bytes, max, wanted) in [
            (&b"abc"[..], 3, "abc"),
            (b"abc", 2, "ab"),
            (b"a\0b", 7, "a\0"),
            (b"a\0b", 6, "a"),
            (b"\n\n", 3, "\n"),
            (b"\xff\xff", 5, "\u{fffd}"),
            ("ää".as_bytes(), 3, "ä"),
            (b"", 0, ""),
            (b"a", 0, ""),
        ] {
            assert_eq!(text(bytes, max), wanted, "{bytes:?} in {max}");
        }
    }
}
