//! Parameters, and what `${x…}` does to them.

use super::pattern::Pattern;
use super::{Piece, Place, Value, marks};
use crate::Stop;
use crate::machine::Machine;
use crate::shell::Shell;
use crate::shell::run::{Halt, Step};
use crate::shell::syntax::{Change, Dialect, Place as Where, Word};

/// Longest value in which a pattern is looked for at every place, bytes.
const SEARCHED_MAX: usize = 64 << 10;

impl Shell {
    fn value(&mut self, machine: &mut Machine, name: &str) -> Value {
        match name {
            "@" => Value::Many(self.positional.to_vec(), false),
            "*" => Value::Many(self.positional.to_vec(), true),
            "PIPESTATUS[@]" => Value::Many(self.pipe.iter().map(i32::to_string).collect(), false),
            "PIPESTATUS[*]" => Value::Many(self.pipe.iter().map(i32::to_string).collect(), true),
            name => self.parameter(machine, name).map_or(Value::Unset, Value::One),
        }
    }

    pub(super) fn variable_pieces(
        &mut self,
        machine: &mut Machine,
        name: &str,
        change: &Change,
        place: Place,
        out: &mut Vec<Piece>,
    ) -> Step<()> {
        let value = self.value(machine, name);
        let value = match change {
            Change::None => self.wanted(machine, name, value)?,
            Change::Length => {
                let length = match self.wanted(machine, name, value)? {
                    Value::Unset => 0,
                    Value::One(text) => text.len(),
                    Value::Many(all, _) => all.len(),
                };
                Value::One(length.to_string())
            }
            Change::Default(colon, word) => {
                if counts(&value, *colon) {
                    value
                } else {
                    return self.word_pieces(machine, word, place, out);
                }
            }
            Change::Alternative(colon, word) => {
                if counts(&value, *colon) {
                    return self.word_pieces(machine, word, place, out);
                }
                Value::Unset
            }
            Change::Assign(colon, word) => {
                if counts(&value, *colon) {
                    value
                } else {
                    let text = self.text(machine, word)?;
                    if !crate::shell::reader::is_name(name) {
                        self.complain(machine, &format!("${name}: cannot assign in this way"))?;
                        return Err(Halt::Exit(self.fatal_status()));
                    }
                    self.assign(name, text.clone());
                    Value::One(text)
                }
            }
            Change::Error(colon, word) => {
                if counts(&value, *colon) {
                    value
                } else {
                    let text = self.text(machine, word)?;
                    let missing = match colon {
                        true => "parameter null or not set",
                        false => "parameter not set",
                    };
                    let text = if text.is_empty() { missing } else { text.as_str() };
                    self.complain(machine, &format!("{name}: {text}"))?;
                    return Err(Halt::Exit(self.fatal_status()));
                }
            }
            Change::RemovePrefix(longest, word) => {
                let value = self.wanted(machine, name, value)?;
                let pattern = self.pattern(machine, word)?;
                each(value, |text| {
                    let found =
                        pattern.prefix(text.as_bytes()).map_or(0, |(short, long)| if *longest { long } else { short });
                    lossy(text.as_bytes().get(found..))
                })
            }
            Change::RemoveSuffix(longest, word) => {
                let value = self.wanted(machine, name, value)?;
                let pattern = self.pattern(machine, word)?;
                each(value, |text| {
                    let found =
                        pattern.suffix(text.as_bytes()).map_or(0, |(short, long)| if *longest { long } else { short });
                    lossy(text.as_bytes().get(..text.len() - found))
                })
            }
            Change::Replace(which, pattern, replacement) => {
                let value = self.wanted(machine, name, value)?;
                let pattern = self.pattern(machine, pattern)?;
                let replacement = self.one_field(machine, &replacement.0, false)?;
                let long = |text: &str| text.len() > SEARCHED_MAX;
                if matches!(&value, Value::One(text) if long(text)) {
                    return Err(Stop::Unable(format!("a value of more than {SEARCHED_MAX} bytes in ${{x/…}}")).into());
                }
                each(value, |text| replace(text, *which, &pattern, &replacement))
            }
            Change::Substring(offset, length) => {
                let value = self.wanted(machine, name, value)?;
                self.substring(machine, value, offset, length.as_ref())?
            }
        };
        self.put(value, place, out);
        Ok(())
    }

    /// `set -u`: a parameter that is not set ends the shell.
    fn wanted(&mut self, machine: &mut Machine, name: &str, value: Value) -> Step<Value> {
        if matches!(value, Value::Unset) && self.options.nounset {
            let what = match self.dialect {
                Dialect::Bash if name.starts_with(|first: char| first.is_ascii_digit()) => {
                    format!("${name}: unbound variable")
                }
                Dialect::Bash => format!("{name}: unbound variable"),
                Dialect::Dash => format!("{name}: parameter not set"),
            };
            self.complain(machine, &what)?;
            return Err(Halt::Exit(self.fatal_status()));
        }
        Ok(value)
    }

