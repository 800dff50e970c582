//! Regular expressions of POSIX (basic and extended, with GNU's additions) and Perl's, as far as runbooks use them:
//! translated for the regex crate, and kept once compiled.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use regex::bytes::{Captures, Regex, RegexBuilder};

mod posix;

use posix::Translator;

/// Patterns kept; a drill has a dozen.
const KEPT_MAX: usize = 256;
/// Bytes that a compiled pattern may take.
const SIZE_MAX: usize = 4 << 20;

/// Which language a pattern is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Syntax {
    /// grep, sed.
    Basic,
    /// grep -E, sed -E.
    Extended,
    /// grep -F.
    Fixed,
    /// grep -P.
    Perl,
}

/// Why a pattern is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bad {
    /// The real program refuses it with these words.
    Wrong(&'static str),
    /// The model lacks it: what.
    Unmodelled(String),
}

/// A pattern, compiled.
#[derive(Debug)]
pub struct Pattern {
    regex: Regex,
    /// POSIX takes the longest of all matches that begin first; the regex crate takes the first alternative. So where
    /// there are alternatives, this one matches a whole text.
    whole: Option<Regex>,
    /// It looks at what is around a place, which a part of a text does not show.
    looks_around: bool,
}

/// A match: where it and its groups begin and end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found(Vec<Option<(usize, usize)>>);

impl Found {
    fn of(captures: &Captures<'_>, offset: usize) -> Found {
        Found(captures.iter().map(|part| part.map(|part| (part.start() + offset, part.end() + offset))).collect())
    }

    /// The whole match.
    pub fn range(&self) -> (usize, usize) {
        self.0.first().copied().flatten().unwrap_or((0, 0))
    }

    /// A group's bytes; empty if it took no part.
    pub fn group<'t>(&self, text: &'t [u8], number: usize) -> &'t [u8] {
        let range = self.0.get(number).copied().flatten();
        range.and_then(|(start, end)| text.get(start..end)).unwrap_or_default()
    }
}

impl Pattern {
    /// Whether there is a match.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }

    /// Number of groups.
    pub fn groups(&self) -> usize {
        self.regex.captures_len() - 1
    }

    /// The match that begins first, not before `from`; of those the longest. `Err` where that cannot be told.
    pub fn find(&self, text: &[u8], from: usize) -> Result<Option<Found>, String> {
        let Some(first) = self.regex.captures_at(text, from).map(|captures| Found::of(&captures, 0)) else {
            return Ok(None);
        };
        let Some(whole) = &self.whole else { return Ok(Some(first)) };
        let (start, first_end) = first.range();
        // From the whole text down: what matches up to there is longer than what was found.
        for end in (first_end + 1..=text.len()).rev() {
            let Some(captures) = text.get(start..end).and_then(|part| whole.captures(part)) else { continue };
            if self.looks_around && (start > 0 || end < text.len()) {
                return Err("alternatives together with an anchor, where the longest match counts".into());
            }
            return Ok(Some(Found::of(&captures, start)));
        }
        Ok(Some(first))
    }
}

type Key = (Syntax, bool, String);

thread_local! {
    // What stands in it follows from its key alone, so no drill can see another in it.
    static KEPT: RefCell<BTreeMap<Key, Result<Rc<Pattern>, Bad>>> = const { RefCell::new(BTreeMap::new()) };
}

/// Compiles a pattern, or takes it from those that were.
pub fn compile(syntax: Syntax, ignore_case: bool, text: &str) -> Result<Rc<Pattern>, Bad> {
    KEPT.with_borrow_mut(|kept| {
        let key = (syntax, ignore_case, text.to_owned());
        if let Some(known) = kept.get(&key) {
            return known.clone();
        }
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        let made = build(syntax, ignore_case, text);
        kept.insert(key, made.clone());
        made
    })
}

fn build(syntax: Syntax, ignore_case: bool, text: &str) -> Result<Rc<Pattern>, Bad> {
    let translated = match syntax {
        Syntax::Fixed => regex::escape(text),
        Syntax::Perl => perl(text)?,
        Syntax::Basic | Syntax::Extended => Translator::new(syntax, text).translate()?,
    };
    // Bytes, in the locale C: `.` is any byte but a newline.
    let built = |translated: &str| {
        let built =
            RegexBuilder::new(translated).case_insensitive(ignore_case).unicode(false).size_limit(SIZE_MAX).build();
        built.map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => Bad::Unmodelled(format!("so large a pattern as {text}")),
            _ => Bad::Unmodelled(format!("the pattern {text}")),
        })
    };
    let regex = built(&translated)?;
    let alternatives = matches!(syntax, Syntax::Basic | Syntax::Extended) && translated.contains('|');
    let whole = if alternatives { Some(built(&format!("\\A(?:{translated})\\z"))?) } else { None };
    let looks_around = ["$", "^", "\\b", "\\B"].iter().any(|edge| translated.contains(edge));
    Ok(Rc::new(Pattern { regex, whole, looks_around }))
}

