//! A real gateway: LiteLLM's proxy, with models that it answers for itself. `scripts/fetch_litellm.sh` installs it into
//! `data/`, which git ignores; without it these tests are skipped, and fail under CI.

use super::{signals, texts};
use crate::util::gateway::candidates;
use crate::util::{Dir, run, skip};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const KEY: &str = "sk-litellm-test-0123456789";

/// A proxy; it ends when it is dropped.
struct Proxy {
    process: Child,
    port: u16,
}

/// The program, where it is installed.
fn program() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/litellm/bin/litellm");
    let named = std::env::var_os("REHEARSAL_LITELLM").map(PathBuf::from);
    [Some(own), named].into_iter().flatten().find(|path| path.is_file())
}

impl Proxy {
    /// One whose models answer as it is told; `None`, with a printed line, where there is no program for it.
    fn start(dir: &Dir) -> Option<Self> {
        let Some(program) = program() else {
            skip("no LiteLLM in data/litellm; scripts/fetch_litellm.sh installs it");
            return None;
        };
        let model = |name: &str, answer: &str| json!({"model_name": name, "litellm_params": {"model": "openai/any", "api_key": "none", "mock_response": answer}});
        let sound = candidates(&["Write one line of the letter.", "Put the blue folder on the table."]);
        let limited = json!({"model_name": "limited", "litellm_params": {
            "model": "openai/any", "api_key": "none", "mock_response": "litellm.RateLimitError"}});
        let config = json!({
            "model_list": [model("sound", &sound), model("prose", "Drink more water!"), limited],
            "general_settings": {"master_key": KEY},
            "litellm_settings": {"num_retries": 0, "telemetry": false},
        });
        // YAML has JSON in it.
        dir.write("config.yaml", config.to_string());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it has an address").port();
        drop(listener);
        let log = fs::File::create(dir.join("litellm.log")).expect("a file in a temporary directory");
        let process = Command::new(program)
            .args([
                "--config",
                "config.yaml",
                "--host",
                "127.0.0.1",
                "--port",
                &port.to_string(),
                "--num_workers",
                "1",
            ])
            .current_dir(dir.path())
            .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
            .env_remove("DATABASE_URL")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("it starts");
        let mut proxy = Self { process, port };
        let begun = Instant::now();
        while !proxy.is_ready() {
            let ended = proxy.process.try_wait().expect("it can be asked");
            let shown = || dir.read("litellm.log");
            assert!(
                ended.is_none() && begun.elapsed() < Duration::from_secs(300),
                "it does not start: {}",
                shown()
            );
            thread::sleep(Duration::from_millis(200));
        }
        Some(proxy)
    }

    fn is_ready(&self) -> bool {
        use std::io::Read;
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        let _ = stream
            .write_all(b"GET /health/liveliness HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer.starts_with("HTTP/1.1 200")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn litellm_is_asked_as_it_wants_to_be() {
    let dir = Dir::new();
    let Some(proxy) = Proxy::start(&dir) else { return };
    let url = format!("http://127.0.0.1:{}", proxy.port);
    let ask = |model: &str, key: &str| -> Value {
        let mut command = dir.command(&["generate", "--gateway", &url, "--gateway-model", model]);
        command.env("REHEARSAL_GATEWAY_KEY", key);
        let ran = run(command, signals("ann").to_string().as_bytes()).ok();
        assert!(!ran.stderr().contains(KEY) && !ran.stdout().contains(KEY));
        ran.json()
    };
    let sound = ask("sound", KEY);
    assert_eq!(sound["fallback"], json!(false), "{sound}");
    assert_eq!(texts(&sound), ["Write one line of the letter.", "Put the blue folder on the table."]);
    assert!(sound["usage"]["prompt_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{sound}");
    assert!(sound["model"].is_string(), "{sound}");
    for (model, key, reason) in [
        ("prose", KEY, "not the JSON of the schema"),
        ("limited", KEY, "status 429"),
        ("missing", KEY, "status 4"),
        ("sound", "sk-wrong", "status 4"),
    ] {
        let answer = ask(model, key);
        assert_eq!(answer["fallback"], json!(true), "{model}: {answer}");
        assert!(answer["reason"].as_str().unwrap().contains(reason), "{model}: {answer}");
        assert_eq!(texts(&answer).len(), 3, "{model}");
    }
}
