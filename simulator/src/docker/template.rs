//! The part of Go's text/template that `--format` is used with: fields, `range`, `if`, and some functions. What else
//! the real one knows is refused by name.

use std::borrow::Cow;

use super::value::Value;

mod parse;

/// Why a template cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadTemplate {
    /// The client refuses it: its message after `template parsing error: `.
    Wrong(String),
    /// The client takes it, the simulator does not.
    Unmodelled(String),
}

/// A template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Node>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Text(String),
    Print(Expression),
    Range(Expression, Vec<Node>, Vec<Node>),
    If(Expression, Vec<Node>, Vec<Node>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Expression {
    Text(String),
    Number(i64),
    Bool(bool),
    /// Of what, which fields, and where it stands: line and column as Go counts them.
    Field(Option<Box<Expression>>, Vec<String>, (usize, usize)),
    Call(&'static str, Vec<Expression>),
}

type Parse<T> = Result<T, BadTemplate>;

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// See [`BadTemplate`].
    pub fn read(text: &str) -> Parse<Template> {
        parse::read(text).map(Template)
    }

    /// Carries it out.
    ///
    /// # Errors
    /// See [`BadTemplate`].
    pub fn execute(&self, dot: &Value) -> Parse<String> {
        let mut out = String::new();
        run(&self.0, dot, &mut out)?;
        Ok(out)
    }
}

fn run(nodes: &[Node], dot: &Value, out: &mut String) -> Parse<()> {
    for node in nodes {
        match node {
            Node::Text(text) => out.push_str(text),
            Node::Print(expression) => {
                let value = evaluate(expression, dot)?;
                let printed = value.printed();
                out.push_str(&printed.ok_or_else(|| {
                    BadTemplate::Unmodelled(
                        "the printed form of an object in a template; ask for a field, or use `json`".into(),
                    )
                })?);
            }
            Node::If(of, body, otherwise) => {
                run(if evaluate(of, dot)?.holds() { body } else { otherwise }, dot, out)?;
            }
            Node::Range(of, body, otherwise) => {
                let value = evaluate(of, dot)?;
                let items: Vec<&Value> = match value.as_ref() {
                    Value::List(list) => list.iter().collect(),
                    Value::Map(map) => map.values().collect(),
                    Value::Nil(_) | Value::Unset(_) => Vec::new(),
                    _ => return Err(BadTemplate::Unmodelled("a range over what is no list in a template".into())),
                };
                if items.is_empty() {
                    run(otherwise, dot, out)?;
                }
                for item in items {
                    run(body, item, out)?;
                }
            }
        }
    }
    Ok(())
}

fn evaluate<'a>(expression: &'a Expression, dot: &'a Value) -> Parse<Cow<'a, Value>> {
    match expression {
        Expression::Text(text) => Ok(Cow::Owned(Value::text(text.as_str()))),
        Expression::Number(number) => Ok(Cow::Owned(Value::Number(*number))),
        Expression::Bool(truth) => Ok(Cow::Owned(Value::Bool(*truth))),
        Expression::Field(None, names, place) => field(dot, names, *place).map(Cow::Borrowed),
        Expression::Field(Some(of), names, place) => {
            let of = evaluate(of, dot)?;
            field(&of, names, *place).map(|value| Cow::Owned(value.clone()))
        }
        Expression::Call(name, arguments) => {
            let arguments = arguments.iter().map(|one| evaluate(one, dot)).collect::<Parse<Vec<_>>>()?;
            let values: Vec<&Value> = arguments.iter().map(AsRef::as_ref).collect();
            call(name, &values).map(Cow::Owned)
        }
    }
}

fn field<'a>(of: &'a Value, names: &[String], (line, column): (usize, usize)) -> Parse<&'a Value> {
    let mut value = of;
    let mut before = 0;
    for (index, name) in names.iter().enumerate() {
        value = match value.get(name) {
            Some(value) => value,
            None if matches!(value, Value::Struct(_) | Value::Map(_)) => {
                let shown = names.iter().take(index + 1).map(String::as_str).collect::<Vec<_>>().join(".");
                return Err(BadTemplate::Wrong(format!(
                    "template: :{line}:{}: executing \"\" at <.{shown}>: map has no entry for key {name:?}",
                    column + before
                )));
            }
            None => return Err(BadTemplate::Unmodelled(format!("the field `.{name}` of what has none in a template"))),
        };
        before += name.len() + 1;
    }
    Ok(value)
}

