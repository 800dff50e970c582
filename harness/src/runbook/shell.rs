//! Splitting shell text into its top-level commands, by syntax tree, byte for byte.
//!
//! Nothing is ever printed back from a tree: a command runs as the bytes that stood in the document.

use tree_sitter::{Node, Parser, Tree};

/// Shell text larger than this is refused.
pub const SHELL_BYTES_MAX: usize = 64 << 10;

/// Shell text in pieces. For any input, `gaps[0] + commands[0] + gaps[1] + … + gaps[n]` are the original bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// What stands between the commands: blanks, separators, comments. One more than there are commands.
    pub gaps: Vec<String>,
    /// In order.
    pub commands: Vec<Segment>,
    /// Top-level comments, in order.
    pub comments: Vec<Comment>,
    /// Why this text must not be run, if so.
    pub problem: Option<Problem>,
}

/// One top-level command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its bytes: redirections, heredoc bodies and a `&` included, a `;` not.
    pub text: String,
    /// 0-based row where it begins.
    pub row: usize,
    /// Parts of its outermost pipeline; 1 for everything else.
    pub pipeline_parts: usize,
    /// A comment after it on its last line, without `#`.
    pub trailing_comment: Option<String>,
    /// A loop whose end depends on one command's success only.
    pub endless: bool,
    /// Every simple command in it, nested ones too.
    pub calls: Vec<Call>,
}

/// A simple command in the syntax tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its name as written.
    pub name: String,
    /// Its arguments as written.
    pub arguments: Vec<String>,
}

/// A comment outside of every command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Without `#` and the blanks round it.
    pub text: String,
    /// 0-based row.
    pub row: usize,
    /// How many commands stand before it.
    pub commands_before: usize,
    /// Whether it shares its row with the command before it.
    pub trailing: bool,
}

/// Why shell text is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// 0-based row.
    pub row: usize,
    /// What is wrong.
    pub what: String,
    /// The offending text.
    pub text: String,
}

impl Split {
    /// The original bytes.
    pub fn join(&self) -> String {
        let mut text = String::new();
        for (nth, gap) in self.gaps.iter().enumerate() {
            text.push_str(gap);
            if let Some(command) = self.commands.get(nth) {
                text.push_str(&command.text);
            }
        }
        text
    }
}

/// Splits shell text. Never fails: what must not be run says so in [`Split::problem`].
pub fn split(text: &str) -> Split {
    let refused = |what: &str| {
        let problem =
            Problem { row: 0, what: what.to_owned(), text: text.lines().next().unwrap_or_default().to_owned() };
        Split { gaps: vec![text.to_owned()], commands: Vec::new(), comments: Vec::new(), problem: Some(problem) }
    };
    if text.len() > SHELL_BYTES_MAX {
        return refused("more shell text than 65536 bytes");
    }
    let mut parser = Parser::new();
    if parser.set_language(&tree_sitter_bash::LANGUAGE.into()).is_err() {
        return refused("the shell grammar does not fit this build's parser");
    }
    let Some(tree) = parser.parse(text, None) else { return refused("the shell parser gave up") };
    let mut split = cut(text, &tree);
    let open = || open_heredoc(text, tree.root_node());
    split.problem = split.problem.take().or_else(|| control_character(text)).or_else(|| stray(&split)).or_else(open);
    if split.problem.is_none() {
        split.problem =
            split.commands.iter().find_map(|command| reserved(command).or_else(|| not_one(&mut parser, command)));
    }
    split
}

