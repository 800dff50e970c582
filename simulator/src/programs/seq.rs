//! seq (coreutils 9.7).

use super::common::{finish, quote, usage};
use super::options::{Digits, Options};
use super::{Call, Program};
use crate::machine::Machine;
use crate::machine::io::OUTPUT_MAX;
use crate::{Run, Stop};

const OPTIONS: Options = Options {
    short: "s:w",
    long: &[("separator", 's'), ("equal-width", 'w')],
    unmodelled: "f",
    in_order: true,
    digits: Digits::Operand,
    status: 1,
    ..Options::NONE
};
/// Digits after the point.
const PLACES_MAX: usize = 15;

/// Numbers in order.
pub const SEQ: Program = Program { name: "seq", in_sbin: false, run: seq, knows: |words| OPTIONS.know(words) };

/// A decimal: its value times ten to the power of its places. No floating point, no rounding.
fn decimal(text: &str) -> Option<(i128, usize)> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(part) || whole.len() + part.len() == 0 || part.len() > PLACES_MAX || whole.len() > 18 {
        return None;
    }
    let value: i128 = format!("{whole}{part}").parse().ok()?;
    Some((sign * value, part.len()))
}

fn shown(value: i128, places: usize) -> String {
    let digits = format!("{:01$}", value.unsigned_abs(), places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    let sign = if value < 0 { "-" } else { "" };
    if places == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

fn seq(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    let mut numbers = Vec::new();
    if let Some(extra) = given.operands.get(3) {
        return usage(machine, call, &format!("extra operand {}", quote(extra)), 1);
    }
    for text in &given.operands {
        match decimal(text) {
            Some(number) => numbers.push(number),
            None if text.parse::<f64>().is_ok() || text.starts_with("0x") => {
                return Err(Stop::Unable(format!("seq with the number {text} is not modelled; use --host container")));
            }
            None => {
                let message = format!("invalid floating point argument: {}", quote(text));
                return usage(machine, call, &message, 1);
            }
        }
    }
    let one = (1, 0);
    let (first, step, last) = match numbers.as_slice() {
        [] => return usage(machine, call, "missing operand", 1),
        [last] => (one, one, *last),
        [first, last] => (*first, one, *last),
        [first, step, last, ..] => (*first, *step, *last),
    };
    if step.0 == 0 {
        let text = given.operands.get(1).copied().unwrap_or_default();
        return usage(machine, call, &format!("invalid Zero increment value: {}", quote(text)), 1);
    }
    // What is counted with, and what is shown: the last number's places do not show.
    let places = first.1.max(step.1).max(last.1);
    let scaled = |(value, own): (i128, usize)| value * 10_i128.pow(u32::try_from(places - own).unwrap_or(0));
    let (mut at, step_by, end) = (scaled(first), scaled(step), scaled(last));
    let show_places = first.1.max(step.1);
    let cut = 10_i128.pow(u32::try_from(places - show_places).unwrap_or(0));
    let separator = given.value('s').unwrap_or("\n");
    let mut text = String::new();
    let width = if given.has('w') {
        let reached = if (step_by > 0) == (end >= at) { at + (end - at) / step_by * step_by } else { at };
        shown(at / cut, show_places).len().max(shown(reached / cut, show_places).len())
    } else {
        0
    };
    let mut any = false;
    while if step_by > 0 { at <= end } else { at >= end } {
        if any {
            text.push_str(separator);
        }
        any = true;
        let number = shown(at / cut, show_places);
        let missing = width.saturating_sub(number.len());
        match number.strip_prefix('-') {
            Some(digits) => text.push_str(&format!("-{}{digits}", "0".repeat(missing))),
            None => text.push_str(&format!("{}{number}", "0".repeat(missing))),
        }
        at += step_by;
        if text.len() as u64 > OUTPUT_MAX {
            return Err(Stop::OutputLimit);
        }
    }
    if any {
        text.push('\n');
    }
    finish(machine, call, text.as_bytes(), 0)
}

#[cfg(test)]
mod tests {
    use crate::programs::common::tests::same_as_real;

    #[test]
    fn seq_is_as_on_this_machine() {
        let cases: [&[&str]; 16] = [
            &["seq"],
            &["seq", "3"],
            &["seq", "2", "4"],
            &["seq", "5", "-2", "1"],
            &["seq", "0.5", "0.25", "1"],
            &["seq", "x"],
            &["seq", "-s,", "3"],
            &["seq", "-w", "8", "10"],
            &["seq", "1", "2", "3", "4"],
            &["seq", "1", "0", "3"],
            &["seq", "3", "1"],
            &["seq", "1.0", "3"],
            &["seq", "1", "3.5"],
            &["seq", "-2", "2"],
            &["seq", "-w", "-1", "10"],
            &["seq", "1", "0.1", "1.5"],
        ];
        same_as_real(&cases.map(|words| (words, b"".as_slice())));
    }
}
