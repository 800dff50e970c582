//! Stands in for an engine in tests: says what it is told to, and tells what it was asked.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use bollard::Docker;

/// An engine that answers each request, known by its first line, with this status and body; and those first lines.
pub fn engine(answer: impl Fn(&str) -> (u16, &'static str) + Send + 'static) -> (Docker, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, requests) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(&stream).lines().map(Result::unwrap);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let (status, body) = answer(&head[0]);
            // Told before it is answered: whoever has the answer finds it told.
            if sender.send(head[0].clone()).is_err() {
                return;
            }
            let length = body.len();
            let type_and_end = "content-type: application/json\r\nconnection: close";
            write!(stream, "HTTP/1.1 {status} x\r\n{type_and_end}\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
        }
    });
    (Docker::connect_with_http(&address, 10, bollard::API_DEFAULT_VERSION).unwrap(), requests)
}
