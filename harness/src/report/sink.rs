//! Where reports go: lines that stay, and on a terminal one line that is overwritten while something goes on.

use std::io::Write;

/// What is known of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// Whether stdout is one.
    pub stdout: bool,
    /// Whether stderr is one.
    pub stderr: bool,
    /// Columns; lines that can be shortened are, also where output goes to a file.
    pub width: usize,
    /// Whether colours are wanted where there is a terminal (`NO_COLOR` says no).
    pub colour: bool,
}

impl Default for Terminal {
    fn default() -> Self {
        Terminal { stdout: false, stderr: false, width: 100, colour: false }
    }
}

/// Both outputs of the program.
pub struct Output<'a> {
    /// stdout.
    pub out: &'a mut dyn Write,
    /// stderr.
    pub log: &'a mut dyn Write,
    /// What is known of them.
    pub terminal: Terminal,
}

/// One of the outputs, with the line that is overwritten.
pub(super) struct Sink<'a> {
    to: &'a mut dyn Write,
    terminal: bool,
    passing: bool,
    last: String,
    error: Option<std::io::Error>,
}

impl<'a> Sink<'a> {
    pub(super) fn new(to: &'a mut dyn Write, terminal: bool) -> Sink<'a> {
        Sink { to, terminal, passing: false, last: String::new(), error: None }
    }

    /// Writes a line that stays.
    pub(super) fn line(&mut self, line: &str) {
        let text = format!("{}{line}\n", self.cleared());
        self.passing = false;
        self.write(&text);
    }

    /// Shows a line until the next one, on a terminal only. Automatic wrapping is off for it: a wrapped line could not
    /// be overwritten.
    pub(super) fn passing(&mut self, line: &str) {
        if self.terminal {
            let text = format!("{}\x1b[?7l{line}\x1b[?7h", self.cleared());
            self.passing = true;
            self.write(&text);
        }
    }

    /// Tells of work that goes on: on a terminal in the line that is overwritten, else in lines that stay, each once.
    pub(super) fn progress(&mut self, line: &str) {
        if self.terminal {
            self.passing(line);
        } else if self.last != line {
            self.last = line.to_owned();
            self.line(line);
        }
    }

    /// Takes the passing line away.
    pub(super) fn clear(&mut self) {
        let text = self.cleared();
        self.passing = false;
        self.write(text);
    }

    fn cleared(&self) -> &'static str {
        if self.passing { "\r\x1b[K" } else { "" }
    }

    fn write(&mut self, text: &str) {
        if self.error.is_some() {
            return;
        }
        let written = self.to.write_all(text.as_bytes()).and_then(|()| self.to.flush());
        self.error = written.err();
    }

    /// Keeps an error that is not this output's own.
    pub(super) fn fail(&mut self, error: std::io::Error) {
        self.error.get_or_insert(error);
    }

    pub(super) fn take_error(&mut self) -> Option<std::io::Error> {
        self.error.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(terminal: bool, body: impl Fn(&mut Sink<'_>)) -> String {
        let mut bytes = Vec::new();
        body(&mut Sink::new(&mut bytes, terminal));
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn without_a_terminal_progress_is_plain_and_told_once() {
        let text = written(false, |sink| ["build", "build", "boot"].iter().for_each(|line| sink.progress(line)));
        assert_eq!(text, "build\nboot\n");
    }

    #[test]
    fn on_a_terminal_one_line_is_overwritten() {
        let text = written(true, |sink| {
            sink.progress("a");
            sink.progress("b");
            sink.line("stays");
            sink.line("too");
        });
        assert_eq!(text, "\x1b[?7la\x1b[?7h\r\x1b[K\x1b[?7lb\x1b[?7h\r\x1b[Kstays\ntoo\n");
    }

    #[test]
    fn the_first_failing_write_is_kept_and_ends_nothing() {
        let mut full: &mut [u8] = &mut [0; 4];
        let mut sink = Sink::new(&mut full, false);
        sink.line("longer than four");
        sink.line("again");
        assert_eq!(sink.take_error().unwrap().kind(), std::io::ErrorKind::WriteZero);
    }
}
