//! Text inside unit files: words and quotes, specifiers, variables, environment files.

use std::collections::BTreeMap;

/// Words of a value, quotes and C escapes taken as systemd takes them.
///
/// # Errors
/// What is wrong with the text, or not modelled.
pub fn split(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                let escaped = match letters.next() {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some('s') => ' ',
                    Some(same @ ('\\' | '"' | '\'')) => same,
                    Some(other) => return Err(format!("the escape \\{other}")),
                    None => return Err("a backslash at the end".to_owned()),
                };
                word.get_or_insert_default().push(escaped);
            }
            _ if quote == Some(letter) => quote = None,
            '"' | '\'' if quote.is_none() => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            _ if letter.is_whitespace() && quote.is_none() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    if let Some(quote) = quote {
        return Err(format!("a {quote} that is not closed"));
    }
    words.extend(word);
    Ok(words)
}

/// `%n` and the like.
///
/// # Errors
/// The specifier that is not modelled.
pub fn specifiers(text: &str, unit: &str) -> Result<String, String> {
    if !text.contains('%') {
        return Ok(text.to_owned());
    }
    let stem = unit.strip_suffix(".service").unwrap_or(unit);
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        match letters.next() {
            Some('%') => out.push('%'),
            Some('n') => out.push_str(unit),
            Some('N' | 'p') => out.push_str(stem),
            Some('H') => out.push_str(super::HOST),
            other => return Err(format!("the specifier %{}", other.map(String::from).unwrap_or_default())),
        }
    }
    Ok(out)
}

/// A command's words with `$NAME` and `${NAME}` replaced; `$NAME` as a word of its own becomes its words.
pub fn expand(words: &[String], environment: &BTreeMap<String, String>) -> Vec<String> {
    let value = |name: &str| environment.get(name).cloned().unwrap_or_default();
    let is_name = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let mut out = Vec::with_capacity(words.len());
    for word in words {
        if let Some(name) = word.strip_prefix('$')
            && is_name(name)
        {
            out.extend(value(name).split_whitespace().map(str::to_owned));
            continue;
        }
        let mut text = String::with_capacity(word.len());
        let mut rest = word.as_str();
        while let Some((before, after)) = rest.split_once('$') {
            text.push_str(before);
            if let Some(after) = after.strip_prefix('$') {
                text.push('$');
                rest = after;
            } else if let Some((name, left)) = after.strip_prefix('{').and_then(|after| after.split_once('}'))
                && is_name(name)
            {
                text.push_str(&value(name));
                rest = left;
            } else {
                let length = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
                let (name, left) = after.split_at(length);
                text.push_str(&if name.is_empty() { "$".to_owned() } else { value(name) });
                rest = left;
            }
        }
        text.push_str(rest);
        out.push(text);
    }
    out
}

/// An environment file's variables, as systemd's `parse_env_file` reads them: quotes stripped, lines that are no
/// assignments left out.
pub fn environment_file(text: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(first) = letters.next_if(|c| c.is_whitespace()).or_else(|| letters.peek().copied()) {
        if first.is_whitespace() {
            continue;
        }
        if first == '#' || first == ';' {
            while let Some(letter) = letters.next() {
                match letter {
                    '\\' => drop(letters.next()),
                    '\n' => break,
                    _ => {}
                }
            }
            continue;
        }
        let mut key = String::new();
        let mut assigned = false;
        for letter in letters.by_ref() {
            match letter {
                '=' => {
                    assigned = true;
                    break;
                }
                '\n' => break,
                _ => key.push(letter),
            }
        }
        if !assigned {
            continue;
        }
        let value = value(&mut letters);
        let key = key.trim();
        let starts = key.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if starts && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            out.push((key.to_owned(), value));
        }
    }
    out
}

fn value(letters: &mut impl Iterator<Item = char>) -> String {
    let mut value = String::new();
    let mut kept = 0;
    // In front of the value, after a closing quote: blanks are dropped and quotes open.
    let mut in_front = true;
    while let Some(letter) = letters.next() {
        match letter {
            '\n' => break,
            '\'' if in_front => {
                value.extend(letters.by_ref().take_while(|c| *c != '\''));
                kept = value.len();
            }
            '"' if in_front => {
                while let Some(quoted) = letters.next() {
                    match quoted {
                        '"' => break,
                        '\\' => match letters.next() {
                            Some(same @ ('"' | '\\' | '`' | '$')) => value.push(same),
                            Some('\n') | None => {}
                            Some(other) => value.extend(['\\', other]),
                        },
                        _ => value.push(quoted),
                    }
                }
                kept = value.len();
            }
            '\\' => {
                value.extend(letters.next().filter(|c| *c != '\n'));
                (in_front, kept) = (false, value.len());
            }
            _ if letter.is_whitespace() => {
                if !in_front {
                    value.push(letter);
                }
            }
            _ => {
                value.push(letter);
                (in_front, kept) = (false, value.len());
            }
        }
    }
    value.truncate(kept);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_systemd_splits_them() {
        let split = |text| split(text).map(|words| words.join("|"));
        assert_eq!(split("/bin/sh -c 'a \"b\" c'  d"), Ok("/bin/sh|-c|a \"b\" c|d".into()));
        assert_eq!(split(r#"a"b c"d e\sf """#), Ok("ab cd|e f|".into()));
        assert_eq!(split("'a"), Err("a ' that is not closed".into()));
    }

    #[test]
    fn variables_are_replaced() {
        let environment = BTreeMap::from([("A".to_owned(), "x y".to_owned())]);
        let words = ["$A", "-${A}-", "$$A", "$NONE", "a$", "b$A"].map(str::to_owned);
        assert_eq!(expand(&words, &environment), ["x", "y", "-x y-", "$A", "a$", "bx y"]);
    }

    #[test]
    fn environment_files_are_read_as_systemd_reads_them() {
        let text = "# a \\\nb=c\n; d\nA=1 \n  B = \"two words\"  \nC='it''s'\nD=a\\\nb\nnothing\n9=x\n\
                    E=\"a\\\"b\\c\"\nF=a'b\nG=";
        let read = environment_file(text);
        let expected =
            [("A", "1"), ("B", "two words"), ("C", "its"), ("D", "ab"), ("E", "a\"b\\c"), ("F", "a'b"), ("G", "")];
        assert_eq!(read, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
}
