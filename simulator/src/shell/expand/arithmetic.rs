//! Arithmetic: text to a tree, and a tree to a number.

use crate::machine::Machine;
use crate::shell::Shell;
use crate::shell::syntax::Arithmetic;

/// Variables that hold expressions that hold variables …
const DEPTH_MAX: u32 = 20;

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::shell) struct Wrong {
    /// In bash's words.
    pub(in crate::shell) text: String,
    /// A variable that is not set, under `set -u`: the shell ends.
    pub(in crate::shell) unbound: bool,
}

impl From<String> for Wrong {
    fn from(text: String) -> Wrong {
        Wrong { text, unbound: false }
    }
}

/// Operators of two operands by how tightly they bind, loosest first.
const BINARY: [&[&str]; 10] = [
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];
/// What assigns, longest first, with what is done before.
const ASSIGNING: [(&str, &str); 11] = [
    ("<<=", "<<"),
    (">>=", ">>"),
    ("+=", "+"),
    ("-=", "-"),
    ("*=", "*"),
    ("/=", "/"),
    ("%=", "%"),
    ("&=", "&"),
    ("|=", "|"),
    ("^=", "^"),
    ("=", ""),
];

struct Parser<'a> {
    text: &'a str,
    at: usize,
    /// Where the last token began: what a complaint shows at the end of the text.
    last: usize,
    depth: u32,
}

