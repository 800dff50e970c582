//! `[[ … ]]`

use super::words::Parts;
use super::{Read, Reader};
use crate::shell::syntax::{Command, Test, Word};

/// Operators of two words, besides `<` and `>`.
const BINARY: [&str; 13] = ["=", "==", "!=", "=~", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef"];
/// Operators of one word.
const UNARY: &str = "-a -b -c -d -e -f -g -h -k -n -o -p -r -s -t -u -v -w -x -z -G -L -N -O -R -S";

impl Reader<'_> {
    pub(super) fn condition_command(&mut self) -> Read<Command> {
        let row = self.row();
        self.expect_reserved("[[")?;
        let test = self.any_of()?;
        self.blanks_and_newlines();
        self.expect_reserved("]]")?;
        Ok(Command::Test { test, row })
    }

    fn any_of(&mut self) -> Read<Test> {
        let mut test = self.all_of()?;
        loop {
            self.blanks_and_newlines();
            if !self.accept("||") {
                return Ok(test);
            }
            test = Test::Or(Box::new(test), Box::new(self.all_of()?));
        }
    }

    fn all_of(&mut self) -> Read<Test> {
        let mut test = self.condition()?;
        loop {
            self.blanks_and_newlines();
            if !self.accept("&&") {
                return Ok(test);
            }
            test = Test::And(Box::new(test), Box::new(self.condition()?));
        }
    }

    fn condition(&mut self) -> Read<Test> {
        self.deeper(|reader| {
            reader.blanks_and_newlines();
            if reader.reserved("!") {
                return Ok(Test::Not(Box::new(reader.condition()?)));
            }
            if reader.accept("(") {
                let test = reader.any_of()?;
                reader.blanks_and_newlines();
                return if reader.accept(")") { Ok(test) } else { Err(reader.unexpected()) };
            }
            let operator = reader.bare_word();
            if operator == "]]" {
                return Err(reader.unexpected());
            }
            if UNARY.split(' ').any(|known| known == operator) {
                if matches!(
                    operator,
                    "-o" | "-v" | "-R" | "-t" | "-N" | "-G" | "-g" | "-k" | "-u" | "-b" | "-c" | "-p" | "-S"
                ) {
                    return Err(reader.refuse(&format!("the question `{operator}`")));
                }
                let operator = operator.to_owned();
                reader.at += operator.len();
                reader.blanks();
                return Ok(Test::Unary(operator, reader.operand()?));
            }
            let left = reader.operand()?;
            reader.blanks();
            for sign in ["<", ">"] {
                if reader.accept(sign) {
                    reader.blanks();
                    return Ok(Test::Binary(sign.to_owned(), left, reader.operand()?));
                }
            }
            let operator = reader.bare_word().to_owned();
            if !BINARY.contains(&operator.as_str()) {
                return Ok(Test::Word(left));
            }
            reader.at += operator.len();
            reader.blanks();
            let right = if operator == "=~" { reader.regex_word()? } else { reader.operand()? };
            Ok(Test::Binary(operator, left, right))
        })
    }

    fn operand(&mut self) -> Read<Word> {
        let word = self.word()?.ok_or_else(|| self.unexpected())?;
        match self.peek() {
            Some(b'(') => Err(self.refuse("an extended pattern")),
            _ => Ok(word),
        }
    }

    /// The right side of `=~`: parentheses and bars are part of it.
    fn regex_word(&mut self) -> Read<Word> {
        let mut parts = Parts::default();
        let mut open = 0_u32;
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\n' if open == 0 => break,
                b'\n' | b';' | b'&' | b'<' | b'>' => return Err(self.unexpected()),
                b'(' => open += 1,
                b')' if open == 0 => break,
                b')' => open -= 1,
                _ => {}
            }
            self.piece(&mut parts)?;
        }
        if parts.0.is_empty() { Err(self.unexpected()) } else { Ok(Word(parts.0)) }
    }
}