/// What Perl has and the regex crate lacks.
fn perl(text: &str) -> Result<String, Bad> {
    let lacks = ["(?=", "(?!", "(?<=", "(?<!", "(?>", "(?R", "\\K", "\\G", "\\Q", "*+", "++", "?+", "\\g", "\\k"];
    let backreference = text
        .as_bytes()
        .windows(2)
        .any(|pair| pair.first() == Some(&b'\\') && pair.last().is_some_and(|digit| (b'1'..=b'9').contains(digit)));
    match lacks.iter().find(|construct| text.contains(**construct)) {
        Some(construct) => Err(Bad::Unmodelled(format!("{construct} in a pattern"))),
        None if backreference => Err(Bad::Unmodelled("a reference back in a pattern".into())),
        None => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(syntax: Syntax, pattern: &str, text: &str) -> Option<String> {
        let pattern = compile(syntax, false, pattern).unwrap();
        let found = pattern.find(text.as_bytes(), 0).unwrap()?;
        Some(String::from_utf8_lossy(found.group(text.as_bytes(), 0)).into_owned())
    }

    #[test]
    fn posix_is_read_as_posix() {
        for (syntax, pattern, text, expected) in [
            (Syntax::Basic, "a+", "aa+", Some("a+")),
            (Syntax::Basic, "a\\+", "aa+", Some("aa")),
            (Syntax::Basic, "\\(a\\|b\\)c", "xbc", Some("bc")),
            (Syntax::Basic, "*a", "b*a", Some("*a")),
            (Syntax::Basic, "^*a", "*a", Some("*a")),
            (Syntax::Basic, "a{2}", "a{2}", Some("a{2}")),
            (Syntax::Basic, "a\\{2\\}", "aaa", Some("aa")),
            (Syntax::Basic, "a^b$c", "a^b$c", Some("a^b$c")),
            (Syntax::Basic, "[^\" ]\\+", "ab cd", Some("ab")),
            (Syntax::Basic, "[]\\x]*", "]\\x", Some("]\\x")),
            (Syntax::Basic, "\\bfoo", "a foo", Some("foo")),
            (Syntax::Basic, "\\<b", "ab b", Some("b")),
            (Syntax::Extended, "a|ab", "abc", Some("ab")),
            (Syntax::Extended, "(a|ab)(c|bcd)", "abcd", Some("abcd")),
            (Syntax::Extended, "a**", "aab", Some("aa")),
            (Syntax::Extended, "+a", "+a", Some("a")),
            (Syntax::Extended, "a{,2}b", "aaab", Some("aab")),
            (Syntax::Extended, "x{2", "x{2", Some("x{2")),
            (Syntax::Extended, "a)", "a)", Some("a)")),
            (Syntax::Extended, "[[:digit:].]+", "v1.2", Some("1.2")),
            (Syntax::Extended, "[a-c-]+", "b-d", Some("b-")),
            (Syntax::Fixed, "a.b", "axb a.b", Some("a.b")),
            (Syntax::Perl, "^1\\t1\\t", "1\t1\tx", Some("1\t1\t")),
            (Syntax::Perl, "\\d+", "a12", Some("12")),
            (Syntax::Basic, "nope", "x", None),
        ] {
            assert_eq!(found(syntax, pattern, text).as_deref(), expected, "{pattern}");
        }
    }

    // The words of GNU's own regular expressions.
    #[test]
    fn what_is_wrong_or_unknown_is_told() {
        for (syntax, pattern, bad) in [
            (Syntax::Extended, "(", Bad::Wrong("Unmatched ( or \\(")),
            (Syntax::Basic, "\\(", Bad::Wrong("Unmatched ( or \\(")),
            (Syntax::Basic, "\\)", Bad::Wrong("Unmatched ) or \\)")),
            (Syntax::Basic, "[", Bad::Wrong("Unmatched [, [^, [:, [., or [=")),
            (Syntax::Basic, "x\\{2", Bad::Wrong("Unmatched \\{")),
            (Syntax::Extended, "[[:foo:]]", Bad::Wrong("Invalid character class name")),
            (Syntax::Extended, "[b-a]", Bad::Wrong("Invalid range end")),
            (Syntax::Extended, "a\\", Bad::Wrong("Trailing backslash")),
            (Syntax::Basic, "\\(a\\)\\1", Bad::Unmodelled("a reference back in a pattern".into())),
            (Syntax::Perl, "a(?=b)", Bad::Unmodelled("(?= in a pattern".into())),
        ] {
            assert_eq!(compile(syntax, false, pattern).map(drop), Err(bad), "{pattern}");
        }
        let pattern = compile(Syntax::Extended, false, "(a|ab)$").unwrap();
        assert!(pattern.is_match(b"xab"));
        assert_eq!(pattern.find(b"ab", 0).unwrap().map(|found| found.range()), Some((0, 2)));
        assert!(compile(Syntax::Extended, false, "x(a|ab$|abc)").unwrap().find(b"yxabcd", 0).is_err());
    }
}