/// Reads an expression.
pub(in crate::shell) fn parse(text: &str) -> Result<Arithmetic, Wrong> {
    let mut parser = Parser { text, at: 0, last: 0, depth: 0 };
    parser.blanks();
    if parser.rest().is_empty() {
        return Ok(Arithmetic::Number(0));
    }
    let expression = parser.comma()?;
    if parser.rest().is_empty() {
        return Ok(expression);
    }
    Err(parser.wrong("syntax error in expression"))
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn accept(&mut self, sign: &str) -> bool {
        let there = self.rest().starts_with(sign);
        if there {
            self.last = self.at;
            self.at += sign.len();
            self.blanks();
        }
        there
    }

    fn wrong(&self, what: &str) -> Wrong {
        let token = if self.rest().is_empty() { self.text.get(self.last..) } else { Some(self.rest()) };
        format!("{}: {what} (error token is \"{}\")", self.text.trim_start(), token.unwrap_or_default()).into()
    }

    fn comma(&mut self) -> Result<Arithmetic, Wrong> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.wrong("expression recursion level exceeded"));
        }
        let mut left = self.assignment()?;
        while self.accept(",") {
            left = Arithmetic::Binary(",", Box::new(left), Box::new(self.assignment()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn assignment(&mut self) -> Result<Arithmetic, Wrong> {
        let begin = self.at;
        let name = self.name();
        if !name.is_empty() && !self.rest().starts_with("==") {
            for (sign, operator) in ASSIGNING {
                if self.accept(sign) {
                    self.depth += 1;
                    if self.depth > DEPTH_MAX {
                        return Err(self.wrong("expression recursion level exceeded"));
                    }
                    let value = self.assignment()?;
                    self.depth -= 1;
                    return Ok(Arithmetic::Assign(name.to_owned(), operator, Box::new(value)));
                }
            }
        }
        self.at = begin;
        let condition = self.binary(0)?;
        if !self.accept("?") {
            return Ok(condition);
        }
        let yes = self.comma()?;
        if !self.accept(":") {
            return Err(self.wrong("`:' expected for conditional expression"));
        }
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.wrong("expression recursion level exceeded"));
        }
        let no = self.assignment()?;
        self.depth -= 1;
        Ok(Arithmetic::Choice(Box::new([condition, yes, no])))
    }

    fn operator(&mut self, level: usize) -> Option<&'static str> {
        let rest = self.rest();
        let found = BINARY.get(level)?.iter().find(|sign| rest.starts_with(**sign))?;
        let after = rest.get(found.len()..).unwrap_or_default();
        // `&` is no half of `&&`, and `<` none of `<<=`.
        let longer = match *found {
            "&" | "|" => after.starts_with(*found) || after.starts_with('='),
            "<" | ">" => after.starts_with(*found),
            "<<" | ">>" | "+" | "-" | "*" | "/" | "%" | "^" => after.starts_with('='),
            _ => false,
        };
        if longer || *found == "*" && after.starts_with('*') {
            return None;
        }
        self.accept(found);
        Some(found)
    }

    fn binary(&mut self, level: usize) -> Result<Arithmetic, Wrong> {
        if level == BINARY.len() {
            return self.power();
        }
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = self.operator(level) {
            let right = self.binary(level + 1)?;
            left = Arithmetic::Binary(operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn power(&mut self) -> Result<Arithmetic, Wrong> {
        let base = self.unary()?;
        if !self.accept("**") {
            return Ok(base);
        }
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.wrong("expression recursion level exceeded"));
        }
        let exponent = self.power()?;
        self.depth -= 1;
        Ok(Arithmetic::Binary("**", Box::new(base), Box::new(exponent)))
    }

    fn unary(&mut self) -> Result<Arithmetic, Wrong> {
        for (sign, up) in [("++", true), ("--", false)] {
            let begin = self.at;
            if self.accept(sign) {
                let name = self.name();
                if !name.is_empty() {
                    return Ok(Arithmetic::Step(name.to_owned(), up, false));
                }
                self.at = begin;
            }
        }
        let Some(sign) = self.rest().chars().next().filter(|first| "-+!~".contains(*first)) else {
            return self.primary();
        };
        self.at += 1;
        self.blanks();
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.wrong("expression recursion level exceeded"));
        }
        let operand = self.unary()?;
        self.depth -= 1;
        Ok(Arithmetic::Unary(sign, Box::new(operand)))
    }

    fn name(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.bytes().position(|byte| !byte.is_ascii_alphanumeric() && byte != b'_').unwrap_or(rest.len());
        let name = rest.get(..end).unwrap_or_default();
        if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
            return "";
        }
        self.last = self.at;
        self.at += end;
        self.blanks();
        name
    }

    fn primary(&mut self) -> Result<Arithmetic, Wrong> {
        if self.accept("(") {
            let inside = self.comma()?;
            return if self.accept(")") { Ok(inside) } else { Err(self.wrong("missing `)'")) };
        }
        let name = self.name();
        if !name.is_empty() {
            for (sign, up) in [("++", true), ("--", false)] {
                if self.accept(sign) {
                    return Ok(Arithmetic::Step(name.to_owned(), up, true));
                }
            }
            return Ok(Arithmetic::Variable(name.to_owned()));
        }
        let rest = self.rest();
        let end = rest.bytes().position(|b| !b.is_ascii_alphanumeric() && b != b'#' && b != b'_' && b != b'@');
        let digits = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        if digits.is_empty() {
            return Err(self.wrong("syntax error: operand expected"));
        }
        let value = number(digits).map_err(|what| self.wrong(what))?;
        self.last = self.at;
        self.at += digits.len();
        self.blanks();
        Ok(Arithmetic::Number(value))
    }
}

fn number(digits: &str) -> Result<i64, &'static str> {
    let (base, digits) = if let Some((base, digits)) = digits.split_once('#') {
        (base.parse::<u32>().ok().filter(|base| (2..=36).contains(base)).ok_or("invalid arithmetic base")?, digits)
    } else if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        (16, hex)
    } else if digits.len() > 1 && digits.starts_with('0') {
        (8, digits)
    } else {
        (10, digits)
    };
    digits.chars().try_fold(0_i64, |value, digit| {
        let digit = digit.to_digit(base).ok_or("value too great for base")?;
        Ok(value.wrapping_mul(i64::from(base)).wrapping_add(i64::from(digit)))
    })
}

impl Shell {
    /// The value of an expression's text.
    pub(in crate::shell) fn evaluate(&mut self, machine: &mut Machine, text: &str) -> Result<i64, Wrong> {
        // The commonest, without a tree.
        if let Ok(number @ 0..) = text.parse::<i64>()
            && (!text.starts_with(['0', '+']) || text == "0")
        {
            return Ok(number);
        }
        let tree = parse(text)?;
        self.value_of(machine, &tree, text, 0)
    }

