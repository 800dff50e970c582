//! printf.

use super::not_modelled;
use super::output::{escape, unescape};
use crate::machine::Machine;
use crate::shell::Shell;
use crate::shell::run::Step;
use crate::shell::syntax::Dialect;

/// Widest field, columns.
const WIDTH_MAX: usize = 4096;

/// `printf [-v x] format …`
pub(super) fn printf(shell: &mut Shell, machine: &mut Machine, words: &[String]) -> Step<i32> {
    let mut operands = words.get(1..).unwrap_or_default();
    let mut variable = None;
    match operands {
        [option, name, rest @ ..] if option == "-v" && shell.dialect == Dialect::Bash => {
            variable = Some(name.clone());
            operands = rest;
        }
        [option, rest @ ..] if option == "--" => operands = rest,
        [option, ..] if option.starts_with('-') && option.len() > 1 => return not_modelled("printf", option),
        _ => {}
    }
    let Some((format, arguments)) = operands.split_first() else {
        shell.usage(machine, "printf: usage: printf [-v var] format [arguments]")?;
        return Ok(2);
    };
    let mut printer = Printer { arguments, next: 0, out: Vec::new(), status: 0, complaints: Vec::new() };
    // The format is used again while arguments are left.
    loop {
        let before = printer.next;
        let goes_on = printer.once(format)?;
        if !goes_on || printer.next >= arguments.len() || printer.next == before {
            break;
        }
    }
    let Printer { out, status, complaints, .. } = printer;
    // What it prints is kept until it ends, its complaints are not.
    for complaint in complaints {
        shell.complain(machine, &format!("printf: {complaint}"))?;
    }
    let written = match &variable {
        Some(name) => {
            shell.assign(name, String::from_utf8_lossy(&out).into_owned());
            0
        }
        None => shell.say(machine, "printf", &out)?,
    };
    Ok(if written == 0 { status } else { written })
}

struct Printer<'a> {
    arguments: &'a [String],
    next: usize,
    out: Vec<u8>,
    status: i32,
    complaints: Vec<String>,
}

/// `%-08.3d`
#[derive(Default)]
struct Field {
    left: bool,
    zero: bool,
    plus: bool,
    blank: bool,
    other: bool,
    width: usize,
    precision: Option<usize>,
}

