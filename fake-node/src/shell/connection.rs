//! One client connection: hyper reads requests and writes answers, the shell has the node between them.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use fake_node::config::BODY_MAX;
use fake_node::http::{Request, RequestBody, Response};
use fake_node::node::{RequestId, TIMEOUT_US};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use super::server::Shell;

/// Bodies over this, and those of unknown length, are received only a few at a time.
const LARGE_BODY: u64 = 1 << 20;
/// Largest head of a request, in bytes.
const HEAD_MAX: usize = 64 << 10;

/// Serves a connection to its end.
pub async fn run(shell: Rc<Shell>, stream: TcpStream) {
    let mut stop = shell.stop.subscribe();
    let begun = Rc::new(Cell::new(false));
    let service = {
        let begun = begun.clone();
        service_fn(move |request| {
            begun.set(true);
            answer(shell.clone(), request)
        })
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_micros(TIMEOUT_US))
        .max_buf_size(HEAD_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        // The connection first: a request that lies in the socket when the signal comes is in flight.
        biased;
        _ = connection.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => {}
    }
    // hyper takes a connection that never had a request for a busy one and would wait for its first.
    if begun.get() {
        connection.as_mut().graceful_shutdown();
        // Its error is the client's: there is nobody to tell.
        let _ = connection.await;
    }
}

/// Ends a request's receiving phase, also when its client goes away in it.
struct Receiving<'a>(&'a Shell);

impl Drop for Receiving<'_> {
    fn drop(&mut self) {
        self.0.received();
    }
}

/// Tells the node of a client that went away: hyper drops the service's future then.
struct Waiting<'a>(&'a Shell, RequestId);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.cancel(self.1);
    }
}

async fn answer(
    shell: Rc<Shell>,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Full<Bytes>>, hyper::Error> {
    shell.receive();
    let receiving = Receiving(&shell);
    let (head, body) = request.into_parts();
    let body = receive(&shell, body).await?;
    let request = Request {
        method: head.method.as_str().to_owned(),
        target: head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned(),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        body,
    };
    let (id, answer) = shell.handle(&request);
    drop(receiving);
    let waiting = Waiting(&shell, id);
    // A sender is dropped without an answer only when the node has ended, and then nobody waits any more.
    let response = answer.await.unwrap_or_else(|_| Response::empty(503));
    drop(waiting);
    Ok(transport(response))
}

/// Reads a body within its limits of size, time and number.
async fn receive(shell: &Shell, body: Incoming) -> Result<RequestBody, hyper::Error> {
    if body.size_hint().lower() > BODY_MAX as u64 {
        return Ok(RequestBody::TooLarge);
    }
    let large = body.size_hint().upper().is_none_or(|upper| upper > LARGE_BODY);
    let collected = async {
        // The semaphore is never closed.
        let _permit = if large { shell.large_bodies.acquire().await.ok() } else { None };
        Limited::new(body, BODY_MAX).collect().await
    };
    match tokio::time::timeout(Duration::from_micros(TIMEOUT_US), collected).await {
        Err(_) => Ok(RequestBody::NotReceived),
        Ok(Ok(collected)) => Ok(RequestBody::Complete(collected.to_bytes().to_vec())),
        Ok(Err(error)) => match error.downcast::<hyper::Error>() {
            Ok(error) => Err(*error),
            Err(other) if other.is::<LengthLimitError>() => Ok(RequestBody::TooLarge),
            Err(_) => Ok(RequestBody::NotReceived),
        },
    }
}

fn transport(response: Response) -> hyper::Response<Full<Bytes>> {
    let mut builder = hyper::Response::builder().status(response.status);
    for (name, value) in &response.headers {
        builder = builder.header(name, value);
    }
    builder.body(Full::new(Bytes::from(response.body))).unwrap_or_else(|_| {
        // A header that HTTP cannot carry: the node makes none.
        let mut response = hyper::Response::new(Full::default());
        *response.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}
