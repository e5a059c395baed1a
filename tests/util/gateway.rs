//! A gateway to language models that answers as a test wants it, also as none should: slowly, in half, with nonsense, without
//! end, or with the address of somebody else.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How long a connection that hangs is looked at before it is asked whether the test is over.
const LOOK: Duration = Duration::from_millis(20);

/// What somebody asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The line and the headers of the request.
    pub(crate) head: String,
    pub(crate) body: Value,
}

/// What is answered.
pub(crate) enum Answer {
    /// A completion with this content.
    Content(String),
    /// A status with headers and a body.
    Status(u16, &'static str, String),
    /// Bytes as they are; then the connection ends.
    Bytes(Vec<u8>),
    /// Nothing, for as long as the test runs.
    Hang,
    /// A body that goes on for as long as somebody reads it.
    Endless,
    /// A body of which one byte comes now and then.
    Drip,
}

/// A running gateway; it ends when it is dropped.
pub(crate) struct Gateway {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    over: Arc<AtomicBool>,
}

/// Candidates as a model answers them.
pub(crate) fn candidates(texts: &[&str]) -> String {
    let tips: Vec<Value> = texts
        .iter()
        .map(|text| json!({"kind": "plan", "text": text, "task": null, "effort_minutes": 5}))
        .collect();
    json!({"candidates": tips}).to_string()
}

/// A completion with this content, as a gateway answers it.
pub(crate) fn completion(content: &str) -> String {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "tester-1",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
    })
    .to_string()
}

impl Gateway {
    /// One that gives the n-th question, from 0, this answer.
    pub(crate) fn start(answer: impl Fn(usize, &Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), answer)
    }

    /// The same at this address.
    pub(crate) fn start_at(
        address: SocketAddr,
        answer: impl Fn(usize, &Asked) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        let (asked, over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (answer, own, ended) = (Arc::new(answer), Arc::clone(&asked), Arc::clone(&over));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let (answer, asked, over) = (Arc::clone(&answer), Arc::clone(&own), Arc::clone(&ended));
                thread::spawn(move || serve(stream, &*answer, &asked, &over));
            }
        });
        Self { address, asked, over }
    }

    /// One that always gives a sound answer with these texts.
    pub(crate) fn sound(texts: &'static [&'static str]) -> Self {
        Self::start(move |_, _| Answer::Content(candidates(texts)))
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Hangs up on all that hang, and answers nothing more.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }

    /// All that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("nothing panics with it").clone()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.end();
    }
}

/// Answers what comes on a connection until it ends.
fn serve(
    mut stream: TcpStream,
    answer: &(dyn Fn(usize, &Asked) -> Answer + Send + Sync),
    asked: &Mutex<Vec<Asked>>,
    over: &AtomicBool,
) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    while let Some(question) = read(&mut reader) {
        let n = {
            let mut asked = asked.lock().expect("nothing panics with it");
            asked.push(question.clone());
            asked.len() - 1
        };
        let is_over = || over.load(Ordering::Relaxed);
        let goes_on = match answer(n, &question) {
            Answer::Content(content) => send(&mut stream, 200, "", completion(&content).as_bytes()),
            Answer::Status(status, headers, body) => send(&mut stream, status, headers, body.as_bytes()),
            Answer::Bytes(bytes) => {
                let _ = stream.write_all(&bytes);
                false
            }
            Answer::Hang => {
                while !is_over() {
                    thread::sleep(LOOK);
                }
                false
            }
            Answer::Endless => {
                let _ = stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"choices\":[");
                while !is_over() && stream.write_all(&[b' '; 1 << 14]).is_ok() {}
                false
            }
            Answer::Drip => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n");
                while !is_over() && stream.write_all(b" ").is_ok() {
                    thread::sleep(LOOK);
                }
                false
            }
        };
        if !goes_on {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    // A key keeps its case.
    let (names, length) = (head.clone(), head.to_ascii_lowercase());
    let length = length.split("content-length: ").nth(1)?.split('\r').next()?.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { head: names, body: serde_json::from_slice(&body).ok()? })
}

fn send(stream: &mut TcpStream, status: u16, headers: &str, body: &[u8]) -> bool {
    let head = format!(
        "HTTP/1.1 {status} So\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    // In one piece: the second one of two would wait until the first is acknowledged.
    stream.write_all(&[head.as_bytes(), body].concat()).is_ok()
}
