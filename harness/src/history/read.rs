//! Reading and writing `history.jsonl`, and telling a whole History from a cut one.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};

use super::event::{Event, Plan, SCHEMA, What};

/// A History of more bytes is refused: no drill writes as much (the longest seen is below 1 MiB).
pub const HISTORY_BYTES_MAX: u64 = 64 << 20;

/// A line of more bytes is refused. Outputs and metrics bodies are bounded well below it.
pub const LINE_BYTES_MAX: usize = 4 << 20;

/// A History as far as it can be read.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// In order.
    pub events: Vec<Event>,
    /// Why it is not whole, if it is not: a missing number, a line that is no event, no end.
    pub cut: Option<String>,
}

/// A History that cannot be judged at all.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}; is it a bundle's folder?")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is larger than any drill's.
    #[error("{path} is larger than {HISTORY_BYTES_MAX} bytes, the ceiling for a History")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The first line is not a plan, so nothing says what was drilled.
    #[error("{path}:1: the first event is not `drill-began` of schema {SCHEMA}: {why}")]
    NoPlan {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

impl History {
    /// Reads a file. A damaged line ends the History there and marks it cut; only a missing plan is an error.
    pub fn read(path: &Path) -> Result<History, HistoryError> {
        let io = |source| HistoryError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(io)?;
        if file.metadata().map_err(io)?.len() > HISTORY_BYTES_MAX {
            return Err(HistoryError::TooLarge { path: path.to_owned() });
        }
        let mut bytes = Vec::new();
        BufReader::new(file).take(HISTORY_BYTES_MAX).read_to_end(&mut bytes).map_err(io)?;
        let history = History::parse(&bytes);
        match history.events.first().map(|first| &first.what) {
            Some(What::DrillBegan { plan }) if plan.schema == SCHEMA => Ok(history),
            Some(What::DrillBegan { plan }) => {
                Err(HistoryError::NoPlan { path: path.to_owned(), why: format!("it is of schema {}", plan.schema) })
            }
            _ => Err(HistoryError::NoPlan {
                path: path.to_owned(),
                why: history.cut.unwrap_or_else(|| "it is another event".into()),
            }),
        }
    }

    /// Reads bytes; never fails, says in `cut` where the whole part ends.
    pub fn parse(bytes: &[u8]) -> History {
        let mut events = Vec::new();
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let number = index + 1;
            if line.is_empty() {
                continue;
            }
            if line.len() > LINE_BYTES_MAX {
                return History { events, cut: Some(format!("line {number} is longer than {LINE_BYTES_MAX} bytes")) };
            }
            match serde_json::from_slice::<Event>(line) {
                Ok(event) => events.push(event),
                Err(error) => return History { events, cut: Some(format!("line {number} is no event: {error}")) },
            }
        }
        History::of(events)
    }

    /// Takes events as they are and says whether they are whole.
    pub fn of(events: Vec<Event>) -> History {
        let cut = cut(&events);
        History { events, cut }
    }

    /// The plan, where the first event is one.
    pub fn plan(&self) -> Option<&Plan> {
        match self.events.first().map(|first| &first.what) {
            Some(What::DrillBegan { plan }) => Some(plan),
            _ => None,
        }
    }
}

/// Why these events are no whole History, if they are not.
pub fn cut(events: &[Event]) -> Option<String> {
    if !matches!(events.first().map(|first| &first.what), Some(What::DrillBegan { .. })) {
        return Some("the beginning is missing".into());
    }
    for (index, event) in events.iter().enumerate() {
        let wanted = index as u64 + 1;
        if event.n != wanted {
            return Some(format!("event {wanted} is missing: {} follows {}", event.n, wanted - 1));
        }
        let last = index + 1 == events.len();
        match &event.what {
            What::DrillBegan { .. } if index > 0 => return Some(format!("event {wanted} begins a second drill")),
            What::DrillEnded { events: count } if !last || *count != wanted => {
                return Some(format!("the drill's end says {count} events and stands at {wanted} of {}", events.len()));
            }
            _ => {}
        }
    }
    match events.last().map(|event| &event.what) {
        Some(What::DrillEnded { .. }) => None,
        _ => Some("the end is missing: the drill was cut off".into()),
    }
}

/// Events as they come: here they get their numbers.
#[derive(Debug, Default)]
pub struct Events {
    events: Vec<Event>,
    last_us: u64,
}

impl Events {
    /// None yet, with room for so many.
    pub fn with_room(events: usize) -> Events {
        Events { events: Vec::with_capacity(events), last_us: 0 }
    }

    /// Appends an event and returns it with its number. A time before the last one's is moved up to it: two clocks never
    /// make a History run backwards.
    pub fn push(&mut self, at_us: u64, what: What) -> &Event {
        self.last_us = self.last_us.max(at_us);
        let place = self.events.len();
        self.events.push(Event { n: place as u64 + 1, at_us: self.last_us, what });
        &self.events[place]
    }

    /// All so far.
    pub fn all(&self) -> &[Event] {
        &self.events
    }

    /// Time of the last event.
    pub fn last_us(&self) -> u64 {
        self.last_us
    }

    /// All of them as a History.
    pub fn into_history(self) -> History {
        History::of(self.events)
    }
}

/// Writes events as they come, each whole on the disk's side of the process before the next: readable after SIGKILL.
#[derive(Debug)]
pub struct HistoryWriter<W: Write> {
    sink: W,
    events: Events,
}

impl<W: Write> HistoryWriter<W> {
    /// Writes to `sink`, unbuffered: give it a file.
    pub fn new(sink: W) -> Self {
        HistoryWriter { sink, events: Events::default() }
    }

    /// Appends an event and returns its number; see [`Events::push`]. One that cannot be written is not counted as
    /// written: nothing may be appended after it.
    pub fn write(&mut self, at_us: u64, what: What) -> std::io::Result<u64> {
        let event = self.events.push(at_us, what);
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        self.sink.write_all(&line)?;
        self.sink.flush()?;
        Ok(event.n)
    }

    /// What has been written.
    pub fn events(&self) -> &[Event] {
        self.events.all()
    }

    /// Time of the last event.
    pub fn last_us(&self) -> u64 {
        self.events.last_us()
    }
}
