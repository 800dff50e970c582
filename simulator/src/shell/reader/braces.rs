//! `a{b,c}d` and `{1..3}`: one word becomes several before anything else is done to it.

use super::{Read, Reader};
use crate::shell::syntax::{Dialect, Part, Word};

/// Words that one word may become.
const WORDS_MAX: usize = 10_000;

/// A character that was not quoted, or a part that is taken whole.
#[derive(Clone)]
enum Atom {
    Char(char),
    Whole(Part),
}

impl Reader<'_> {
    /// The words that a word with braces stands for.
    pub(super) fn braces(&self, word: Word) -> Read<Vec<Word>> {
        let open = |part: &Part| matches!(part, Part::Plain(text) if text.contains('{'));
        if self.dialect == Dialect::Dash || !word.0.iter().any(open) {
            return Ok(vec![word]);
        }
        let atoms: Vec<Atom> = word.0.into_iter().flat_map(atoms_of).collect();
        let words = expand(&atoms, 0)
            .ok_or_else(|| self.refuse("braces that stand for too many words, or beside a variable"))?;
        Ok(words.into_iter().map(joined).collect())
    }
}

fn atoms_of(part: Part) -> Vec<Atom> {
    match part {
        Part::Plain(text) => text.chars().map(Atom::Char).collect(),
        other => vec![Atom::Whole(other)],
    }
}

fn joined(atoms: Vec<Atom>) -> Word {
    let mut parts: Vec<Part> = Vec::new();
    for atom in atoms {
        match (atom, parts.last_mut()) {
            (Atom::Char(c), Some(Part::Plain(text))) => text.push(c),
            (Atom::Char(c), _) => parts.push(Part::Plain(c.to_string())),
            (Atom::Whole(part), _) => parts.push(part),
        }
    }
    Word(parts)
}

fn is(atom: Option<&Atom>, wanted: char) -> bool {
    matches!(atom, Some(Atom::Char(c)) if *c == wanted)
}

/// `None`: too many.
fn expand(atoms: &[Atom], depth: usize) -> Option<Vec<Vec<Atom>>> {
    if depth > 30 {
        return None;
    }
    let Some((open, close, commas)) = first_braces(atoms) else { return Some(vec![atoms.to_vec()]) };
    let inside = atoms.get(open + 1..close).unwrap_or_default();
    let mut middles: Vec<Vec<Atom>> = Vec::new();
    if commas.is_empty() {
        middles = sequence(inside)?;
    } else {
        let mut from = open + 1;
        for to in commas.iter().copied().chain([close]) {
            middles.extend(expand(atoms.get(from..to).unwrap_or_default(), depth + 1)?);
            from = to + 1;
        }
    }
    let after = expand(atoms.get(close + 1..).unwrap_or_default(), depth + 1)?;
    if middles.len().checked_mul(after.len())? > WORDS_MAX {
        return None;
    }
    let before = atoms.get(..open).unwrap_or_default();
    let mut words = Vec::with_capacity(middles.len() * after.len());
    for middle in &middles {
        for after in &after {
            // `{$x,y}z` becomes `$xz`: braces come before variables.
            let behind = middle.first().or(after.first());
            if swallows(before.last(), behind) || swallows(middle.last(), after.first()) {
                return None;
            }
            words.push([before, middle, after].concat());
        }
    }
    Some(words)
}

/// Whether a variable would take a character that stands behind it as part of its name.
fn swallows(left: Option<&Atom>, right: Option<&Atom>) -> bool {
    matches!(left, Some(Atom::Whole(Part::Variable { .. })))
        && matches!(right, Some(Atom::Char(c)) if c.is_ascii_alphanumeric() || matches!(c, '_' | '['))
}

/// The first braces that hold a comma or a sequence: where they are, and the commas between them.
fn first_braces(atoms: &[Atom]) -> Option<(usize, usize, Vec<usize>)> {
    for open in 0..atoms.len() {
        if !is(atoms.get(open), '{') {
            continue;
        }
        let mut depth = 0;
        let mut commas = Vec::new();
        for (at, atom) in atoms.iter().enumerate().skip(open) {
            match atom {
                Atom::Char('{') => depth += 1,
                Atom::Char('}') => depth -= 1,
                Atom::Char(',') if depth == 1 => commas.push(at),
                _ => {}
            }
            if depth == 0 {
                let inside = atoms.get(open + 1..at).unwrap_or_default();
                if !commas.is_empty() || is_sequence(inside) {
                    return Some((open, at, commas));
                }
                break;
            }
        }
    }
    None
}

fn text_of(atoms: &[Atom]) -> Option<String> {
    atoms.iter().map(|atom| if let Atom::Char(c) = atom { Some(*c) } else { None }).collect()
}

fn is_sequence(inside: &[Atom]) -> bool {
    text_of(inside).is_some_and(|text| ends(&text).is_some())
}

/// First, last and step of `1..9..2` or `a..e`; the flag says letters.
fn ends(text: &str) -> Option<(i64, i64, i64, bool)> {
    let mut fields = text.split("..");
    let (from, to) = (fields.next()?, fields.next()?);
    let step: i64 = fields.next().map_or(Some(1), |step| step.parse().ok())?;
    if fields.next().is_some() {
        return None;
    }
    let step = step.checked_abs()?.max(1);
    let letter = |text: &str| match text.as_bytes() {
        [byte] if byte.is_ascii_alphabetic() => Some(i64::from(*byte)),
        _ => None,
    };
    if let (Some(from), Some(to)) = (letter(from), letter(to)) {
        return Some((from, to, step, true));
    }
    let number = |text: &str| text.parse::<i64>().ok().filter(|number| number.abs() < 1 << 40);
    Some((number(from)?, number(to)?, step, false))
}

fn sequence(inside: &[Atom]) -> Option<Vec<Vec<Atom>>> {
    let text = text_of(inside)?;
    let (from, to, step, letters) = ends(&text)?;
    if (from - to).abs() / step >= WORDS_MAX as i64 {
        return None;
    }
    let padded = |number: &str| {
        let digits = number.trim_start_matches(['-', '+']);
        digits.len() > 1 && digits.starts_with('0')
    };
    let mut fields = text.split("..").take(2);
    let width = fields.clone().map(str::len).max().unwrap_or(0);
    let width = if !letters && fields.any(padded) { width } else { 0 };
    let mut words = Vec::new();
    let mut at = from;
    while if from <= to { at <= to } else { at >= to } {
        let word = match u8::try_from(at) {
            Ok(byte) if letters => char::from(byte).to_string(),
            _ if at < 0 => format!("-{:0>width$}", -at, width = width.saturating_sub(1)),
            _ => format!("{at:0>width$}"),
        };
        words.push(word.chars().map(Atom::Char).collect());
        at += if from <= to { step } else { -step };
    }
    Some(words)
}
