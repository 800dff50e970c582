//! Streams of a command: where it reads from and writes to. Everything is bounded.

use std::sync::Arc;

use super::Machine;
use super::files::{Ino, OpenMode};
use crate::{Run, Stop};

/// Bytes of the operator's command that are kept (its beginning); as the real agent's `OUTPUT_KEPT`.
pub const OUTPUT_KEPT: usize = 256 << 10;
/// A command that writes more ends the drill as a limit of the harness; as the real agent's `OUTPUT_MAX`.
pub const OUTPUT_MAX: u64 = 16 << 20;

/// Where a command writes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// /dev/null.
    Null,
    /// /dev/full.
    Full,
    /// What the operator sees: stdout and stderr in one.
    Command,
    /// A buffer of the machine: a pipe, a command substitution, a unit's log.
    Buffer(usize),
    /// A file, at a position that all copies of this share.
    File(usize),
    /// The journal, as this identifier of this unit and process.
    Journal(usize),
    /// The log of a container, in whole lines.
    Log {
        /// The container's number.
        container: usize,
        /// Whether it is kept as stderr's.
        stderr: bool,
    },
}

/// Where a command reads from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// /dev/null.
    Null,
    /// A stream of the machine, at a position that all copies of this share.
    Stream(usize),
}

/// The three streams of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Io {
    /// 0.
    pub stdin: Input,
    /// 1.
    pub stdout: Output,
    /// 2.
    pub stderr: Output,
}

impl Io {
    /// What the operator's commands begin with.
    pub fn operator() -> Io {
        Io { stdin: Input::Null, stdout: Output::Command, stderr: Output::Command }
    }
}

/// A command could not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteFailure {
    /// Its reader has gone: a process is killed by SIGPIPE (141).
    BrokenPipe,
    /// The file system is full.
    NoSpace,
}

/// Bytes that wait for a reader.
#[derive(Debug, Clone, Default)]
pub struct Buffer {
    /// What was written.
    pub bytes: Vec<u8>,
    /// What its reader takes at the most before it goes: a writer beyond it is ended by SIGPIPE.
    pub reader_takes: Option<ReaderTakes>,
}

/// How much of a pipe its reader wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReaderTakes {
    /// As `head -n`.
    Lines(u64),
    /// As `head -c`.
    Bytes(u64),
}

/// What a reader has in front of it.
#[derive(Debug, Clone)]
pub struct Stream {
    bytes: Arc<[u8]>,
    position: usize,
}

/// A file that is open for writing.
#[derive(Debug, Clone, Copy)]
pub struct OpenFile {
    /// Which.
    pub ino: Ino,
    /// Where the next byte goes; ignored in append mode.
    pub position: usize,
    /// `>` or `>>`.
    pub mode: OpenMode,
}

/// The writer of log lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogWriter {
    /// The unit.
    pub unit: String,
    /// The program's name as the journal shows it.
    pub identifier: String,
    /// Its process.
    pub pid: u32,
}

/// All streams of a machine, by number.
#[derive(Debug, Clone, Default)]
pub struct Streams {
    /// Pipes and captures.
    pub buffers: Vec<Buffer>,
    /// Inputs.
    pub inputs: Vec<Stream>,
    /// Open files.
    pub files: Vec<OpenFile>,
    /// Writers into the journal.
    pub logs: Vec<Arc<LogWriter>>,
    /// What the operator's command wrote: the beginning.
    pub command: Vec<u8>,
    /// And in all.
    pub command_bytes: u64,
    /// A program of [`crate::programs::OWN_WORDS`] wrote some of it.
    pub own_words: bool,
}

impl Machine {
    /// A new buffer.
    pub fn buffer(&mut self, reader_takes: Option<ReaderTakes>) -> usize {
        self.streams.buffers.push(Buffer { bytes: Vec::new(), reader_takes });
        self.streams.buffers.len() - 1
    }

    /// Takes a buffer's bytes.
    pub fn take_buffer(&mut self, buffer: usize) -> Vec<u8> {
        self.streams.buffers.get_mut(buffer).map(|buffer| std::mem::take(&mut buffer.bytes)).unwrap_or_default()
    }

    /// Gives a buffer up that nobody writes to any more.
    pub fn drop_buffer(&mut self, buffer: usize) {
        if buffer + 1 == self.streams.buffers.len() {
            self.streams.buffers.pop();
        }
    }

    /// A new input of these bytes.
    pub fn input(&mut self, bytes: impl Into<Arc<[u8]>>) -> Input {
        self.streams.inputs.push(Stream { bytes: bytes.into(), position: 0 });
        Input::Stream(self.streams.inputs.len() - 1)
    }

