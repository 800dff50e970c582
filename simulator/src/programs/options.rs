//! Command lines as getopt_long(3) reads them, with GNU's messages; options that the real program has and the model
//! lacks are refused by name.

use super::common::usage;
use super::{Call, complain};
use crate::machine::Machine;
use crate::{Run, Stop};

/// What `-20` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digits {
    /// An option like any other.
    Options,
    /// The value of this option, as for `head`.
    ValueOf(char),
    /// An operand, as for `seq`.
    Operand,
}

/// Options of a program.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// As getopt(3) has them: `n` a flag, `n:` needs a value, `n::` may have one that is attached.
    pub short: &'static str,
    /// Long names and the letter that they mean.
    pub long: &'static [(&'static str, char)],
    /// Letters that the real program knows and the model does not.
    pub unmodelled: &'static str,
    /// Whether the first operand ends the options.
    pub in_order: bool,
    /// What `-20` means.
    pub digits: Digits,
    /// Status of a wrong command line.
    pub status: i32,
    /// What stands between the message and the hint, with its newline.
    pub synopsis: &'static str,
}

/// A command line that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given<'a> {
    /// Letters with their values, in order.
    pub options: Vec<(char, Option<&'a str>)>,
    /// The rest.
    pub operands: Vec<&'a str>,
}

impl<'a> Given<'a> {
    /// Whether a flag is there.
    pub fn has(&self, letter: char) -> bool {
        self.options.iter().any(|(given, _)| *given == letter)
    }

    /// The last value of an option.
    pub fn value(&self, letter: char) -> Option<&'a str> {
        self.options.iter().rev().find(|(given, _)| *given == letter).and_then(|(_, value)| *value)
    }
}

/// Why a command line is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Bad {
    /// The real program would say this, too.
    Wrong(String),
    /// The real program knows it.
    Unmodelled(String),
}

impl Options {
    /// None at all.
    pub const NONE: Options = Options {
        synopsis: "",
        short: "",
        long: &[],
        unmodelled: "",
        in_order: false,
        digits: Digits::Options,
        status: 1,
    };

    /// Whether a letter is known, and whether it takes a value: `Some(None)` none, `Some(Some(true))` always.
    fn takes(&self, letter: char) -> Option<Option<bool>> {
        let at = self.short.find(letter).filter(|_| letter != ':')?;
        let after = self.short.get(at + letter.len_utf8()..).unwrap_or_default();
        Some(if after.starts_with("::") {
            Some(false)
        } else if after.starts_with(':') {
            Some(true)
        } else {
            None
        })
    }

    fn parse<'a>(&self, words: impl Iterator<Item = &'a str>) -> Result<Given<'a>, Bad> {
        let mut given = Given::default();
        let mut words = words.peekable();
        while let Some(word) = words.next() {
            let is_number =
                word.len() > 1 && word.as_bytes().get(1).is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.');
            if word == "--" {
                given.operands.extend(words);
                break;
            } else if let Some(long) = word.strip_prefix("--") {
                let (name, attached) = match long.split_once('=') {
                    Some((name, value)) => (name, Some(value)),
                    None => (long, None),
                };
                let Some((_, letter)) = self.long.iter().find(|(known, _)| *known == name) else {
                    return Err(Bad::Unmodelled(format!("--{name}")));
                };
                let value = match (self.takes(*letter).flatten(), attached) {
                    (None, None) => None,
                    (None, Some(_)) => return Err(Bad::Wrong(format!("option '--{name}' doesn't allow an argument"))),
                    (Some(_), Some(value)) => Some(value),
                    (Some(false), None) => None,
                    (Some(true), None) => Some(
                        words.next().ok_or_else(|| Bad::Wrong(format!("option '--{name}' requires an argument")))?,
                    ),
                };
                given.options.push((*letter, value));
            } else if word.len() < 2 || !word.starts_with('-') || (is_number && self.digits == Digits::Operand) {
                given.operands.push(word);
                if self.in_order {
                    given.operands.extend(words);
                    break;
                }
            } else if let (true, Digits::ValueOf(letter)) = (is_number, self.digits) {
                given.options.push((letter, word.get(1..)));
            } else {
                self.cluster(word, &mut words, &mut given)?;
            }
        }
        Ok(given)
    }

    fn cluster<'a>(
        &self,
        word: &'a str,
        words: &mut impl Iterator<Item = &'a str>,
        given: &mut Given<'a>,
    ) -> Result<(), Bad> {
        for (at, letter) in word.char_indices().skip(1) {
            let rest = word.get(at + letter.len_utf8()..).filter(|rest| !rest.is_empty());
            match self.takes(letter) {
                Some(None) => given.options.push((letter, None)),
                Some(Some(true)) => {
                    let missing = || Bad::Wrong(format!("option requires an argument -- '{letter}'"));
                    given.options.push((letter, Some(rest.or_else(|| words.next()).ok_or_else(missing)?)));
                    return Ok(());
                }
                Some(Some(false)) => {
                    given.options.push((letter, rest));
                    return Ok(());
                }
                None if self.unmodelled.contains(letter) => return Err(Bad::Unmodelled(format!("-{letter}"))),
                None => return Err(Bad::Wrong(format!("invalid option -- '{letter}'"))),
            }
        }
        Ok(())
    }

    /// Reads a call's arguments; `Err` is the status with which the program ends after its message.
    pub fn given<'a>(&self, machine: &mut Machine, call: &Call<'a>) -> Run<Result<Given<'a>, i32>> {
        self.given_of(machine, call, call.arguments())
    }

    /// The same of some of them.
    pub fn given_of<'a>(
        &self,
        machine: &mut Machine,
        call: &Call<'_>,
        arguments: &'a [String],
    ) -> Run<Result<Given<'a>, i32>> {
        match self.parse(arguments.iter().map(String::as_str)) {
            Ok(given) => Ok(Ok(given)),
            Err(Bad::Wrong(message)) => {
                let before = self.synopsis.trim_end();
                let message = if before.is_empty() { message } else { format!("{message}\n{before}") };
                usage(machine, call, &message, self.status).map(Err)
            }
            Err(Bad::Unmodelled(option)) => Err(unmodelled(call, &option)),
        }
    }

    /// Whether all options are known, for the check when a runbook is loaded. A word not known yet is no option.
    pub fn know(&self, words: &[Option<&str>]) -> Result<(), String> {
        self.read(words).map(drop)
    }

    /// What is known of a command line before it runs.
    pub fn read<'a>(&self, words: &[Option<&'a str>]) -> Result<Given<'a>, String> {
        match self.parse(words.iter().map(|word| word.unwrap_or("?"))) {
            Ok(given) => Ok(given),
            // What the real program refuses may well be what is drilled.
            Err(Bad::Wrong(_)) => Ok(Given::default()),
            Err(Bad::Unmodelled(option)) => Err(format!("the option {option} is not modelled")),
        }
    }
}