fn cut(text: &str, tree: &Tree) -> Split {
    let root = tree.root_node();
    let mut split =
        Split { gaps: Vec::new(), commands: Vec::new(), comments: Vec::new(), problem: syntax_error(text, root) };
    // End of the last command, and whether only blanks came since.
    let (mut end, mut adjacent, mut last_row) = (0, false, None);
    let mut cursor = root.walk();
    for node in root.children(&mut cursor) {
        let bytes = node.byte_range();
        let row = node.start_position().row;
        if node.is_extra() && node.kind() == "comment" {
            let comment = text.get(bytes).unwrap_or_default();
            let comment = comment.trim_start_matches('#').trim().to_owned();
            let trailing = last_row == Some(row);
            if let (true, Some(command)) = (trailing, split.commands.last_mut()) {
                command.trailing_comment = Some(comment.clone());
            }
            split.comments.push(Comment { text: comment, row, commands_before: split.commands.len(), trailing });
        } else if node.is_named() {
            let (Some(gap), Some(command)) = (text.get(end..bytes.start), text.get(bytes.clone())) else { continue };
            if command.is_empty() {
                continue;
            }
            split.gaps.push(gap.to_owned());
            split.commands.push(Segment {
                text: command.to_owned(),
                row,
                pipeline_parts: 1 + bars(node),
                trailing_comment: None,
                endless: endless(text, node),
                calls: calls(text, node),
            });
            (end, adjacent, last_row) = (bytes.end, true, Some(node.end_position().row));
        } else if node.kind() == "&" && adjacent {
            if let (Some(command), Some(more)) = (split.commands.last_mut(), text.get(end..bytes.end)) {
                command.text.push_str(more);
                (end, adjacent) = (bytes.end, false);
            }
        } else {
            adjacent = false;
            if split.problem.is_none() && !matches!(node.kind(), ";" | "\n") {
                split.problem = Some(Problem {
                    row,
                    what: "not something that stands between two commands".into(),
                    text: text.get(bytes).unwrap_or_default().to_owned(),
                });
            }
        }
    }
    split.gaps.push(text.get(end..).unwrap_or_default().to_owned());
    split
}

/// The first place where the grammar had to guess.
fn syntax_error(text: &str, root: Node<'_>) -> Option<Problem> {
    if !root.has_error() {
        return None;
    }
    let node = descendants(root).find(|node| node.is_error() || node.is_missing()).unwrap_or(root);
    if node.is_missing() {
        // The place of what is missing is often the end of the text; the command that lacks it says more.
        let mut cursor = root.walk();
        let command = root.children(&mut cursor).filter(|top| top.start_byte() <= node.start_byte()).last();
        let row = command.unwrap_or(node).start_position().row;
        let line = text.lines().nth(row).unwrap_or_default().to_owned();
        return Some(Problem {
            row,
            what: "a syntax error: something is missing at the end of this".into(),
            text: line,
        });
    }
    let shown = text.get(node.byte_range()).unwrap_or_default().to_owned();
    Some(Problem { row: node.start_position().row, what: "a syntax error".into(), text: shown })
}

/// bash takes a carriage return and other control characters as part of a word, the grammar as a blank.
fn control_character(text: &str) -> Option<Problem> {
    let at = text.find(|c: char| c.is_control() && c != '\n' && c != '\t')?;
    let row = text.get(..at)?.matches('\n').count();
    let line = text.lines().nth(row).unwrap_or_default().to_owned();
    Some(Problem { row, what: "a control character".into(), text: line })
}

/// Text between commands that is neither blank, separator nor comment: the grammar skipped over something. A `#` right
/// behind a command or a joined line is no comment for bash.
fn stray(split: &Split) -> Option<Problem> {
    let mut row = 0;
    for (nth, gap) in split.gaps.iter().enumerate() {
        let mut joined = nth > 0;
        for line in gap.split_inclusive('\n') {
            if joined && line.starts_with('#') {
                return Some(Problem { row, what: "a `#` that begins no comment".into(), text: line.to_owned() });
            }
            joined = !line.contains('#') && line.ends_with("\\\n");
            let code = line.split('#').next().unwrap_or_default().replace("\\\n", "");
            let code = code.trim_matches([' ', '\t', '\n', ';']);
            if !code.is_empty() {
                return Some(Problem { row, what: "text that belongs to no command".into(), text: code.to_owned() });
            }
            row += line.matches('\n').count();
        }
        row += split.commands.get(nth).map_or(0, |command| command.text.matches('\n').count());
    }
    None
}

/// The grammar ends a heredoc in the middle of a line, or lets it run to the end of the text; bash does neither quietly.
fn open_heredoc(text: &str, root: Node<'_>) -> Option<Problem> {
    let alone = |end: Node<'_>| {
        let before = text.get(..end.start_byte()).unwrap_or_default().trim_end_matches('\t');
        let after = text.get(end.end_byte()..).unwrap_or_default();
        !end.byte_range().is_empty() && before.ends_with('\n') && (after.is_empty() || after.starts_with('\n'))
    };
    let open = descendants(root).filter(|node| node.kind() == "heredoc_redirect").find(|redirect| {
        let mut cursor = redirect.walk();
        !redirect.children(&mut cursor).any(|child| child.kind() == "heredoc_end" && alone(child))
    })?;
    let row = open.start_position().row;
    let line = text.lines().nth(row).unwrap_or_default().to_owned();
    Some(Problem { row, what: "a heredoc whose end is not alone on a line".into(), text: line })
}

