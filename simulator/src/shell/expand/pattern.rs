//! Patterns: `*`, `?`, `[…]`, byte by byte, as in the C locale that the operator's shell runs in.

/// A byte of a pattern, and whether it was quoted.
pub(in crate::shell) type Marked = (u8, bool);

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::shell) struct Pattern {
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Byte(u8),
    One,
    Any,
    Class { negated: bool, ranges: Vec<(u8, u8)> },
}

/// Named classes of the C locale.
const CLASSES: [(&str, &[(u8, u8)]); 12] = [
    ("alnum", &[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z')]),
    ("alpha", &[(b'A', b'Z'), (b'a', b'z')]),
    ("blank", &[(b' ', b' '), (b'\t', b'\t')]),
    ("cntrl", &[(0, 31), (127, 127)]),
    ("digit", &[(b'0', b'9')]),
    ("graph", &[(33, 126)]),
    ("lower", &[(b'a', b'z')]),
    ("print", &[(32, 126)]),
    ("punct", &[(33, 47), (58, 64), (91, 96), (123, 126)]),
    ("space", &[(9, 13), (b' ', b' ')]),
    ("upper", &[(b'A', b'Z')]),
    ("xdigit", &[(b'0', b'9'), (b'A', b'F'), (b'a', b'f')]),
];

impl Pattern {
    /// Reads a pattern.
    pub(in crate::shell) fn new(marked: &[Marked]) -> Pattern {
        let mut tokens = Vec::with_capacity(marked.len());
        let mut at = 0;
        while let Some((byte, quoted)) = marked.get(at).copied() {
            at += 1;
            let token = match byte {
                _ if quoted => Token::Byte(byte),
                b'*' if tokens.last() == Some(&Token::Any) => continue,
                b'*' => Token::Any,
                b'?' => Token::One,
                b'\\' => match marked.get(at) {
                    Some((next, _)) => {
                        at += 1;
                        Token::Byte(*next)
                    }
                    None => Token::Byte(byte),
                },
                b'[' => match class(marked.get(at..).unwrap_or_default()) {
                    Some((token, length)) => {
                        at += length;
                        token
                    }
                    None => Token::Byte(byte),
                },
                _ => Token::Byte(byte),
            };
            tokens.push(token);
        }
        Pattern { tokens }
    }

    /// The text, if the pattern matches nothing else.
    pub(in crate::shell) fn literal(&self) -> Option<Vec<u8>> {
        self.tokens.iter().map(|token| if let Token::Byte(byte) = token { Some(*byte) } else { None }).collect()
    }

    /// Whether it begins with a dot that is written out.
    pub(in crate::shell) fn begins_with_dot(&self) -> bool {
        self.tokens.first() == Some(&Token::Byte(b'.'))
    }

    /// Whether it matches all of a text.
    pub(in crate::shell) fn matches(&self, text: &[u8]) -> bool {
        let mut whole = false;
        self.each_end(text.iter().copied(), |length| whole = length == text.len());
        whole
    }

    /// Lengths of the shortest and the longest beginning that it matches.
    pub(in crate::shell) fn prefix(&self, text: &[u8]) -> Option<(usize, usize)> {
        self.span(text.iter().copied())
    }

    /// Lengths of the shortest and the longest ending that it matches.
    pub(in crate::shell) fn suffix(&self, text: &[u8]) -> Option<(usize, usize)> {
        let reversed = Pattern { tokens: self.tokens.iter().rev().cloned().collect() };
        reversed.span(text.iter().rev().copied())
    }

    fn span(&self, text: impl Iterator<Item = u8>) -> Option<(usize, usize)> {
        let mut found = None;
        self.each_end(text, |length| found = Some((found.map_or(length, |(shortest, _)| shortest), length)));
        found
    }

    /// Tells every length at which a beginning of the text is matched, in order.
    fn each_end(&self, text: impl Iterator<Item = u8>, mut tell: impl FnMut(usize)) {
        let end = self.tokens.len();
        // Which tokens may come next: all ways at once, so a pattern of many stars costs no more than its length.
        let mut states = vec![false; end + 1];
        let mut next = states.clone();
        let enter = |states: &mut [bool], mut at: usize| {
            while let Some(state) = states.get_mut(at) {
                *state = true;
                if self.tokens.get(at) != Some(&Token::Any) {
                    break;
                }
                at += 1;
            }
        };
        enter(&mut states, 0);
        if states.last() == Some(&true) {
            tell(0);
        }
        for (nth, byte) in text.enumerate() {
            next.fill(false);
            let mut alive = false;
            for (at, token) in self.tokens.iter().enumerate() {
                if states.get(at) != Some(&true) {
                    continue;
                }
                let (taken, stays) = match token {
                    Token::Any => (true, true),
                    Token::One => (true, false),
                    Token::Byte(wanted) => (*wanted == byte, false),
                    Token::Class { negated, ranges } => {
                        (ranges.iter().any(|(low, high)| (*low..=*high).contains(&byte)) != *negated, false)
                    }
                };
                if taken {
                    enter(&mut next, if stays { at } else { at + 1 });
                    alive = true;
                }
            }
            std::mem::swap(&mut states, &mut next);
            if states.last() == Some(&true) {
                tell(nth + 1);
            }
            if !alive {
                return;
            }
        }
    }
}

/// A class after its `[`, and how many bytes it takes.
fn class(marked: &[Marked]) -> Option<(Token, usize)> {
    let mut at = 0;
    let negated = matches!(marked.first(), Some((b'!' | b'^', false)));
    at += usize::from(negated);
    let first = at;
    let mut ranges = Vec::new();
    loop {
        let (byte, quoted) = marked.get(at).copied()?;
        if byte == b']' && !quoted && at > first {
            return Some((Token::Class { negated, ranges }, at + 1));
        }
        if byte == b'[' && !quoted && marked.get(at + 1).is_some_and(|next| *next == (b':', false)) {
            let rest: Vec<u8> = marked.get(at + 2..)?.iter().map(|(byte, _)| *byte).collect();
            if let Some(length) = rest.windows(2).position(|two| two == b":]") {
                let name = rest.get(..length)?;
                let known = CLASSES.iter().find(|(known, _)| known.as_bytes() == name);
                ranges.extend(known.map(|(_, ranges)| *ranges).unwrap_or_default());
                at += length + 4;
                continue;
            }
        }
        let (mut low, mut length) = (byte, 1);
        if byte == b'\\' && !quoted {
            (low, length) = (marked.get(at + 1)?.0, 2);
        }
        at += length;
        let dash = marked.get(at) == Some(&(b'-', false));
        match marked.get(at + 1) {
            Some((high, quoted)) if dash && (*high != b']' || *quoted) => {
                ranges.push((low, *high));
                at += 2;
            }
            _ => ranges.push((low, low)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(&text.bytes().map(|byte| (byte, false)).collect::<Vec<_>>())
    }

    #[test]
    fn whole_texts_match_or_do_not() {
        let cases = [
            ("", "", true),
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("a?c", "abc", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[^a]", "b", true),
            ("[]]", "]", true),
            ("[", "[", true),
            ("[a", "[a", true),
            ("[[:digit:]]*", "7x", true),
            ("[[:digit:]-]", "-", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ];
        for (wanted, text, is) in cases {
            assert_eq!(pattern(wanted).matches(text.as_bytes()), is, "{wanted} {text}");
        }
    }

    #[test]
    fn beginnings_and_endings() {
        assert_eq!(pattern("*/").prefix(b"a/b/c"), Some((2, 4)));
        assert_eq!(pattern("/*").suffix(b"a/b/c"), Some((2, 4)));
        assert_eq!(pattern("x").prefix(b"abc"), None);
        assert_eq!(pattern("*").suffix(b"ab"), Some((0, 2)));
    }
}
