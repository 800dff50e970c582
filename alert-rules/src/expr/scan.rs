//! What is refused before the parser sees it: texts that it would follow too deep, panic at, or read otherwise than they are.

use super::Refused;
use super::compile::{DEPTH_MAX, refused, unknown};
use crate::duration::Millis;

/// Digits in a row in a window. The parser takes a count that is over 32 bits for none at all.
const DIGITS_MAX: usize = 9;

/// Looks at an expression outside its quotes and comments.
pub(super) fn scan(text: &str) -> Result<(), Refused> {
    let (mut depth, mut word) = (0usize, String::new());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char.is_alphanumeric() || char == '_' || char == ':' {
            word.push(char);
            continue;
        }
        // Both take times that the parser cannot always hold.
        if std::mem::take(&mut word).eq_ignore_ascii_case("offset") {
            return Err(unknown("`offset`"));
        }
        match char {
            '@' => return Err(unknown("`@`")),
            '(' | '{' => depth += 1,
            ')' | '}' => depth = depth.saturating_sub(1),
            '[' => window(&chars.by_ref().take_while(|char| *char != ']').collect::<String>())?,
            '"' | '\'' | '`' => quoted(&mut chars, char),
            '#' => chars.by_ref().take_while(|char| *char != '\n').for_each(drop),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return Err(refused(format!("parentheses nested over {DEPTH_MAX} deep")));
        }
    }
    if word.eq_ignore_ascii_case("offset") { Err(unknown("`offset`")) } else { Ok(()) }
}

fn window(text: &str) -> Result<(), Refused> {
    if text.contains(':') {
        return Err(unknown("a subquery"));
    }
    let digits = text.split(|char: char| !char.is_ascii_digit()).map(str::len).max().unwrap_or(0);
    match Millis::parse(text.trim()) {
        Some(_) if digits <= DIGITS_MAX => Ok(()),
        _ => Err(refused(format!("the window [{text}]; expected a duration such as 5m"))),
    }
}

/// Up to the closing quote, or to the end where there is none: then the parser says so.
fn quoted(chars: &mut std::str::Chars<'_>, quote: char) {
    let mut escaped = false;
    for char in chars.by_ref() {
        if char == quote && !escaped {
            return;
        }
        escaped = char == '\\' && !escaped && quote != '`';
    }
}
