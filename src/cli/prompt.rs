//! `rehearsal prompt`: the versions of the prompt that there are.

use super::context::SignalArgs;
use super::prompt_args::{PromptArgs, earlier_tips};
use super::store_args::Global;
use super::{exit, output};
use crate::base::clean::clean_line;
use crate::base::error::{Fault, Result};
use crate::prompt::{DiffLine, Generator, Parameters, Prompt, PromptInput, Prompts, difference};
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the versions: name, digest, what each is told of a person, and its idea
    List {
        /// As JSON, one version a line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        prompts: PromptArgs,
    },
    /// Print a version's file
    Show {
        /// The version
        #[arg(value_name = "VERSION")]
        name: String,
        /// Its fields and templates as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        prompts: PromptArgs,
    },
    /// Print what a model would be asked for a person
    Render {
        #[command(flatten)]
        signals: SignalArgs,
        /// The body of the request to the gateway, as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        prompts: PromptArgs,
    },
    /// Check every version, and render it for somebody of whom all is known and for somebody of whom nothing is
    Check {
        #[command(flatten)]
        prompts: PromptArgs,
    },
    /// Say what differs between two versions
    Diff {
        /// A version, or a file that ends in .md
        first: String,
        /// Another one
        second: String,
        #[command(flatten)]
        prompts: PromptArgs,
    },
}

/// A version, for programs.
#[derive(Serialize)]
struct PromptRow<'a> {
    version: &'a str,
    digest: &'a str,
    description: &'a str,
    model: Option<&'a str>,
    inputs: Vec<PromptInput>,
    parameters: Parameters,
    #[serde(skip_serializing_if = "Option::is_none")]
    banned: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
}

impl<'a> PromptRow<'a> {
    fn new(prompt: &'a Prompt) -> Self {
        Self {
            version: prompt.version(),
            digest: prompt.digest(),
            description: prompt.description(),
            model: prompt.model(),
            inputs: prompt.inputs().collect(),
            parameters: prompt.parameters(),
            banned: None,
            system: None,
            user: None,
        }
    }
}

/// So much of a digest tells versions apart at a glance.
const SHORT: usize = 12;

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    match &args.action {
        Action::List { json, prompts } => list(*json, prompts),
        Action::Show { name, json, prompts } => show(name, *json, prompts),
        Action::Render { signals, json, prompts } => render(signals, *json, prompts, global),
        Action::Check { prompts } => check(prompts),
        Action::Diff { first, second, prompts } => diff(first, second, prompts),
    }
}

fn list(json: bool, prompts: &PromptArgs) -> Result<u8> {
    let prompts = prompts.load()?;
    let mut out = String::new();
    for prompt in prompts.all() {
        if json {
            output::json(&PromptRow::new(prompt))?;
        } else {
            let inputs: Vec<&str> = prompt.inputs().map(PromptInput::name).collect();
            let (version, digest) = (prompt.version(), &prompt.digest()[..SHORT]);
            let description = clean_line(prompt.description());
            let _ = write!(out, "{version:8} {digest}  {description}\n{:23}{}\n", "", inputs.join(", "));
        }
    }
    output::text(&out)?;
    Ok(exit::DONE)
}

fn show(version: &str, json: bool, prompts: &PromptArgs) -> Result<u8> {
    let prompts = prompts.load()?;
    let prompt = prompts.find(version)?;
    if json {
        let [(_, system), (_, user)] = prompt.templates();
        let row = PromptRow {
            banned: Some(prompt.banned()),
            system: Some(system),
            user: Some(user),
            ..PromptRow::new(prompt)
        };
        output::json(&row)?;
    } else {
        output::text(prompt.source())?;
    }
    Ok(exit::DONE)
}

fn render(args: &SignalArgs, json: bool, prompts: &PromptArgs, global: &Global) -> Result<u8> {
    let generator = Generator::new(prompts.load()?, None)?;
    let (signals, origin) = args.read()?;
    let store = global.to_read_if_there()?;
    let stored = earlier_tips(store.as_ref(), signals.user(), signals.now_ms())?;
    let prepared = generator.prepare(signals, &stored, &origin)?;
    if json {
        output::json(&prepared.request_body(None))?;
    } else {
        let mut out = format!("# {} {}\n", prepared.prompt().version(), prepared.prompt().digest());
        for message in &prepared.call().messages {
            let _ = write!(out, "\n# {}\n\n{}\n", message.role, message.content);
        }
        output::text(&out)?;
    }
    Ok(exit::DONE)
}

fn check(args: &PromptArgs) -> Result<u8> {
    let mut code = exit::DONE;
    let sound =
        |prompt: &Prompt| output::text(&format!("{}: sound, digest {}\n", prompt.version(), prompt.digest()));
    match args.folder() {
        None => Prompts::shipped()?.all().iter().try_for_each(|prompt| sound(prompt))?,
        Some(folder) => {
            for path in Prompts::files(folder)? {
                match Prompts::file(&path) {
                    Ok(prompt) => sound(&prompt)?,
                    Err(error) => {
                        output::complain(&error);
                        code = exit::ERROR;
                    }
                }
            }
        }
    }
    if code == exit::DONE {
        // The default, too, is one of them.
        args.load()?;
    }
    Ok(code)
}

fn diff(first: &str, second: &str, args: &PromptArgs) -> Result<u8> {
    let prompts = args.load()?;
    let find = |name: &str| -> Result<Arc<Prompt>> {
        let path = Path::new(name);
        if path.extension().is_some_and(|end| end == "md") {
            return Prompts::file(path);
        }
        prompts.find(name).cloned()
    };
    let (first, second) = (find(first)?, find(second)?);
    let mut out = String::new();
    for (mark, prompt) in [("---", &first), ("+++", &second)] {
        let _ = writeln!(out, "{mark} {} {}", prompt.version(), prompt.digest());
    }
    let Some(lines) = difference(first.source(), second.source()) else {
        return Err(Fault::new("a file", "over 4000 lines", "prompts of fewer lines").at("prompt diff"));
    };
    for line in lines {
        let _ = match line {
            DiffLine::Both(text) => writeln!(out, " {text}"),
            DiffLine::First(text) => writeln!(out, "-{text}"),
            DiffLine::Second(text) => writeln!(out, "+{text}"),
        };
    }
    if first.digest() == second.digest() {
        out += "Both do the same: they have one digest.\n";
    }
    output::text(&out)?;
    Ok(exit::DONE)
}
