//! The server's page: what it says of a server that has lived, and how it stands in a browser.

use super::{request, text};
use crate::util::server::Server;
use crate::util::{Dir, skip};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// A server with an experiment, a shadow and two prompt versions, of which one earns more, and its page.
fn lived(dir: &Dir) -> (Server, String) {
    std::fs::create_dir(dir.join("experiments")).expect("a folder");
    dir.write(
        "experiments/bolder.toml",
        "key = \"bolder\"\ndescription = \"Does a bolder policy earn more?\"\n[[variants]]\nname = \"control\"\n\
         policy = \"egreedy-v1\"\n[[variants]]\nname = \"bolder\"\npolicy = \"linucb\"\n",
    );
    let options = ["--policy", "egreedy-v1", "--shadow", "squarecb-v2", "--experiments", "experiments"];
    let server = Server::start(dir, &options);
    let mut client = server.client();
    for n in 0..400 {
        let (user, version) = (n % 20, ["v1", "v2"][n % 2]);
        let mut asked = request(&format!("u{user}"));
        asked["prompt_version"] = json!(version);
        let decision = client.post("/score", &asked).json(200);
        let reaction = if version == "v2" { "completed" } else { "dismissed" };
        let reward = json!({"decision": text(&decision, "decision_id"), "reaction": reaction});
        client.post("/reward", &reward).json(200);
    }
    client.post("/score", &json!({})).problem(400);
    // The store is read while somebody looks.
    let begun = Instant::now();
    let page = loop {
        let page = client.request("GET", "/", &[], "").body;
        if page.contains("Prompt versions") && !page.contains("It was not read yet") {
            break page;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{page}\n{}", server.log());
        thread::sleep(Duration::from_millis(50));
    };
    (server, page)
}

#[test]
fn the_page_says_what_analyze_says_of_experiments_and_prompt_versions() {
    let dir = Dir::new();
    let (server, page) = lived(&dir);
    let analysis: Value = dir.run(&["analyze", "--by", "prompt_version", "--json"]).ok().json();
    let document = roxmltree::Document::parse(page.strip_prefix("<!DOCTYPE html>\n").unwrap()).unwrap();
    let words: String = document.descendants().filter_map(|node| node.text()).collect::<Vec<_>>().join(" ");
    for group in analysis["groups"].as_array().unwrap() {
        let mean = format!("{:.4}", group["mean"].as_f64().unwrap());
        assert!(words.contains(text(group, "group")) && words.contains(&mean), "{group}\n{words}");
    }
    for part in [
        "Does a bolder policy earn more?",
        "squarecb-v2",
        "egreedy-v1 answers",
        "/score",
        "BETTER: v2: more reward than v1.",
    ] {
        assert!(words.contains(part), "{part}\n{words}");
    }
    drop(server);
    // Where no decision has a version there is nothing to say of any.
    let dir = Dir::new();
    let server = Server::start(&dir, &["--policy", "egreedy-v1"]);
    server.post("/score", &request("u")).json(200);
    for _ in 0..5 {
        assert!(!server.get("/").body.contains("Prompt versions"));
        thread::sleep(Duration::from_millis(50));
    }
}

/// The browser, if there is one.
fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)))
        .find(|file| file.is_file());
    std::env::var_os("CHROMIUM").map(PathBuf::from).or(on_path)
}

/// What a page has become in a browser, and what the browser had to say.
fn opened(browser: &PathBuf, dir: &Dir, url: &str) -> (String, String) {
    let profile = format!("--user-data-dir={}", dir.join("profile").display());
    let out = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--enable-logging=stderr",
        ])
        .args([&profile, "--window-size=1400,1000", "--dump-dom", url])
        .output()
        .expect("the browser runs");
    (String::from_utf8_lossy(&out.stdout).into_owned(), String::from_utf8_lossy(&out.stderr).into_owned())
}

/// A page in frames of these widths, and a script that writes down what leaves them.
fn framed(page: &str, widths: &[u32]) -> String {
    let inside = page.replace('&', "&amp;").replace('"', "&quot;");
    let frames: String = widths
        .iter()
        .map(|width| {
            format!(
                "<iframe width=\"{width}\" height=\"900\" style=\"border:0\" srcdoc=\"{inside}\"></iframe>\n"
            )
        })
        .collect();
    let script = r#"
        onload = () => {
          const found = [];
          for (const frame of document.querySelectorAll("iframe")) {
            const page = frame.contentDocument, wide = frame.contentWindow.innerWidth;
            page.querySelectorAll("details").forEach((d) => (d.open = true));
            if (page.documentElement.scrollWidth > wide) found.push(`${wide}: ${page.documentElement.scrollWidth} wide`);
            let seen = 0;
            for (const e of page.querySelectorAll("td, th, svg, p, h1, h2, h3, li")) {
              const head = e.closest("thead");
              if (head && frame.contentWindow.getComputedStyle(head).position === "absolute") continue;
              const { right, left, width } = e.getBoundingClientRect();
              seen += width > 1;
              if (width > 1 && (right > wide + 0.5 || left < -0.5)) found.push(`${wide}: ${e.textContent.slice(0, 40)}`);
            }
            found.push(`${wide}: ${seen > 50 ? "seen" : seen}`);
          }
          document.body.dataset.found = found.join("; ");
        };"#;
    format!("<!DOCTYPE html><meta charset=\"utf-8\"><body>{frames}<script>{script}</script></body>")
}

#[test]
fn the_page_stands_in_a_browser_at_every_width() {
    let Some(browser) = chromium() else { return skip("no Chromium: its page is not looked at") };
    let dir = Dir::new();
    let (server, page) = lived(&dir);
    // Under its own policy: no script, nothing fetched, and the style is not refused.
    let (dom, said) = opened(&browser, &dir, &format!("http://{}/", server.address));
    assert!(dom.contains("Prompt versions") && dom.contains("<svg"), "{dom}\n{said}");
    for complaint in ["Refused", "Content Security Policy", "Failed to load", "CONSOLE"] {
        assert!(!said.contains(complaint), "{said}");
    }
    let measure = |page: &str| {
        dir.write("framed.html", framed(page, &[390, 768, 1280]));
        let (dom, said) = opened(&browser, &dir, &format!("file://{}", dir.join("framed.html").display()));
        let found = dom
            .split("data-found=\"")
            .nth(1)
            .unwrap_or_else(|| panic!("nothing was measured: {dom}\n{said}"));
        found.split('"').next().unwrap_or_default().to_owned()
    };
    assert_eq!(measure(&page), "390: seen; 768: seen; 1280: seen");
    // A page that is too wide is noticed.
    let wide = page.replacen("<h2", "<p style=\"width:500px\">wide</p><h2", 1);
    assert!(measure(&wide).starts_with("390: 5"), "{}", measure(&wide));
}