    fn word_pieces(&mut self, machine: &mut Machine, word: &Word, place: Place, out: &mut Vec<Piece>) -> Step<()> {
        let place = Place { literals_split: place.fields && !place.quoted, ..place };
        self.pieces(machine, &word.0, place, out)
    }

    fn put(&self, value: Value, place: Place, out: &mut Vec<Piece>) {
        let Place { quoted, fields, .. } = place;
        let splits = fields && !quoted;
        match value {
            Value::Unset => {
                if quoted {
                    out.push(Piece::Text { text: String::new(), quoted, splits });
                }
            }
            Value::One(text) => out.push(Piece::Text { text, quoted, splits }),
            Value::Many(all, true) if quoted || !fields => {
                let joint = match self.variable("IFS") {
                    None => " ",
                    Some(separators) => separators.get(..1).unwrap_or_default(),
                };
                out.push(Piece::Text { text: all.join(joint), quoted, splits });
            }
            Value::Many(all, _) => {
                for (nth, text) in all.into_iter().enumerate() {
                    if nth > 0 {
                        out.push(Piece::Break);
                    }
                    out.push(Piece::Text { text, quoted, splits });
                }
            }
        }
    }

    fn substring(&mut self, machine: &mut Machine, value: Value, offset: &Word, length: Option<&Word>) -> Step<Value> {
        let offset = self.arithmetic(machine, offset, "")?;
        let length = match length {
            Some(word) => Some(self.arithmetic(machine, word, "")?),
            None => None,
        };
        let text = match value {
            Value::Unset => String::new(),
            Value::One(text) => text,
            Value::Many(..) => return Err(Stop::Unable("a slice of the positional parameters".into()).into()),
        };
        let all = i64::try_from(text.len()).unwrap_or(i64::MAX);
        let begin = if offset < 0 { all.saturating_add(offset) } else { offset };
        if begin < 0 || begin > all {
            return Ok(Value::One(String::new()));
        }
        let end = match length {
            None => all,
            Some(length) if length < 0 => all.saturating_add(length),
            Some(length) => begin.saturating_add(length).min(all),
        };
        if end < begin {
            let written = length.unwrap_or(0);
            self.complain(machine, &format!("{written}: substring expression < 0"))?;
            return Err(Halt::Abandon);
        }
        let (begin, end) = (usize::try_from(begin).unwrap_or(0), usize::try_from(end).unwrap_or(0));
        Ok(Value::One(lossy(text.as_bytes().get(begin..end))))
    }
}

fn counts(value: &Value, colon: bool) -> bool {
    match value {
        Value::Unset => false,
        Value::One(text) => !colon || !text.is_empty(),
        Value::Many(all, _) => match all.as_slice() {
            [] => false,
            [one] => !colon || !one.is_empty(),
            _ => true,
        },
    }
}

fn each(value: Value, change: impl Fn(&str) -> String) -> Value {
    match value {
        Value::Unset => Value::Unset,
        Value::One(text) => Value::One(change(&text)),
        Value::Many(all, star) => Value::Many(all.iter().map(|text| change(text)).collect(), star),
    }
}

fn lossy(bytes: Option<&[u8]>) -> String {
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}

fn replace(text: &str, which: Where, pattern: &Pattern, replacement: &[(String, bool)]) -> String {
    let bytes = text.as_bytes();
    let whole = bytes.len();
    let mut result: Vec<u8> = Vec::with_capacity(whole);
    let put = |result: &mut Vec<u8>, matched: &[u8]| {
        for (byte, quoted) in marks(replacement) {
            // bash 5.2: `&` stands for what was matched.
            if byte == b'&' && !quoted { result.extend(matched) } else { result.push(byte) }
        }
    };
    match which {
        Where::Beginning => match pattern.prefix(bytes) {
            Some((_, length)) => {
                let (matched, rest) = bytes.split_at(length);
                put(&mut result, matched);
                result.extend(rest);
            }
            None => return text.to_owned(),
        },
        Where::End => match pattern.suffix(bytes) {
            Some((_, length)) => {
                let (rest, matched) = bytes.split_at(whole - length);
                result.extend(rest);
                put(&mut result, matched);
            }
            None => return text.to_owned(),
        },
        Where::First | Where::All => {
            let mut at = 0;
            let mut first = true;
            while at < whole {
                let rest = bytes.get(at..).unwrap_or_default();
                let found = match which == Where::All || first {
                    true => pattern.prefix(rest).map(|(_, longest)| longest).filter(|length| *length > 0),
                    false => None,
                };
                match found {
                    Some(length) => {
                        put(&mut result, rest.get(..length).unwrap_or_default());
                        at += length;
                        first = false;
                    }
                    None => {
                        result.extend(rest.first());
                        at += 1;
                    }
                }
            }
        }
    }
    lossy(Some(&result))
}