impl Printer<'_> {
    fn argument(&mut self) -> &str {
        let argument = self.arguments.get(self.next).map_or("", String::as_str);
        self.next += 1;
        argument
    }

    /// Prints the format once; false when nothing more is to be written.
    fn once(&mut self, format: &str) -> Step<bool> {
        let mut rest = format;
        while let Some(first) = rest.chars().next() {
            match first {
                '\\' if rest.starts_with("\\c") => return Ok(false),
                '\\' if rest.starts_with("\\\"") => {
                    self.out.push(b'"');
                    rest = rest.get(2..).unwrap_or_default();
                }
                '\\' => rest = escape(rest, &mut self.out),
                '%' if rest.starts_with("%%") => {
                    self.out.push(b'%');
                    rest = rest.get(2..).unwrap_or_default();
                }
                '%' => match self.field(rest.get(1..).unwrap_or_default())? {
                    Some(after) => rest = after,
                    None => return Ok(false),
                },
                other => {
                    self.out.extend(other.encode_utf8(&mut [0; 4]).as_bytes());
                    rest = rest.get(other.len_utf8()..).unwrap_or_default();
                }
            }
        }
        Ok(true)
    }

    fn count<'a>(&mut self, rest: &'a str, field: &mut Field, precision: bool) -> (&'a str, usize) {
        if let Some(after) = rest.strip_prefix('*') {
            let number = self.argument().parse::<i64>().unwrap_or(0);
            if number < 0 && !precision {
                field.left = true;
            }
            return (after, usize::try_from(number.unsigned_abs()).unwrap_or(0));
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        (rest.get(digits..).unwrap_or_default(), rest.get(..digits).unwrap_or_default().parse().unwrap_or(0))
    }

    /// One field after its `%`; what is behind it, or nothing when printing ends.
    fn field<'a>(&mut self, rest: &'a str) -> Step<Option<&'a str>> {
        let mut field = Field::default();
        let mut rest = rest;
        while let Some(flag) = rest.chars().next().filter(|flag| "-0+ #".contains(*flag)) {
            match flag {
                '-' => field.left = true,
                '0' => field.zero = true,
                '+' => field.plus = true,
                ' ' => field.blank = true,
                _ => field.other = true,
            }
            rest = rest.get(1..).unwrap_or_default();
        }
        (rest, field.width) = self.count(rest, &mut field, false);
        if let Some(after) = rest.strip_prefix('.') {
            let precision;
            (rest, precision) = self.count(after, &mut field, true);
            field.precision = Some(precision);
        }
        if field.width > WIDTH_MAX || field.precision.is_some_and(|precision| precision > WIDTH_MAX) {
            return not_modelled("printf", "with a very wide field");
        }
        rest = rest.trim_start_matches(['h', 'l', 'L', 'j', 'z', 't']);
        let Some(letter) = rest.chars().next() else {
            self.complaints.push("`%': missing format character".into());
            self.status = 1;
            return Ok(None);
        };
        let after = rest.get(letter.len_utf8()..).unwrap_or_default();
        match letter {
            's' => {
                let mut bytes = self.argument().as_bytes().to_vec();
                bytes.truncate(field.precision.unwrap_or(usize::MAX));
                self.pad(&bytes, &field);
            }
            'b' => {
                let text = self.argument().to_owned();
                let mut bytes = Vec::new();
                let goes_on = unescape(&text, true, &mut bytes);
                self.pad(&bytes, &field);
                if !goes_on {
                    return Ok(None);
                }
            }
            'c' => {
                let byte: Vec<u8> = self.argument().bytes().take(1).collect();
                self.pad(&byte, &field);
            }
            'd' | 'i' | 'u' | 'x' | 'X' | 'o' => self.integer(letter, &field),
            'f' | 'F' => {
                let text = self.argument().to_owned();
                let number = text.trim().parse::<f64>().unwrap_or_else(|_| {
                    if !text.is_empty() {
                        self.complaints.push(format!("{text}: invalid number"));
                        self.status = 1;
                    }
                    0.0
                });
                let digits = format!("{:.*}", field.precision.unwrap_or(6), number.abs());
                self.number(number.is_sign_negative(), &digits, &Field { precision: None, ..field });
            }
            'q' => {
                let quoted = quoted(self.argument());
                self.pad(quoted.as_bytes(), &field);
            }
            'e' | 'E' | 'g' | 'G' | 'a' | 'A' | 'n' | '(' => {
                return not_modelled("printf", &format!("%{letter}"));
            }
            other => {
                self.complaints.push(format!("`{other}': invalid format character"));
                self.status = 1;
                return Ok(None);
            }
        }
        Ok(Some(after))
    }

    fn integer(&mut self, letter: char, field: &Field) {
        let text = self.argument().to_owned();
        let value = self.value(&text);
        let unsigned = value as u64;
        let (negative, digits) = match letter {
            'd' | 'i' => (value < 0, value.unsigned_abs().to_string()),
            'u' => (false, unsigned.to_string()),
            'x' if field.other && value != 0 => (false, format!("0x{unsigned:x}")),
            'x' => (false, format!("{unsigned:x}")),
            'X' if field.other && value != 0 => (false, format!("0X{unsigned:X}")),
            'X' => (false, format!("{unsigned:X}")),
            _ if field.other && value != 0 => (false, format!("0{unsigned:o}")),
            _ => (false, format!("{unsigned:o}")),
        };
        let signed = matches!(letter, 'd' | 'i');
        let field = Field { plus: field.plus && signed, blank: field.blank && signed, ..*field };
        self.number(negative, &digits, &field);
    }

    fn number(&mut self, negative: bool, digits: &str, field: &Field) {
        let sign = match (negative, field.plus, field.blank) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        };
        let digits = match field.precision {
            Some(0) if digits == "0" => String::new(),
            Some(precision) => format!("{digits:0>precision$}"),
            None if field.zero && !field.left => {
                let width = field.width.saturating_sub(sign.len());
                format!("{digits:0>width$}")
            }
            None => digits.to_owned(),
        };
        self.pad(format!("{sign}{digits}").as_bytes(), field);
    }

    fn value(&mut self, text: &str) -> i64 {
        if let Some(quoted) = text.strip_prefix(['\'', '"']) {
            return quoted.bytes().next().map_or(0, i64::from);
        }
        let trimmed = text.trim_start();
        let (negative, digits) = match trimmed.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, trimmed.strip_prefix('+').unwrap_or(trimmed)),
        };
        let (radix, digits) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
            Some(hex) => (16, hex),
            None if digits.len() > 1 && digits.starts_with('0') => (8, digits),
            None => (10, digits),
        };
        let length = digits.chars().take_while(|digit| digit.is_digit(radix)).count();
        let number = digits.get(..length).unwrap_or_default();
        let value = i64::from_str_radix(number, radix);
        if length < digits.len() || number.is_empty() && !text.is_empty() {
            self.complaints.push(format!("{text}: invalid number"));
            self.status = 1;
        }
        match value {
            Ok(value) if negative => -value,
            Ok(value) => value,
            Err(_) if number.is_empty() => 0,
            Err(_) => {
                self.complaints.push(format!("warning: {text}: Numerical result out of range"));
                self.status = 1;
                if negative { i64::MIN } else { i64::MAX }
            }
        }
    }

    fn pad(&mut self, bytes: &[u8], field: &Field) {
        let blanks = std::iter::repeat_n(b' ', field.width.saturating_sub(bytes.len()));
        if field.left {
            self.out.extend(bytes);
            self.out.extend(blanks);
        } else {
            self.out.extend(blanks);
            self.out.extend(bytes);
        }
    }
}

/// A text as the shell would read it again.
fn quoted(text: &str) -> String {
    if text.is_empty() {
        return "''".to_owned();
    }
    let plain = |c: char| c.is_ascii_graphic() || c == ' ';
    let mut result = String::with_capacity(text.len());
    if text.chars().all(plain) {
        for (nth, c) in text.chars().enumerate() {
            let first_only = matches!(c, '#' | '~') && nth > 0;
            if " !\"$&'()*,;<>?[\\]^`{|}#~".contains(c) && !first_only {
                result.push('\\');
            }
            result.push(c);
        }
        return result;
    }
    result.push_str("$'");
    for byte in text.bytes() {
        match byte {
            7 => result.push_str("\\a"),
            8 => result.push_str("\\b"),
            9 => result.push_str("\\t"),
            10 => result.push_str("\\n"),
            11 => result.push_str("\\v"),
            12 => result.push_str("\\f"),
            13 => result.push_str("\\r"),
            27 => result.push_str("\\E"),
            b'\'' | b'\\' => result.extend(['\\', char::from(byte)]),
            32..=126 => result.push(char::from(byte)),
            other => result.push_str(&format!("\\{other:03o}")),
        }
    }
    result.push('\'');
    result
}
