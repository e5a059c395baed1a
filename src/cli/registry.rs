//! `rehearsal registry`: versions of models, and which one is in charge.

use super::error::UsageError;
use super::folder::Folder;
use super::registry_args::RegistryArgs;
use super::{exit, output};
use crate::base::error::{Error, Fault, Result};
use crate::base::read;
use crate::model::registry::{
    Artifacts, ModelAddress, ModelRegistry, ModelVersion, Promotion, VersionChoice, history, move_alias,
    pack, resolve, unpack,
};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Add a version of a policy, its prior with it
    Register {
        /// The model's name
        #[arg(value_name = "NAME")]
        name: String,
        /// The policy: a name, or a TOML file
        #[arg(long, value_name = "POLICY")]
        policy: String,
        /// A file to keep with it, under its own name: a card, a verdict, a report; repeatable
        #[arg(long = "file", value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// List models with their aliases
    List,
    /// Show a model's versions and history, or one version
    Show {
        /// NAME, NAME@ALIAS or NAME@VERSION
        #[arg(value_name = "NAME")]
        model: String,
    },
    /// Point an alias at a version
    Alias {
        /// The model's name
        name: String,
        /// The alias
        alias: String,
        /// The version
        #[arg(value_name = "VERSION")]
        to: u64,
    },
    /// Write the files of a version into a folder of their own
    Pull {
        /// NAME@ALIAS or NAME@VERSION
        #[arg(value_name = "NAME@ALIAS")]
        model: String,
        /// The folder, which is new or empty: files of two versions are no version
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Say in what two versions differ
    Diff {
        /// NAME@ALIAS or NAME@VERSION
        a: String,
        /// The other one
        b: String,
    },
}

#[derive(Serialize)]
struct Registered<'a> {
    name: &'a str,
    version: u64,
}

#[derive(Serialize)]
struct Model {
    name: String,
    aliases: BTreeMap<String, u64>,
    versions: usize,
}

#[derive(Serialize)]
struct Shown {
    name: String,
    aliases: BTreeMap<String, u64>,
    versions: Vec<ModelVersion>,
    /// Every move of `champion`, the latest first.
    history: Vec<Promotion>,
}

#[derive(Serialize)]
struct ShownVersion {
    name: String,
    aliases: Vec<String>,
    #[serde(flatten)]
    version: ModelVersion,
    policy: Value,
}

#[derive(Serialize)]
struct Difference {
    field: String,
    a: Value,
    b: Value,
}

#[derive(Serialize)]
struct ComparedVersions {
    a: String,
    b: String,
    differences: Vec<Difference>,
}

pub(super) fn run(args: &Args) -> Result<u8> {
    let registry = &*args.registry.open()?;
    match &args.command {
        Command::Register { name, policy, files } => {
            let policy = args.registry.policy(policy)?;
            let mut packed = pack(&policy);
            for path in files {
                let own =
                    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                if packed.insert(own, read::text(path)?.into_bytes()).is_some() {
                    let allowed = "files of different names, and none that is called as the policy's own are";
                    return Err(Fault::new("--file", path.display(), allowed).at("command line"));
                }
            }
            let version = registry.register(name, &|_| Ok::<Artifacts, Error>(packed.clone()))?;
            output::json(&Registered { name, version })?;
        }
        Command::List => {
            let mut models = Vec::new();
            for name in registry.names()? {
                let (aliases, versions) = (registry.aliases(&name)?, registry.versions(&name)?.len());
                models.push(Model { name, aliases, versions });
            }
            output::pretty_json(&models)?;
        }
        Command::Show { model } if !model.contains('@') => {
            let versions = registry.versions(model)?;
            if versions.is_empty() {
                let wanted = VersionChoice::Version(1);
                resolve(registry, &ModelAddress { name: model.clone(), wanted })?;
            }
            let aliases = registry.aliases(model)?;
            let champion = aliases.get(crate::model::registry::CHAMPION).copied();
            let history = history(&versions, crate::model::registry::CHAMPION, champion);
            output::pretty_json(&Shown { name: model.clone(), aliases, versions, history })?;
        }
        Command::Show { model } => output::pretty_json(&shown(registry, &address(model)?)?)?,
        Command::Alias { name, alias, to } => {
            let before = registry.aliases(name)?.get(alias).copied();
            output::json(&move_alias(registry, (name, alias), before, *to, (now_ms(), None))?)?;
        }
        Command::Pull { model, out } => {
            let address = address(model)?;
            let shown = shown(registry, &address)?;
            if out.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
                let problem = "is not empty; name a new folder, so that versions do not mix";
                return Err(Error::because(UsageError::Target { path: out.clone(), problem }));
            }
            let names = shown.version.files.iter().map(String::as_str);
            let mut folder = Folder::open(out, names.clone())?;
            for (i, file) in names.enumerate() {
                let content = registry.read(&address.name, shown.version.version, file)?;
                folder.write(i, |out| out.write_all(&content))?;
            }
            folder.finish()?;
            output::json(&Registered { name: &address.name, version: shown.version.version })?;
        }
        Command::Diff { a, b } => {
            let [left, right] = [flat(registry, &address(a)?)?, flat(registry, &address(b)?)?];
            let fields: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            let of =
                |side: &BTreeMap<String, Value>, field: &String| side.get(field).cloned().unwrap_or_default();
            let differences = fields.into_iter().filter(|field| left.get(*field) != right.get(*field));
            let differences = differences.map(|field| Difference {
                field: field.clone(),
                a: of(&left, field),
                b: of(&right, field),
            });
            output::pretty_json(&ComparedVersions {
                a: a.clone(),
                b: b.clone(),
                differences: differences.collect(),
            })?;
        }
    }
    Ok(exit::DONE)
}

fn address(text: &str) -> Result<ModelAddress> {
    ModelAddress::parse("the model", text).map_err(|fault| fault.at("command line"))
}

pub(super) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}

fn shown(registry: &dyn ModelRegistry, address: &ModelAddress) -> Result<ShownVersion> {
    let number = resolve(registry, address)?;
    let found = registry.versions(&address.name)?.into_iter().find(|version| version.version == number);
    let version = found.expect("it was just found");
    let aliases = registry.aliases(&address.name)?.into_iter();
    let aliases = aliases.filter(|(_, version)| *version == number).map(|(alias, _)| alias).collect();
    let policy = unpack(registry, &address.name, number)?.to_raw();
    let policy = serde_json::to_value(policy).expect("a policy is plain data");
    Ok(ShownVersion { name: address.name.clone(), aliases, version, policy })
}

/// What there is to say of a version, as a list of fields: its policy's, and how its prior was learned.
fn flat(registry: &dyn ModelRegistry, address: &ModelAddress) -> Result<BTreeMap<String, Value>> {
    let policy = unpack(registry, &address.name, resolve(registry, address)?)?;
    let mut fields = BTreeMap::new();
    let raw = serde_json::to_value(policy.to_raw()).expect("a policy is plain data");
    let training = policy.prior().and_then(|prior| prior.training());
    let training = serde_json::to_value(training).expect("plain values always serialize");
    for (outer, value) in [("policy", raw), ("training", training)] {
        for (field, value) in value.as_object().into_iter().flatten().filter(|(f, _)| *f != "user_hashes") {
            fields.insert(format!("{outer}.{field}"), value.clone());
        }
    }
    Ok(fields)
}