    /// An output into the journal.
    pub fn log_output(&mut self, writer: LogWriter) -> Output {
        self.streams.logs.push(Arc::new(writer));
        Output::Journal(self.streams.logs.len() - 1)
    }

    /// All that is left of an input.
    pub fn read_all(&mut self, input: &Input) -> Vec<u8> {
        let Input::Stream(index) = input else { return Vec::new() };
        let Some(stream) = self.streams.inputs.get_mut(*index) else { return Vec::new() };
        let rest = stream.bytes.get(stream.position..).unwrap_or_default().to_vec();
        stream.position = stream.bytes.len();
        rest
    }

    /// The next line of an input with its newline, if there is any byte left.
    pub fn read_line(&mut self, input: &Input) -> Option<Vec<u8>> {
        self.read_until(input, b'\n')
    }

    /// The same, of lines that end with another byte.
    pub fn read_until(&mut self, input: &Input, end: u8) -> Option<Vec<u8>> {
        let Input::Stream(index) = input else { return None };
        let stream = self.streams.inputs.get_mut(*index)?;
        let rest = stream.bytes.get(stream.position..).filter(|rest| !rest.is_empty())?;
        let length = rest.iter().position(|byte| *byte == end).map_or(rest.len(), |at| at + 1);
        let line = rest.get(..length)?.to_vec();
        stream.position += length;
        Some(line)
    }

    /// The command in hand wrote so many bytes more, of which nothing is kept: what was written already, many times over.
    pub fn wrote_unseen(&mut self, bytes: u64) -> Run<()> {
        self.streams.command_bytes = self.streams.command_bytes.saturating_add(bytes);
        if self.streams.command_bytes > OUTPUT_MAX { Err(Stop::OutputLimit) } else { Ok(()) }
    }

    /// Writes. `Ok(Err(_))` is what the command itself sees; `Err` ends the strand.
    pub fn write(&mut self, output: &Output, bytes: &[u8]) -> Run<Result<(), WriteFailure>> {
        match output {
            Output::Null => {}
            Output::Full => return Ok(Err(WriteFailure::NoSpace)),
            Output::Command => {
                let room = OUTPUT_KEPT.saturating_sub(self.streams.command.len()).min(bytes.len());
                self.streams.command.extend_from_slice(bytes.get(..room).unwrap_or_default());
                self.streams.command_bytes += bytes.len() as u64;
                if self.streams.command_bytes > OUTPUT_MAX {
                    return Err(Stop::OutputLimit);
                }
            }
            Output::Buffer(index) => {
                let Some(buffer) = self.streams.buffers.get_mut(*index) else { return Ok(Ok(())) };
                // What is beyond is written to a pipe that nobody reads any more; the pipe's own 64 KiB would hide it from
                // a short writer, as they do on a machine.
                let gone = buffer.reader_takes.is_some_and(|takes| takes.has_enough(&buffer.bytes))
                    && buffer.bytes.len() > 64 << 10;
                if gone {
                    return Ok(Err(WriteFailure::BrokenPipe));
                }
                buffer.bytes.extend_from_slice(bytes);
                if buffer.bytes.len() as u64 > OUTPUT_MAX {
                    return Err(Stop::OutputLimit);
                }
            }
            Output::File(index) => {
                let Some(file) = self.streams.files.get(*index).copied() else { return Ok(Ok(())) };
                let now = self.now;
                return Ok(match self.files.write(file.ino, file.position, file.mode, bytes, now) {
                    Ok(position) => {
                        if let Some(open) = self.streams.files.get_mut(*index) {
                            open.position = position;
                        }
                        Ok(())
                    }
                    Err(_) => Err(WriteFailure::NoSpace),
                });
            }
            Output::Log { container, stderr } => crate::docker::logs::append(self, *container, *stderr, bytes),
            Output::Journal(index) => {
                let Some(writer) = self.streams.logs.get(*index).cloned() else { return Ok(Ok(())) };
                for line in crate::lossy(bytes).lines() {
                    self.journal.write(self.now, &writer, line);
                }
            }
        }
        Ok(Ok(()))
    }
}

impl ReaderTakes {
    fn has_enough(self, bytes: &[u8]) -> bool {
        match self {
            ReaderTakes::Lines(lines) => bytes.iter().filter(|byte| **byte == b'\n').count() as u64 >= lines,
            ReaderTakes::Bytes(wanted) => bytes.len() as u64 >= wanted,
        }
    }
}