/// The refusal of an option that the real program knows.
pub fn unmodelled(call: &Call<'_>, what: &str) -> Stop {
    let name = call.words.first().map_or("", String::as_str);
    Stop::Unable(format!("{name} {what} is not modelled; use --host container"))
}

/// Says something on stderr and gives the status.
pub fn refuse(machine: &mut Machine, call: &Call<'_>, text: &str, status: i32) -> Run<i32> {
    complain(machine, call.context, text)?;
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: Options = Options {
        short: "qn:i::",
        long: &[("quiet", 'q'), ("number", 'n'), ("in-place", 'i')],
        unmodelled: "z",
        ..Options::NONE
    };

    fn parse<'a>(options: &Options, words: &[&'a str]) -> Result<Given<'a>, Bad> {
        options.parse(words.iter().copied())
    }

    #[test]
    fn options_are_read_as_getopt_long_reads_them() {
        let given = parse(&OPTIONS, &["a", "-qn3", "-i", "b", "--number=4", "--in-place=.x", "--", "-q"]).unwrap();
        let options = [('q', None), ('n', Some("3")), ('i', None), ('n', Some("4")), ('i', Some(".x"))];
        assert_eq!(given.options, options);
        assert_eq!(given.operands, ["a", "b", "-q"]);
        let wrong = |text: &str| Err(Bad::Wrong(text.to_owned()));
        assert_eq!(parse(&OPTIONS, &["-n"]), wrong("option requires an argument -- 'n'"));
        assert_eq!(parse(&OPTIONS, &["-y"]), wrong("invalid option -- 'y'"));
        assert_eq!(parse(&OPTIONS, &["--quiet=1"]), wrong("option '--quiet' doesn't allow an argument"));
        assert_eq!(parse(&OPTIONS, &["-qz"]), Err(Bad::Unmodelled("-z".into())));
        assert_eq!(parse(&OPTIONS, &["--silent"]), Err(Bad::Unmodelled("--silent".into())));
    }

    #[test]
    fn numbers_with_a_dash_are_what_the_program_says() {
        let head = Options { digits: Digits::ValueOf('n'), ..OPTIONS };
        assert_eq!(parse(&head, &["-20"]).unwrap().options, [('n', Some("20"))]);
        let seq = Options { digits: Digits::Operand, in_order: true, ..OPTIONS };
        assert_eq!(parse(&seq, &["-5", "-q"]).unwrap().operands, ["-5", "-q"]);
        assert!(parse(&OPTIONS, &["-5"]).is_err());
    }

    #[test]
    fn the_check_before_a_run_refuses_only_what_the_real_program_would_take() {
        assert_eq!(OPTIONS.know(&[Some("-q"), None, Some("-y")]), Ok(()));
        assert_eq!(OPTIONS.know(&[None, Some("-z")]), Err("the option -z is not modelled".into()));
    }
}
