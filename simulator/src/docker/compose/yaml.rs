//! YAML to a tree. The parser is saphyr's; a tree of texts is all that a compose file needs.

use saphyr_parser::{Event, Parser, ScalarStyle};

/// Longest files that are read.
const FILE_MAX: usize = 1 << 20;
/// Nested collections.
const DEPTH_MAX: usize = 32;

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Yaml {
    /// Nothing, `~`, `null`.
    Null,
    /// A scalar.
    Scalar {
        /// Its text.
        text: String,
        /// Whether it stood in quotes, or as a block: a text and nothing else.
        quoted: bool,
    },
    /// A sequence.
    List(Vec<Yaml>),
    /// A mapping, in order.
    Map(Vec<(String, Yaml)>),
}

impl Yaml {
    /// What a key leads to.
    pub fn get(&self, key: &str) -> Option<&Yaml> {
        match self {
            Yaml::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// A text: a quoted scalar, or a plain one that is neither a number nor a truth value.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Yaml::Scalar { text, quoted } if *quoted || !other_type(text) => Some(text),
            _ => None,
        }
    }

    /// Any scalar's text.
    pub fn as_scalar(&self) -> Option<&str> {
        if let Yaml::Scalar { text, .. } = self { Some(text) } else { None }
    }
}

/// Whether a plain scalar is a number or a truth value in YAML 1.2.
fn other_type(text: &str) -> bool {
    matches!(text, "true" | "false" | "True" | "False" | "TRUE" | "FALSE") || text.parse::<f64>().is_ok()
}

/// Why a text is no tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadYaml {
    /// It is no YAML: what, as compose says it.
    Wrong(String),
    /// It is YAML of a kind that is not modelled.
    Unmodelled(String),
}

/// Reads the one document of a text; none is [`Yaml::Null`].
///
/// # Errors
/// See [`BadYaml`].
pub fn read(text: &str) -> Result<Yaml, BadYaml> {
    if text.len() > FILE_MAX {
        return Err(BadYaml::Unmodelled(format!("more than {FILE_MAX} bytes")));
    }
    let unmodelled = |what: &str| Err(BadYaml::Unmodelled(what.to_owned()));
    let mut open: Vec<(Yaml, Option<String>)> = Vec::new();
    let mut root = None;
    for event in Parser::new_from_str(text) {
        let (event, _) =
            event.map_err(|error| BadYaml::Wrong(format!("yaml: line {}: {}", error.marker().line(), error.info())))?;
        let (anchor, tag) = match &event {
            Event::Scalar(_, _, anchor, tag) | Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
                (*anchor, tag.is_some())
            }
            _ => (0, false),
        };
        if anchor != 0 || tag {
            return unmodelled(if tag { "a tag" } else { "an anchor" });
        }
        let done = match event {
            Event::Scalar(text, style, ..) => {
                let quoted = style != ScalarStyle::Plain;
                let null = !quoted && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                if null { Yaml::Null } else { Yaml::Scalar { text: text.into_owned(), quoted } }
            }
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                let list = matches!(event, Event::SequenceStart(..));
                open.push((if list { Yaml::List(Vec::new()) } else { Yaml::Map(Vec::new()) }, None));
                if open.len() > DEPTH_MAX {
                    return unmodelled("so much nesting");
                }
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map_or(Yaml::Null, |(node, _)| node),
            Event::Alias(_) => return unmodelled("an alias"),
            Event::DocumentStart(_) if root.is_some() => return unmodelled("a second document"),
            _ => continue,
        };
        place(&mut open, &mut root, done)?;
    }
    Ok(root.unwrap_or(Yaml::Null))
}

fn place(open: &mut [(Yaml, Option<String>)], root: &mut Option<Yaml>, node: Yaml) -> Result<(), BadYaml> {
    match open.last_mut() {
        None => *root = Some(node),
        Some((Yaml::List(list), _)) => list.push(node),
        Some((Yaml::Map(entries), key)) => match key.take() {
            Some(key) => {
                if entries.iter().any(|(other, _)| *other == key) {
                    return Err(BadYaml::Wrong(format!("yaml: mapping key {key:?} already defined")));
                }
                entries.push((key, node));
            }
            None => match node {
                Yaml::Scalar { text, .. } => *key = Some(text),
                _ => return Err(BadYaml::Unmodelled("a key that is no text".to_owned())),
            },
        },
        Some(_) => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_a_tree_of_texts() {
        let tree = read("a:\n  - x: 1\n  - \"8080:8080\"\nb: {c: ~, d: no}\n").unwrap();
        let list = |node: &Yaml| if let Yaml::List(list) = node { list.clone() } else { Vec::new() };
        let a = list(tree.get("a").unwrap());
        assert_eq!(a[0].get("x").and_then(Yaml::as_scalar), Some("1"));
        assert_eq!(a[0].get("x").and_then(Yaml::as_text), None);
        assert_eq!(a[1].as_text(), Some("8080:8080"));
        assert_eq!(tree.get("b").unwrap().get("c"), Some(&Yaml::Null));
        assert_eq!(tree.get("b").unwrap().get("d").and_then(Yaml::as_text), Some("no"));
        assert_eq!(read(""), Ok(Yaml::Null));
    }

    #[test]
    fn what_is_no_yaml_and_what_is_not_modelled_are_told_apart() {
        assert!(matches!(read("services: [x\n"), Err(BadYaml::Wrong(_))));
        assert!(matches!(read("a: 1\na: 2\n"), Err(BadYaml::Wrong(_))));
        for text in ["a: &x 1\n", "a: !!str 1\n", "a: 1\n---\nb: 1\n"] {
            assert!(matches!(read(text), Err(BadYaml::Unmodelled(_))), "{text}");
        }
        let deep = "[".repeat(100);
        assert!(read(&deep).is_err());
    }
}
