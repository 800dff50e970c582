//! sed's scripts as values: `s`, `d`, `p`, `q`, `=` and groups with addresses. Anything else is refused by name.

use std::rc::Rc;

use crate::programs::pattern::{self, Pattern, Syntax, compile};

/// Commands of one script.
const COMMANDS_MAX: usize = 1000;

/// Why a script is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bad {
    /// sed's own message: the character and the words.
    Wrong(usize, String),
    /// sed knows it, the model does not.
    Unmodelled(String),
}

/// Which line.
#[derive(Debug, Clone)]
pub enum Address {
    /// By number.
    Line(u64),
    /// `$`
    Last,
    /// `/re/`
    Match(Rc<Pattern>),
}

/// A piece of what replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it is.
    Text(Vec<u8>),
    /// `\1`; 0 is `&`.
    Group(usize),
}

/// What is done.
#[derive(Debug, Clone)]
pub enum Act {
    /// `{`; the command behind its `}`.
    Group(usize),
    /// `}`
    GroupEnds,
    /// `d`
    Delete,
    /// `p`
    Print,
    /// `q`, and its status.
    Quit(i32),
    /// `=`
    Number,
    /// `s`
    Replace {
        /// What.
        pattern: Rc<Pattern>,
        /// By what.
        with: Vec<Piece>,
        /// Which match, 1 is the first.
        nth: usize,
        /// And all after it.
        global: bool,
        /// Print the line if anything was replaced.
        print: bool,
    },
}

/// A command.
#[derive(Debug, Clone)]
pub struct Command {
    /// One or two.
    pub addresses: Vec<Address>,
    /// `!`
    pub negated: bool,
    /// What it does.
    pub act: Act,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    syntax: Syntax,
}

