//! The shell's syntax as values: what the interpreter runs. Made from text by `reader`; the text of a command is never
//! looked at again.

/// A whole text: commands in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    /// Whose rules hold.
    pub dialect: Dialect,
    /// In order, separated by `;` or newlines.
    pub commands: Vec<Command>,
    /// For each command, the 0-based row where it begins. An error of arithmetic ends the rest of its row.
    pub rows: Vec<usize>,
}

/// Which shell reads a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// bash 5.2
    #[default]
    Bash,
    /// dash, which is `/bin/sh` on Debian.
    Dash,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `A=b name args > file`
    Simple(Simple),
    /// `[!] a | b`
    Pipeline {
        /// Whether its status is turned round.
        negated: bool,
        /// At least one.
        parts: Vec<Command>,
        /// For each bar, whether it is `|&`.
        with_stderr: Vec<bool>,
    },
    /// `a && b || c`, from the left.
    AndOr {
        /// The first.
        first: Box<Command>,
        /// Each with what joins it to what stands before.
        rest: Vec<(Join, Command)>,
    },
    /// `{ a; b; }`
    Group(Vec<Command>),
    /// `( a; b )`
    Subshell(Vec<Command>),
    /// `if a; then b; elif c; then d; else e; fi`
    If {
        /// Conditions with what they lead to, in order.
        branches: Vec<(Vec<Command>, Vec<Command>)>,
        /// Without any of them.
        otherwise: Vec<Command>,
    },
    /// `while a; do b; done`, or `until`.
    Loop {
        /// Whether it goes on while the condition fails.
        until: bool,
        /// Its status decides.
        condition: Vec<Command>,
        /// Again and again.
        body: Vec<Command>,
    },
    /// `for x in a b; do c; done`
    For {
        /// The variable.
        name: String,
        /// Words to expand.
        words: Vec<Word>,
        /// For each.
        body: Vec<Command>,
    },
    /// `case w in a|b) c;; esac`
    Case {
        /// What is looked at.
        word: Word,
        /// Patterns with what they lead to.
        arms: Vec<(Vec<Word>, Vec<Command>)>,
    },
    /// `[[ … ]]`
    Test {
        /// What is asked.
        test: Test,
        /// 0-based row.
        row: usize,
    },
    /// `(( … ))`
    Arithmetic {
        /// Expanded, then evaluated.
        word: Word,
        /// 0-based row.
        row: usize,
    },
    /// A compound command with redirections.
    Redirected {
        /// Which.
        command: Box<Command>,
        /// In order.
        redirects: Vec<Redirect>,
        /// 0-based row of the first redirection.
        row: usize,
    },
}

/// How two commands are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// `&&`
    And,
    /// `||`
    Or,
}

/// A simple command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Simple {
    /// 0-based row where it begins.
    pub row: usize,
    /// Before its name, in order.
    pub assignments: Vec<Assignment>,
    /// Name and arguments.
    pub words: Vec<Word>,
    /// In order.
    pub redirects: Vec<Redirect>,
}

/// `x=w`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// `x`
    pub name: String,
    /// `x+=w`
    pub append: bool,
    /// What is assigned: one string, never split.
    pub value: Word,
}

/// A redirection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// The descriptor: 0, 1 or 2.
    pub descriptor: u8,
    /// Where to.
    pub target: Target,
    /// The target as written, for messages.
    pub text: String,
}

/// Where a redirection leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `> w`, `>| w`
    Truncate(Word),
    /// `>> w`
    Append(Word),
    /// `< w`
    Read(Word),
    /// `>&n`, `<&n`
    Same(u8),
    /// `&> w`: both outputs.
    Both(Word),
    /// `&>> w`
    BothAppend(Word),
    /// `<<E … E`, `<<< w` (the reader adds a newline to the latter).
    Here(Word),
}

/// A word: parts that stand without a gap.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Word(pub Vec<Part>);

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// As it is, never split, never a pattern (it was quoted or escaped).
    Quoted(String),
    /// As it is; pattern characters mean something.
    Plain(String),
    /// `~`, `~user`: a home folder.
    Tilde(String),
    /// `"…"`: its parts are not split.
    Double(Vec<Part>),
    /// `$x`, `${x…}`
    Variable {
        /// `x`, `1`, `?`, `#`, `@`, …
        name: String,
        /// What is done to its value.
        change: Box<Change>,
    },
    /// `$(…)`
    Substitution(Script),
    /// `$((…))`: expanded as if in double quotes, then evaluated, as bash does.
    Arithmetic(Box<Word>),
}

/// What `${x…}` does to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// `${#x}`
    Length,
    /// `${x:-w}`, `${x-w}`; the flag is the colon: an empty value counts as none.
    Default(bool, Word),
    /// `${x:=w}`
    Assign(bool, Word),
    /// `${x:+w}`
    Alternative(bool, Word),
    /// `${x:?w}`
    Error(bool, Word),
    /// `${x#w}`, `${x##w}`; the flag is the longest match.
    RemovePrefix(bool, Word),
    /// `${x%w}`, `${x%%w}`
    RemoveSuffix(bool, Word),
    /// `${x/a/b}`, `${x//a/b}`, `${x/#a/b}`, `${x/%a/b}`
    Replace(Place, Word, Word),
    /// `${x:offset}`, `${x:offset:length}`: arithmetic
    Substring(Word, Option<Word>),
}

/// Which matches `${x/a/b}` replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// `/`
    First,
    /// `//`
    All,
    /// `/#`
    Beginning,
    /// `/%`
    End,
}

/// Integer arithmetic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arithmetic {
    /// 1
    Number(i64),
    /// x or $x
    Variable(String),
    /// -a, !a, ~a, +a
    Unary(char, Box<Arithmetic>),
    /// a ? b : c
    Choice(Box<[Arithmetic; 3]>),
    /// a + b; the operator as written
    Binary(&'static str, Box<Arithmetic>, Box<Arithmetic>),
    /// x = a, x += a: the name, what is done (`""` for a plain one), the value
    Assign(String, &'static str, Box<Arithmetic>),
    /// x++ and the like: name, whether it goes up, whether the old value counts
    Step(String, bool, bool),
}

/// A condition of `[[ … ]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// `-f w`
    Unary(String, Word),
    /// `a = b`; the operator as written, `==`, `!=`, `=~`, `-eq`, …
    Binary(String, Word, Word),
    /// `w`: not empty
    Word(Word),
    /// `! t`
    Not(Box<Test>),
    /// `a && b`
    And(Box<Test>, Box<Test>),
    /// `a || b`
    Or(Box<Test>, Box<Test>),
}

/// The text of a word that is always the same, whatever happens: nothing in it is expanded, split or matched.
pub fn static_text(word: &Word) -> Option<String> {
    fn add(parts: &[Part], quoted: bool, text: &mut String) -> bool {
        parts.iter().all(|part| match part {
            Part::Quoted(more) => {
                text.push_str(more);
                true
            }
            Part::Plain(more) => {
                text.push_str(more);
                quoted || !(more.contains(['*', '?']) || more.contains('[') && more.contains(']'))
            }
            Part::Double(parts) => add(parts, true, text),
            _ => false,
        })
    }
    let mut text = String::new();
    add(&word.0, false, &mut text).then_some(text)
}