    fn number_of(&mut self, machine: &mut Machine, name: &str, text: &str, depth: u32) -> Result<i64, Wrong> {
        if depth > DEPTH_MAX {
            let what = format!("{text}: expression recursion level exceeded (error token is \"{name}\")");
            return Err(what.into());
        }
        match self.parameter(machine, name).map(|value| value.trim().to_owned()) {
            Some(value) if !value.is_empty() => match value.parse::<i64>() {
                Ok(number) if !value.trim_start_matches('-').starts_with('0') || value == "0" => Ok(number),
                _ => self.value_of(machine, &parse(&value)?, &value, depth + 1),
            },
            None if self.options.nounset => Err(Wrong { text: format!("{name}: unbound variable"), unbound: true }),
            _ => Ok(0),
        }
    }

    fn value_of(&mut self, machine: &mut Machine, tree: &Arithmetic, text: &str, depth: u32) -> Result<i64, Wrong> {
        Ok(match tree {
            Arithmetic::Number(number) => *number,
            Arithmetic::Variable(name) => self.number_of(machine, name, text, depth)?,
            Arithmetic::Unary(sign, operand) => {
                let value = self.value_of(machine, operand, text, depth)?;
                match sign {
                    '-' => value.wrapping_neg(),
                    '!' => i64::from(value == 0),
                    '~' => !value,
                    _ => value,
                }
            }
            Arithmetic::Choice(choice) => {
                let [condition, yes, no] = choice.as_ref();
                let taken = if self.value_of(machine, condition, text, depth)? != 0 { yes } else { no };
                self.value_of(machine, taken, text, depth)?
            }
            Arithmetic::Binary("&&", left, right) => {
                let both =
                    self.value_of(machine, left, text, depth)? != 0 && self.value_of(machine, right, text, depth)? != 0;
                i64::from(both)
            }
            Arithmetic::Binary("||", left, right) => {
                let either =
                    self.value_of(machine, left, text, depth)? != 0 || self.value_of(machine, right, text, depth)? != 0;
                i64::from(either)
            }
            Arithmetic::Binary(operator, left, right) => {
                let (left, right) =
                    (self.value_of(machine, left, text, depth)?, self.value_of(machine, right, text, depth)?);
                combine(operator, left, right, text)?
            }
            Arithmetic::Assign(name, operator, value) => {
                let value = self.value_of(machine, value, text, depth)?;
                let value = match *operator {
                    "" => value,
                    operator => combine(operator, self.number_of(machine, name, text, depth)?, value, text)?,
                };
                self.assign(name, value.to_string());
                value
            }
            Arithmetic::Step(name, up, old) => {
                let before = self.number_of(machine, name, text, depth)?;
                let after = before.wrapping_add(if *up { 1 } else { -1 });
                self.assign(name, after.to_string());
                if *old { before } else { after }
            }
        })
    }
}

fn combine(operator: &str, left: i64, right: i64, text: &str) -> Result<i64, Wrong> {
    let text = text.trim_start();
    Ok(match operator {
        "+" => left.wrapping_add(right),
        "-" => left.wrapping_sub(right),
        "*" => left.wrapping_mul(right),
        "/" | "%" if right == 0 => {
            return Err(format!("{text}: division by 0 (error token is \"{right}\")").into());
        }
        "/" => left.wrapping_div(right),
        "%" => left.wrapping_rem(right),
        "**" if right < 0 => {
            return Err(format!("{text}: exponent less than 0 (error token is \"{right}\")").into());
        }
        "**" => power(left, right),
        "<<" => left.wrapping_shl((right & 63) as u32),
        ">>" => left.wrapping_shr((right & 63) as u32),
        "<" => i64::from(left < right),
        ">" => i64::from(left > right),
        "<=" => i64::from(left <= right),
        ">=" => i64::from(left >= right),
        "==" => i64::from(left == right),
        "!=" => i64::from(left != right),
        "&" => left & right,
        "|" => left | right,
        "^" => left ^ right,
        _ => right,
    })
}

fn power(mut base: i64, mut exponent: i64) -> i64 {
    let mut result = 1_i64;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result.wrapping_mul(base);
        }
        base = base.wrapping_mul(base);
        exponent >>= 1;
    }
    result
}