/// Reads a script.
pub fn parse(text: &str, extended: bool) -> Result<Vec<Command>, Bad> {
    let syntax = if extended { Syntax::Extended } else { Syntax::Basic };
    let mut reader = Reader { text, at: 0, syntax };
    let mut commands: Vec<Command> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    loop {
        reader.skip(|letter| letter.is_whitespace() || letter == ';');
        if reader.peek() == Some('#') {
            if text.starts_with("#n\n") {
                return Err(Bad::Unmodelled("#n".into()));
            }
            reader.skip(|letter| letter != '\n');
            continue;
        }
        let Some(_) = reader.peek() else { break };
        let (addresses, negated) = reader.addresses()?;
        let Some(letter) = reader.next() else { return Err(reader.wrong("missing command")) };
        let act = match letter {
            '{' => {
                open.push(commands.len());
                Act::Group(0)
            }
            '}' => {
                let Some(begin) = open.pop() else { return Err(reader.wrong("unexpected `}'")) };
                if !addresses.is_empty() {
                    return Err(reader.wrong("} doesn't want any addresses"));
                }
                let end = commands.len() + 1;
                if let Some(Command { act: Act::Group(behind), .. }) = commands.get_mut(begin) {
                    *behind = end;
                }
                Act::GroupEnds
            }
            'd' => Act::Delete,
            'p' => Act::Print,
            '=' => Act::Number,
            'q' => {
                reader.skip(|letter| letter == ' ');
                let digits = reader.take(|letter| letter.is_ascii_digit());
                if addresses.len() > 1 {
                    return Err(reader.wrong("command only uses one address"));
                }
                Act::Quit(digits.parse().unwrap_or(0))
            }
            's' => reader.replace()?,
            ':' | 'a' | 'b' | 'c' | 'D' | 'e' | 'F' | 'g' | 'G' | 'h' | 'H' | 'i' | 'l' | 'n' | 'N' | 'P' | 'Q'
            | 'r' | 'R' | 't' | 'T' | 'v' | 'w' | 'W' | 'x' | 'y' | 'z' => {
                return Err(Bad::Unmodelled(format!("the command {letter}")));
            }
            other => return Err(reader.wrong(&format!("unknown command: `{other}'"))),
        };
        if !matches!(act, Act::Group(_)) {
            reader.skip(|letter| matches!(letter, ' ' | '\t'));
            if reader.peek().is_some_and(|letter| !matches!(letter, ';' | '\n' | '}' | '#')) {
                reader.at += 1;
                let what = if matches!(act, Act::Replace { .. }) {
                    "unknown option to `s'"
                } else {
                    "extra characters after command"
                };
                return Err(reader.wrong(what));
            }
        }
        commands.push(Command { addresses, negated, act });
        if commands.len() > COMMANDS_MAX {
            return Err(Bad::Unmodelled(format!("more than {COMMANDS_MAX} commands")));
        }
    }
    if open.is_empty() { Ok(commands) } else { Err(Bad::Wrong(0, "unmatched `{'".into())) }
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += letter.len_utf8();
        Some(letter)
    }

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(letter) = self.peek().filter(|letter| wanted(*letter)) {
            taken.push(letter);
            self.at += letter.len_utf8();
        }
        taken
    }

    fn skip(&mut self, wanted: impl Fn(char) -> bool) {
        let _ = self.take(wanted);
    }

    fn wrong(&self, what: &str) -> Bad {
        Bad::Wrong(self.at.min(self.text.len()), what.to_owned())
    }

    fn addresses(&mut self) -> Result<(Vec<Address>, bool), Bad> {
        let mut addresses = Vec::new();
        if let Some(first) = self.address()? {
            addresses.push(first);
            self.skip(|letter| letter == ' ');
            if self.peek() == Some(',') {
                self.at += 1;
                self.skip(|letter| letter == ' ');
                match self.peek() {
                    Some('+' | '~') => return Err(Bad::Unmodelled("an address of GNU's own (+N, ~N)".into())),
                    _ => match self.address()? {
                        Some(second) => addresses.push(second),
                        None => return Err(self.wrong("unexpected `,'")),
                    },
                }
            }
        }
        self.skip(|letter| letter == ' ');
        let mut negated = false;
        while self.peek() == Some('!') {
            self.at += 1;
            negated = true;
            self.skip(|letter| letter == ' ');
        }
        if let Some(Address::Line(0)) = addresses.first() {
            if matches!(addresses.get(1), Some(Address::Match(_))) {
                return Err(Bad::Unmodelled("the address 0,/re/".into()));
            }
            self.at += 1;
            return Err(self.wrong("invalid usage of line address 0"));
        }
        Ok((addresses, negated))
    }

    fn address(&mut self) -> Result<Option<Address>, Bad> {
        match self.peek() {
            Some(digit) if digit.is_ascii_digit() => {
                let digits = self.take(|letter| letter.is_ascii_digit());
                if self.peek() == Some('~') {
                    return Err(Bad::Unmodelled("an address of GNU's own (N~M)".into()));
                }
                Ok(Some(Address::Line(digits.parse().unwrap_or(u64::MAX))))
            }
            Some('$') => {
                self.at += 1;
                Ok(Some(Address::Last))
            }
            Some('/') => {
                self.at += 1;
                self.delimited_address('/').map(Some)
            }
            Some('\\') => {
                self.at += 1;
                let Some(delimiter) = self.next() else { return Err(self.wrong("unterminated address regex")) };
                self.delimited_address(delimiter).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn delimited_address(&mut self, delimiter: char) -> Result<Address, Bad> {
        let Some(text) = self.delimited(delimiter, true) else { return Err(self.wrong("unterminated address regex")) };
        let ignore_case = self.peek() == Some('I');
        self.at += usize::from(ignore_case);
        Ok(Address::Match(self.pattern(&text, ignore_case)?))
    }

    fn pattern(&self, text: &str, ignore_case: bool) -> Result<Rc<Pattern>, Bad> {
        if text.is_empty() {
            return Err(Bad::Unmodelled("an empty pattern (the last one again)".into()));
        }
        compile(self.syntax, ignore_case, text).map_err(|bad| match bad {
            pattern::Bad::Wrong(what) => self.wrong(what),
            pattern::Bad::Unmodelled(what) => Bad::Unmodelled(what),
        })
    }

    /// Up to the delimiter; an escaped one is the character itself. `None`: it does not come.
    fn delimited(&mut self, delimiter: char, is_pattern: bool) -> Option<String> {
        let mut taken = String::new();
        loop {
            match self.next()? {
                '\\' => match self.next()? {
                    letter if letter == delimiter => taken.push(letter),
                    'n' if is_pattern => taken.push('\n'),
                    '\n' if is_pattern => taken.push('\n'),
                    letter => {
                        taken.push('\\');
                        taken.push(letter);
                    }
                },
                letter if letter == delimiter => return Some(taken),
                '\n' if is_pattern => return None,
                letter => taken.push(letter),
            }
        }
    }

    fn replace(&mut self) -> Result<Act, Bad> {
        let unterminated = "unterminated `s' command";
        let Some(delimiter) = self.next() else { return Err(self.wrong(unterminated)) };
        let Some(pattern) = self.delimited(delimiter, true) else { return Err(self.wrong(unterminated)) };
        let Some(with) = self.delimited(delimiter, false) else { return Err(self.wrong(unterminated)) };
        let (mut nth, mut global, mut print, mut ignore_case) = (None, false, false, false);
        loop {
            match self.peek() {
                Some('g') if global => {
                    self.at += 1;
                    return Err(self.wrong("multiple `g' options to `s' command"));
                }
                Some('p') if print => {
                    self.at += 1;
                    return Err(self.wrong("multiple `p' options to `s' command"));
                }
                Some('g') => global = true,
                Some('p') => print = true,
                Some('i' | 'I') => ignore_case = true,
                Some(digit) if digit.is_ascii_digit() => {
                    if nth.is_some() {
                        self.at += 1;
                        return Err(self.wrong("multiple number options to `s' command"));
                    }
                    let digits = self.take(|letter| letter.is_ascii_digit());
                    let number: usize = digits.parse().unwrap_or(usize::MAX);
                    if number == 0 {
                        return Err(self.wrong("number option to `s' command may not be zero"));
                    }
                    nth = Some(number);
                    continue;
                }
                Some(letter @ ('w' | 'e' | 'm' | 'M')) => {
                    return Err(Bad::Unmodelled(format!("the flag {letter} of s")));
                }
                _ => break,
            }
            self.at += 1;
        }
        let pattern = self.pattern(&pattern, ignore_case)?;
        let with = self.pieces(&with)?;
        for piece in &with {
            if let Piece::Group(number) = piece
                && *number > pattern.groups()
            {
                return Err(self.wrong(&format!("invalid reference \\{number} on `s' command's RHS")));
            }
        }
        Ok(Act::Replace { pattern, with, nth: nth.unwrap_or(1), global, print })
    }

    fn pieces(&self, text: &str) -> Result<Vec<Piece>, Bad> {
        let mut pieces = Vec::new();
        let mut plain: Vec<u8> = Vec::new();
        let mut letters = text.chars();
        let mut end = |plain: &mut Vec<u8>, group: usize| {
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(plain)));
            }
            if group < usize::MAX {
                pieces.push(Piece::Group(group));
            }
        };
        while let Some(letter) = letters.next() {
            match letter {
                '&' => end(&mut plain, 0),
                '\\' => match letters.next() {
                    Some(digit) if digit.is_ascii_digit() => {
                        end(&mut plain, digit.to_digit(10).unwrap_or(0) as usize);
                    }
                    Some('n') => plain.push(b'\n'),
                    Some('t') => plain.push(b'\t'),
                    Some(letter @ ('L' | 'U' | 'l' | 'u' | 'E' | 'c' | 'd' | 'o' | 'x' | 'a' | 'f' | 'v' | 'r')) => {
                        return Err(Bad::Unmodelled(format!("\\{letter} in what replaces")));
                    }
                    Some(other) => plain.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
                    None => plain.push(b'\\'),
                },
                other => plain.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        end(&mut plain, usize::MAX);
        Ok(pieces)
    }
}
