//! `[[ … ]]`

use super::{Halt, Step};
use crate::machine::Machine;
use crate::shell::Shell;
use crate::shell::builtins::asked_of_file;
use crate::shell::syntax::Test;

/// Longest regular expression, bytes.
const REGEX_MAX: usize = 4096;

impl Shell {
    /// The status: 0, 1, or 2 for what cannot be asked.
    pub(super) fn condition(&mut self, machine: &mut Machine, test: &Test) -> Step<i32> {
        Ok(match test {
            Test::Word(word) => i32::from(self.text(machine, word)?.is_empty()),
            Test::Not(test) => match self.condition(machine, test)? {
                0 => 1,
                1 => 0,
                wrong => wrong,
            },
            Test::And(left, right) => match self.condition(machine, left)? {
                0 => self.condition(machine, right)?,
                other => other,
            },
            Test::Or(left, right) => match self.condition(machine, left)? {
                1 => self.condition(machine, right)?,
                other => other,
            },
            Test::Unary(operator, word) => {
                let text = self.text(machine, word)?;
                match operator.as_str() {
                    "-n" => i32::from(text.is_empty()),
                    "-z" => i32::from(!text.is_empty()),
                    operator => i32::from(!asked_of_file(machine, &self.context, operator, &text)?),
                }
            }
            Test::Binary(operator, left, right) => {
                let left = self.text(machine, left)?;
                let holds = match operator.as_str() {
                    "=" | "==" => self.pattern(machine, right)?.matches(left.as_bytes()),
                    "!=" => !self.pattern(machine, right)?.matches(left.as_bytes()),
                    "<" => left.as_bytes() < self.text(machine, right)?.as_bytes(),
                    ">" => left.as_bytes() > self.text(machine, right)?.as_bytes(),
                    "=~" => {
                        let expression = self.regex(machine, right)?;
                        return Ok(match matches(&expression, &left) {
                            Some(holds) => i32::from(!holds),
                            None => 2,
                        });
                    }
                    "-nt" | "-ot" | "-ef" => {
                        let right = self.text(machine, right)?;
                        crate::shell::builtins::asked_of_two_files(machine, &self.context, operator, &left, &right)
                    }
                    _ => {
                        let right = self.text(machine, right)?;
                        let (Some(left), Some(right)) = (self.operand(machine, &left)?, self.operand(machine, &right)?)
                        else {
                            return Ok(1);
                        };
                        match operator.as_str() {
                            "-eq" => left == right,
                            "-ne" => left != right,
                            "-lt" => left < right,
                            "-le" => left <= right,
                            "-gt" => left > right,
                            _ => left >= right,
                        }
                    }
                };
                i32::from(!holds)
            }
        })
    }

    /// An operand of `-eq` and the like is an expression.
    fn operand(&mut self, machine: &mut Machine, text: &str) -> Step<Option<i64>> {
        match self.evaluate(machine, text) {
            Ok(number) => Ok(Some(number)),
            Err(wrong) => {
                self.complain(machine, &format!("[[: {}", wrong.text))?;
                if wrong.unbound { Err(Halt::Exit(self.fatal_status())) } else { Ok(None) }
            }
        }
    }
}

/// Whether an extended regular expression is found; `None` if it is none.
fn matches(expression: &str, text: &str) -> Option<bool> {
    if expression.len() > REGEX_MAX {
        return None;
    }
    let regex = regex::RegexBuilder::new(expression).unicode(true).size_limit(1 << 20).build().ok()?;
    Some(regex.is_match(text))
}
