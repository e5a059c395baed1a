//! What a terminal shows, and that a pipe has what it had.

use super::*;
use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::io::Read;

const SIMULATE: [&str; 9] = [
    "simulate",
    "short.toml",
    "--personas",
    "people",
    "--policy",
    "uniform",
    "--policy",
    "egreedy-v2",
    "--users=16",
];

/// What a command writes to a terminal of so many columns, with its line ends as they were written.
fn in_terminal(mut command: Command, columns: u16) -> String {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let path = ptsname(&master, Vec::new()).unwrap();
    let slave = open(path, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    tcsetwinsize(&slave, Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    command.stdout(slave).stderr(Stdio::null()).stdin(Stdio::null()).env("TERM", "xterm");
    let mut child = command.spawn().unwrap();
    // The command holds the only other end of the terminal.
    drop(command);
    let (mut out, mut file) = (Vec::new(), fs::File::from(master));
    // Linux ends a terminal whose other end is closed with an error.
    let _ = file.read_to_end(&mut out);
    child.wait().unwrap();
    String::from_utf8(out).unwrap().replace("\r\n", "\n")
}

fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    first + &parts.map(|part| part.split_once('m').unwrap().1).collect::<String>()
}

fn assert_fits(text: &str, columns: usize) {
    // Commands are to be copied: they are not wrapped.
    let is_command = |line: &str| line.starts_with("  Again: ") || line.starts_with("Next: ");
    for line in text.lines().filter(|line| !is_command(line)) {
        assert!(line.chars().count() <= columns && line == line.trim_end(), "{columns}: {line:?}\n{text}");
    }
}

#[test]
fn a_terminal_shows_charts_in_its_width_and_a_pipe_the_plain_text() {
    let dir = sandbox();
    let commands = || [small(&dir, REJECT), dir.command(&SIMULATE)];
    for columns in [60, 79, 100, 200] {
        let [verdict, simulation] = commands().map(|command| in_terminal(command, columns));
        for text in [&verdict, &simulation] {
            assert!(text.contains("\u{1b}["), "no colour in {text}");
            assert_fits(&without_colours(text), usize::from(columns));
        }
        let (verdict, simulation) = (without_colours(&verdict), without_colours(&simulation));
        assert!(verdict.starts_with("REJECT: ") && verdict.contains("\u{2500}x\u{2500}"), "{verdict}");
        assert!(simulation.contains("  o uniform   * egreedy-v2\n"), "{simulation}");
        assert!(simulation.contains("mean reward along the decisions"), "{simulation}");
    }
    for plain in commands().map(|command| run(command, b"").stdout()) {
        assert!(!plain.contains(['\u{1b}', '\u{2500}', '\u{2502}']), "{plain}");
    }
}

#[test]
fn a_terminal_without_room_for_a_chart_has_the_table() {
    let dir = sandbox();
    let text = without_colours(&in_terminal(small(&dir, REJECT), 40));
    assert!(text.contains("difference") && !text.contains('\u{2500}'), "{text}");
    let text = without_colours(&in_terminal(dir.command(&SIMULATE), 59));
    assert!(!text.contains("mean reward along the decisions"), "{text}");
}

#[test]
fn colours_are_left_out_where_nobody_wants_them() {
    let dir = sandbox();
    let with = |name: &str, value: &str| {
        let mut command = small(&dir, REJECT);
        command.env(name, value);
        command
    };
    let mut never = small(&dir, REJECT);
    never.args(["--color", "never"]);
    let coloured = in_terminal(small(&dir, REJECT), 80);
    for command in [with("NO_COLOR", "1"), never] {
        let text = in_terminal(command, 80);
        assert_eq!(text, without_colours(&coloured));
    }
    // Set to nothing it says nothing; an option is more than a variable.
    assert_eq!(in_terminal(with("NO_COLOR", ""), 80), coloured);
    let mut always = with("NO_COLOR", "1");
    always.args(["--color", "always"]).env("COLUMNS", "80");
    assert_eq!(run(&mut always, b"").stdout(), coloured);
    // `always` shows in a pipe what a terminal would show; JSON is JSON.
    always.arg("--json");
    assert!(run(always, b"").stdout().starts_with('{'));
}