fn call(name: &str, values: &[&Value]) -> Parse<Value> {
    let bad = || BadTemplate::Unmodelled(format!("`{name}` of these operands in a template"));
    let printed = |value: &Value| value.printed().map(Cow::into_owned).ok_or_else(bad);
    let text = |value: &Value| if let Value::Text(text) = value { Ok(text.clone()) } else { Err(bad()) };
    Ok(match (name, values) {
        ("json", [value]) => Value::Text(value.json(None)),
        ("println", values) => {
            let parts = values.iter().map(|value| printed(value)).collect::<Parse<Vec<_>>>()?;
            Value::Text(format!("{}\n", parts.join(" ")))
        }
        ("print", [value]) => Value::Text(printed(value)?),
        ("len", [value]) => {
            let length = match value {
                Value::Text(text) => text.len(),
                Value::List(list) => list.len(),
                Value::Map(map) => map.len(),
                _ => return Err(bad()),
            };
            Value::Number(i64::try_from(length).map_err(|_| bad())?)
        }
        ("index", [of, keys @ ..]) => {
            let mut value = (*of).clone();
            for key in keys {
                let next = match (&value, key) {
                    (Value::List(list), Value::Number(at)) => {
                        usize::try_from(*at).ok().and_then(|at| list.get(at)).cloned().ok_or_else(bad)?
                    }
                    // A key that is not there has the type's zero value: of texts the empty one.
                    (Value::Map(map), Value::Text(key)) => map.get(key).cloned().unwrap_or(Value::text("")),
                    _ => return Err(bad()),
                };
                value = next;
            }
            value
        }
        ("eq", [first, others @ ..]) if !others.is_empty() => Value::Bool(others.contains(first)),
        ("ne", [first, second]) => Value::Bool(first != second),
        ("not", [value]) => Value::Bool(!value.holds()),
        ("and", [.., last]) => (*values.iter().find(|value| !value.holds()).unwrap_or(last)).clone(),
        ("or", [.., last]) => (*values.iter().find(|value| value.holds()).unwrap_or(last)).clone(),
        ("join", [Value::List(list), Value::Text(between)]) => {
            Value::Text(list.iter().map(text).collect::<Parse<Vec<_>>>()?.join(between))
        }
        ("split", [Value::Text(whole), Value::Text(between)]) => {
            Value::List(whole.split(between.as_str()).map(Value::text).collect())
        }
        ("lower", [value]) => Value::Text(text(value)?.to_lowercase()),
        ("upper", [value]) => Value::Text(text(value)?.to_uppercase()),
        _ => return Err(bad()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object() -> Value {
        let list = |texts: &[&str]| Value::List(texts.iter().map(|text| Value::text(*text)).collect());
        Value::Struct(vec![
            ("Id", Value::text("abc")),
            ("Args", list(&["serve", "-x"])),
            ("None", Value::Nil("<nil>")),
            ("State", Value::Struct(vec![("Running", Value::Bool(true)), ("ExitCode", Value::Number(0))])),
            ("Labels", Value::Map([("a.b".to_owned(), Value::text("1"))].into())),
            (
                "Ports",
                Value::Map([("80".to_owned(), Value::List(vec![Value::Struct(vec![("H", Value::text("p"))])]))].into()),
            ),
        ])
    }

    #[test]
    fn what_is_used_with_format_prints_as_go_prints_it() {
        for (template, wanted) in [
            ("{{.Id}}", "abc"),
            ("plain", "plain"),
            ("{{.Id}}\nStatus={{.State.Running}} {{ .State.ExitCode }}", "abc\nStatus=true 0"),
            ("{{range .Args}}{{println .}}{{end}}", "serve\n-x\n"),
            ("{{range .None}}x{{else}}none{{end}}", "none"),
            ("{{json .State}}", r#"{"Running":true,"ExitCode":0}"#),
            ("{{.Args}} {{len .Args}} {{index .Args 0}} {{.Labels}}", "[serve -x] 2 serve map[a.b:1]"),
            (r#"{{index .Labels "a.b"}}{{index .Labels "c"}}"#, "1"),
            (r#"{{join .Args ","}} {{.Id | upper | len}}"#, "serve,-x 3"),
            ("{{if .State.Running}}yes{{else}}no{{end}}", "yes"),
            (r#"{{if eq .Id "abd"}}yes{{else}}no{{end}}"#, "no"),
            (r#"{{(index (index .Ports "80") 0).H}}"#, "p"),
            ("a {{- .Id -}} b", "aabcb"),
        ] {
            assert_eq!(
                Template::read(template).and_then(|read| read.execute(&object())).as_deref(),
                Ok(wanted),
                "{template}"
            );
        }
    }

    #[test]
    fn what_go_refuses_is_refused_in_its_words_and_the_rest_by_name() {
        let refused = |template: &str| Template::read(template).and_then(|read| read.execute(&object())).unwrap_err();
        for (template, wanted) in [
            ("{{.Id", "template: :1: unclosed action"),
            ("{{nope .Id}}", "template: :1: function \"nope\" not defined"),
            ("{{.Nope}}", "template: :1:2: executing \"\" at <.Nope>: map has no entry for key \"Nope\""),
            ("{{.State.Nope}}", "template: :1:8: executing \"\" at <.State.Nope>: map has no entry for key \"Nope\""),
            ("{{json .Nope}}", "template: :1:7: executing \"\" at <.Nope>: map has no entry for key \"Nope\""),
            ("{{range .Args}}", "template: :1: unexpected EOF"),
        ] {
            assert_eq!(refused(template), BadTemplate::Wrong(wanted.to_owned()), "{template}");
        }
        for template in ["{{.State}}", "{{printf .Id}}", "{{with .Id}}{{end}}", "{{$x}}", "{{/* x */}}"] {
            assert!(matches!(refused(template), BadTemplate::Unmodelled(_)), "{template}");
        }
    }
}