/// The grammar takes a reserved word for a command's name where bash sees a syntax error.
fn reserved(command: &Segment) -> Option<Problem> {
    const CLOSING: [&str; 11] = ["do", "done", "elif", "else", "esac", "fi", "in", "then", "{", "}", "]]"];
    const OPENING: [&str; 8] = ["case", "for", "function", "if", "select", "until", "while", "[["];
    let found = command.calls.iter().find(|call| {
        // What follows `time` begins a command too, but the grammar has it as an argument.
        let timed = call.arguments.first().filter(|_| call.name == "time").map_or("", String::as_str);
        let here = |words: &[&str]| words.contains(&call.name.as_str()) || words.contains(&timed);
        here(&CLOSING) || here(&OPENING)
    })?;
    let text = std::iter::once(&found.name).chain(&found.arguments).map(String::as_str).collect::<Vec<_>>().join(" ");
    Some(Problem { row: command.row, what: "a reserved word where a command begins".into(), text })
}

/// A command that is not one command by itself was cut in the wrong place (a heredoc that began before a `;`).
fn not_one(parser: &mut Parser, command: &Segment) -> Option<Problem> {
    let alone = parser.parse(&command.text, None).map(|tree| cut(&command.text, &tree));
    let one = alone.is_some_and(|alone| {
        alone.problem.is_none() && alone.commands.len() == 1 && alone.gaps.iter().all(String::is_empty)
    });
    let line = command.text.lines().next().unwrap_or_default().to_owned();
    (!one).then(|| Problem { row: command.row, what: "a command that does not stand alone".into(), text: line })
}

/// All nodes below and including this one, without recursion: nesting is as deep as the text is long.
fn descendants<'tree>(root: Node<'tree>) -> impl Iterator<Item = Node<'tree>> {
    let mut waiting = vec![root];
    std::iter::from_fn(move || {
        let node = waiting.pop()?;
        let mut cursor = node.walk();
        let below = waiting.len();
        waiting.extend(node.children(&mut cursor));
        if let Some(added) = waiting.get_mut(below..) {
            added.reverse();
        }
        Some(node)
    })
}

/// How many `|` the outermost pipeline has. A heredoc's rest of line hangs inside its redirection.
fn bars(node: Node<'_>) -> usize {
    let mut bars = 0;
    let mut waiting = vec![node];
    while let Some(node) = waiting.pop() {
        if !matches!(node.kind(), "pipeline" | "redirected_statement" | "heredoc_redirect" | "negated_command") {
            continue;
        }
        let mut cursor = node.walk();
        for child in node.children(&mut cursor) {
            match child.kind() {
                "|" | "|&" => bars += 1,
                _ => waiting.push(child),
            }
        }
    }
    bars
}

/// Whether the command is a loop that only one command's status ends: one simple condition, no way out of its body.
fn endless(text: &str, node: Node<'_>) -> bool {
    let looped = match node.kind() {
        "redirected_statement" => node.named_child(0),
        _ => Some(node),
    };
    let Some(looped) = looped.filter(|node| node.kind() == "while_statement") else { return false };
    let mut cursor = looped.walk();
    let conditions: Vec<_> = looped.children_by_field_name("condition", &mut cursor).filter(Node::is_named).collect();
    let [condition] = conditions.as_slice() else { return false };
    let simple = matches!(condition.kind(), "command" | "negated_command")
        || condition.kind() == "redirected_statement"
            && condition.named_child(0).is_some_and(|n| n.kind() == "command");
    simple
        && !calls(text, looped).iter().any(|call| matches!(call.name.as_str(), "break" | "exit" | "return" | "timeout"))
}

fn calls(text: &str, node: Node<'_>) -> Vec<Call> {
    let own = |node: Node<'_>| text.get(node.byte_range()).unwrap_or_default().to_owned();
    let commands = descendants(node).filter(|node| node.kind() == "command");
    commands
        .map(|command| {
            let mut cursor = command.walk();
            let mut call = Call { name: String::new(), arguments: Vec::new() };
            for child in command.named_children(&mut cursor) {
                match child.kind() {
                    "command_name" => call.name = own(child),
                    "variable_assignment" => {}
                    _ => call.arguments.push(own(child)),
                }
            }
            call
        })
        .collect()
}

#[cfg(test)]
mod tests;
