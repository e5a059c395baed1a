//! Asks a server at a fixed rate, whether it keeps up or not: `open_loop ADDRESS score|reward RATE SECONDS CONNECTIONS USERS`.
//!
//! Each connection has a thread and a timetable. A request that is due while the one before it is not answered is late, and
//! its time counts from when it was due; so a server that stalls is charged for everybody who would have come meanwhile. With
//! `reward` each request is a score that is not timed, and the reward of its decision, which is.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

struct Connection(BufReader<TcpStream>);

impl Connection {
    fn post(&mut self, path: &str, body: &str) -> (u16, String) {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.get_mut().write_all(head.as_bytes()).expect("it takes the request");
        let (mut status, mut length, mut line) = (0, 0, String::new());
        loop {
            line.clear();
            self.0.read_line(&mut line).expect("it answers");
            match line.trim_end() {
                "" => break,
                head if head.starts_with("HTTP/1.1 ") => status = head[9..12].parse().expect("a status"),
                head => {
                    let value = head.strip_prefix("content-length: ");
                    length = value.map_or(length, |n| n.parse().expect("a length"));
                }
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).expect("a whole body");
        (status, String::from_utf8(body).expect("UTF-8"))
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [address, kind, rate, seconds, connections, users] = &args[..] else {
        panic!("open_loop ADDRESS score|reward RATE SECONDS CONNECTIONS USERS")
    };
    let number = |text: &String| text.parse::<u64>().expect("a number");
    let (rate, seconds, connections, users) =
        (number(rate), number(seconds), number(connections), number(users));
    let is_reward = kind == "reward";
    let interval = Duration::from_secs_f64(connections as f64 / rate as f64);
    let start = Instant::now() + Duration::from_millis(100);
    let threads: Vec<_> = (0..connections)
        .map(|thread| {
            let address = address.clone();
            std::thread::spawn(move || {
                let stream = TcpStream::connect(address).expect("it accepts");
                stream.set_nodelay(true).expect("a socket");
                let mut connection = Connection(BufReader::new(stream));
                let first = start + interval.mul_f64(thread as f64 / connections as f64);
                let (mut times, mut failed, mut random) = (Vec::new(), 0_u64, thread.wrapping_mul(0x9e37_79b9) | 1);
                for n in 0_u32.. {
                    let due = first + interval * n;
                    if due > start + Duration::from_secs(seconds) {
                        break;
                    }
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    let request = format!(
                        "{{\"user\":\"u{}\",\"context\":{{\"hour\":9.5,\"weekday\":2}},\"candidates\":[\
                         {{\"id\":\"plan\",\"kind\":\"plan\",\"priority\":0.9}},{{\"id\":\"focus\",\"kind\":\"focus\",\
                         \"due_in_days\":1}},{{\"id\":\"rest\",\"kind\":\"rest\",\"effort_minutes\":5}}],\
                         \"profile_features\":{{\"completion_rate\":0.4,\"tip_volume\":20}}}}",
                        random % users
                    );
                    let late = Instant::now() > due;
                    if !late {
                        std::thread::sleep(due - Instant::now());
                    }
                    let mut from = if late { due } else { Instant::now() };
                    let (mut status, answer) = connection.post("/score", &request);
                    if is_reward && status == 200 {
                        let id = answer.split('"').nth(3).expect("an id");
                        let reward = format!("{{\"decision\":\"{id}\",\"reaction\":\"completed\"}}");
                        from = Instant::now();
                        status = connection.post("/reward", &reward).0;
                    }
                    times.push(from.elapsed().as_secs_f64() * 1e3);
                    failed += u64::from(status != 200);
                }
                (times, failed)
            })
        })
        .collect();
    let (mut times, mut failed) = (Vec::new(), 0);
    for thread in threads {
        let (own, own_failed) = thread.join().expect("a thread");
        times.extend(own);
        failed += own_failed;
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!(
        "{{\"requests\": {}, \"failed\": {failed}, \"p50_ms\": {:.3}, \"p90_ms\": {:.3}, \"p99_ms\": {:.3}, \"max_ms\": {:.3}}}",
        times.len(),
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
}
