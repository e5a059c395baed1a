//! A registry on an MLflow tracking server, by its REST interface.
//!
//! A version is a run of the experiment `rehearsal`, with its files as the run's artifacts, which go through the server's
//! proxy (`mlflow server --serve-artifacts`, its default), and a version of the registered model made from it. The card is
//! the version's description too.
//!
//! MLflow has no transactions. Who wants to move an alias writes a claim on the version that has it, waits, and goes on only
//! if the claim is still its own and the alias still there: of two that come at once the later claim wins and the other one
//! is told. What is left is a writer that stands still for longer than the wait just before its last call. Setting the alias
//! is that last call, so the alias always names a version that has its files.

use super::contract::{Artifacts, CARD_FILE, ModelRegistry, ModelVersion, Promotion};
use super::http::{HttpReply, Server, encoded};
use super::pack::POLICY_FILE;
use super::promote::moved;
use super::refusal::RegistryRefusal;
use crate::base::error::{Error, Result};
use crate::base::read;
use crate::domain::labels::label;
use crate::policy::unpredictable;
use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

/// Begins its addresses.
pub(super) const SCHEME: &str = "mlflow+http://";
/// The experiment whose runs hold the files of versions.
const EXPERIMENT: &str = "rehearsal";
/// Tags of a version: its files, and who claims its alias.
const FILES: &str = "rehearsal.files";
const CLAIM: &str = "rehearsal.claim";
/// How long a claim must stand.
const WAIT: Duration = Duration::from_millis(300);
/// Longest description, in characters: a limit of its stores.
const MAX_DESCRIPTION: usize = 4_500;
/// Where the REST interface is.
const API: &str = "/api/2.0/mlflow";
/// Where artifacts are.
const ARTIFACTS: &str = "/api/2.0/mlflow-artifacts/artifacts";

/// A registry on a server.
pub struct MlFlow {
    server: Server,
}

/// What the server says of versions.
#[derive(Deserialize)]
struct Versions {
    #[serde(default)]
    model_versions: Vec<RawVersion>,
    #[serde(default)]
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct RawVersion {
    version: String,
    #[serde(default)]
    creation_timestamp: u64,
    #[serde(default)]
    source: String,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
struct Models {
    #[serde(default)]
    registered_models: Vec<RawModel>,
    #[serde(default)]
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct RawModel {
    name: String,
    #[serde(default)]
    aliases: Vec<RawAlias>,
}

#[derive(Deserialize)]
struct RawAlias {
    alias: String,
    version: String,
}

impl MlFlow {
    /// The registry at `mlflow+http://HOST:PORT`. Nothing is sent yet.
    ///
    /// # Errors
    /// An address that is none.
    pub fn new(address: &str) -> Result<Self> {
        let server = Server::new(address.strip_prefix("mlflow+").unwrap_or(address))?;
        Ok(Self { server })
    }

    fn refused(&self, what: String, passes: bool) -> Error {
        Error::because(RegistryRefusal::Server { place: self.place(), what, passes })
    }

    /// What an answer that is no success says; the server's own code of it stands in front.
    fn complaint(&self, path: &str, answer: &HttpReply) -> Error {
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let code = said["error_code"].as_str().unwrap_or("no reason");
        self.refused(format!("{path} answers {}: {code}", answer.status), answer.status >= 500)
    }

    /// Asks the REST interface; `None` where there is nothing of that name, which some calls say with 400.
    fn ask(&self, method: Method, path: &str, body: &Value) -> Result<Option<Value>> {
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let answer = self.server.send(method, &format!("{API}/{path}"), "application/json", bytes)?;
        if (200..300).contains(&answer.status) {
            let origin = format!("{}: {path}", self.place());
            return read::json_value(&answer.body, &origin).map(Some);
        }
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match said["error_code"].as_str() {
            Some("RESOURCE_DOES_NOT_EXIST") => Ok(None),
            _ => Err(self.complaint(path.split('?').next().unwrap_or(path), &answer)),
        }
    }

    fn must(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        let name = path.split('?').next().unwrap_or(path).to_owned();
        self.ask(method, path, body)?.ok_or_else(|| self.refused(format!("{name}: it is not there"), false))
    }

    fn model(&self, name: &str) -> Result<Option<RawModel>> {
        label("name", name).map_err(|fault| fault.at("the registry"))?;
        let path = format!("registered-models/get?name={}", encoded(name));
        let Some(found) = self.ask(Method::GET, &path, &Value::Null)? else { return Ok(None) };
        let model = RawModel::deserialize(&found["registered_model"]);
        model.map(Some).map_err(|error| self.refused(format!("registered-models/get: {error}"), false))
    }

    fn raw_versions(&self, name: &str) -> Result<Vec<RawVersion>> {
        label("name", name).map_err(|fault| fault.at("the registry"))?;
        let (mut all, mut token) = (Vec::new(), String::new());
        loop {
            let filter = encoded(&format!("name='{name}'"));
            let page =
                if token.is_empty() { String::new() } else { format!("&page_token={}", encoded(&token)) };
            let path = format!("model-versions/search?filter={filter}&max_results=200{page}");
            let Some(found) = self.ask(Method::GET, &path, &Value::Null)? else { return Ok(all) };
            let Versions { model_versions, next_page_token } = Versions::deserialize(&found)
                .map_err(|error| self.refused(format!("model-versions/search: {error}"), false))?;
            all.extend(model_versions);
            match next_page_token.filter(|token| !token.is_empty()) {
                Some(next) => token = next,
                None => return Ok(all),
            }
        }
    }

    /// Where the artifacts of a version are, behind the proxy.
    fn artifacts(&self, name: &str, version: u64) -> Result<String> {
        let path = format!("model-versions/get?name={}&version={version}", encoded(name));
        let found = self.must(Method::GET, &path, &Value::Null)?;
        self.proxied(found["model_version"]["source"].as_str().unwrap_or_default())
    }

    fn proxied(&self, source: &str) -> Result<String> {
        let path = source.strip_prefix("mlflow-artifacts:").map(|path| path.trim_start_matches('/'));
        path.map(|path| format!("{ARTIFACTS}/{}", encoded(path))).ok_or_else(|| {
            self.refused(
                "its artifacts do not go through the server: start it with --serve-artifacts".to_owned(),
                false,
            )
        })
    }

    fn put(&self, at: &str, files: &Artifacts) -> Result<()> {
        for (file, content) in files {
            label("file", file).map_err(|fault| fault.at("the registry"))?;
            let path = format!("{at}/{file}");
            let answer = self.server.send(Method::PUT, &path, "application/octet-stream", content.clone())?;
            if !(200..300).contains(&answer.status) {
                return Err(self.complaint("its artifacts", &answer));
            }
        }
        Ok(())
    }

    fn tag(&self, name: &str, version: u64, key: &str, value: &str) -> Result<()> {
        let body = json!({"name": name, "version": version.to_string(), "key": key, "value": value});
        self.must(Method::POST, "model-versions/set-tag", &body).map(drop)
    }

    /// Says of a version which files it has, and describes it by its card.
    fn describe(&self, name: &str, version: u64, files: &Artifacts, before: &[String]) -> Result<()> {
        let mut all: Vec<&str> =
            before.iter().map(String::as_str).chain(files.keys().map(String::as_str)).collect();
        all.sort_unstable();
        all.dedup();
        if let Some(card) = files.get(CARD_FILE) {
            let card: String = String::from_utf8_lossy(card).chars().take(MAX_DESCRIPTION).collect();
            let body = json!({"name": name, "version": version.to_string(), "description": card});
            self.must(Method::PATCH, "model-versions/update", &body)?;
        }
        // Last, so that files that are listed are there.
        self.tag(name, version, FILES, &all.join(" "))
    }

    fn experiment(&self) -> Result<String> {
        let path = format!("experiments/get-by-name?experiment_name={EXPERIMENT}");
        if let Some(found) = self.ask(Method::GET, &path, &Value::Null)? {
            return Ok(found["experiment"]["experiment_id"].as_str().unwrap_or_default().to_owned());
        }
        let made = self.must(Method::POST, "experiments/create", &json!({"name": EXPERIMENT}))?;
        Ok(made["experiment_id"].as_str().unwrap_or_default().to_owned())
    }

    fn tags_of(&self, name: &str, version: u64) -> Result<BTreeMap<String, String>> {
        let all = self.versions(name)?;
        Ok(all.into_iter().find(|v| v.version == version).map(|v| v.tags).unwrap_or_default())
    }
}

fn files_of(tags: &BTreeMap<String, String>) -> Vec<String> {
    tags.get(FILES).map(|files| files.split_whitespace().map(str::to_owned).collect()).unwrap_or_default()
}

impl ModelRegistry for MlFlow {
    fn place(&self) -> String {
        format!("mlflow+{}", self.server.address())
    }

    fn names(&self) -> Result<Vec<String>> {
        let (mut names, mut token) = (Vec::new(), String::new());
        loop {
            let page =
                if token.is_empty() { String::new() } else { format!("&page_token={}", encoded(&token)) };
            let path = format!("registered-models/search?max_results=100{page}");
            let found = self.must(Method::GET, &path, &Value::Null)?;
            let Models { registered_models, next_page_token } = Models::deserialize(&found)
                .map_err(|error| self.refused(format!("registered-models/search: {error}"), false))?;
            names.extend(registered_models.into_iter().map(|model| model.name));
            match next_page_token.filter(|token| !token.is_empty()) {
                Some(next) => token = next,
                None => break,
            }
        }
        names.sort();
        Ok(names)
    }

    fn versions(&self, name: &str) -> Result<Vec<ModelVersion>> {
        let mut versions = Vec::new();
        for raw in self.raw_versions(name)? {
            let tags: BTreeMap<String, String> =
                raw.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
            let files = files_of(&tags);
            // A version whose files were never all there is of somebody who was killed, or of another program.
            let (Ok(version), true) = (raw.version.parse(), files.iter().any(|file| file == POLICY_FILE))
            else {
                continue;
            };
            let _ = raw.source;
            versions.push(ModelVersion { version, at: raw.creation_timestamp, tags, files });
        }
        versions.sort_by_key(|version| version.version);
        Ok(versions)
    }

    fn aliases(&self, name: &str) -> Result<BTreeMap<String, u64>> {
        let Some(model) = self.model(name)? else { return Ok(BTreeMap::new()) };
        let parsed = |own: RawAlias| Some((own.alias, own.version.parse().ok()?));
        Ok(model.aliases.into_iter().filter_map(parsed).collect())
    }

    fn read(&self, name: &str, version: u64, file: &str) -> Result<Vec<u8>> {
        label("file", file).map_err(|fault| fault.at("the registry"))?;
        let path = format!("{}/{file}", self.artifacts(name, version)?);
        let answer = self.server.send(Method::GET, &path, "application/octet-stream", Vec::new())?;
        match answer.status {
            200 => Ok(answer.body),
            404 => {
                let (place, name, file) = (self.place(), name.to_owned(), file.to_owned());
                Err(Error::because(RegistryRefusal::NoFile { place, name, version, file }))
            }
            _ => Err(self.complaint("its artifacts", &answer)),
        }
    }

    fn register(&self, name: &str, files: &dyn Fn(u64) -> Result<Artifacts>) -> Result<u64> {
        let experiment = self.experiment()?;
        if self.model(name)?.is_none() {
            self.must(Method::POST, "registered-models/create", &json!({"name": name}))?;
        }
        let run = json!({"experiment_id": experiment, "run_name": name});
        let run = self.must(Method::POST, "runs/create", &run)?;
        let info = &run["run"]["info"];
        let (id, source) = (info["run_id"].as_str().unwrap_or_default(), info["artifact_uri"].as_str());
        let source = source.unwrap_or_default();
        let at = self.proxied(source)?;
        let version = json!({"name": name, "source": source, "run_id": id});
        let made = self.must(Method::POST, "model-versions/create", &version)?;
        let number = made["model_version"]["version"].as_str().and_then(|number| number.parse().ok());
        let number =
            number.ok_or_else(|| self.refused("model-versions/create names no version".to_owned(), false))?;
        let files = files(number)?;
        self.put(&at, &files)?;
        self.describe(name, number, &files, &[])?;
        self.must(Method::POST, "runs/update", &json!({"run_id": id, "status": "FINISHED"}))?;
        Ok(number)
    }

    fn attach(&self, name: &str, version: u64, files: &Artifacts) -> Result<()> {
        self.put(&self.artifacts(name, version)?, files)?;
        self.describe(name, version, files, &files_of(&self.tags_of(name, version)?))
    }

    fn move_alias(&self, name: &str, alias: &str, promotion: &Promotion) -> Result<()> {
        let still_there = || {
            let found = self.aliases(name)?.get(alias).copied();
            if found == promotion.from { Ok(()) } else { Err(moved(name, alias, found, promotion.from)) }
        };
        still_there()?;
        // Where nothing has the alias yet the claim stands on the first version.
        let all = self.versions(name)?;
        let claimed =
            promotion.from.or_else(|| all.first().map(|first| first.version)).unwrap_or(promotion.version);
        let claim = u64::from_le_bytes(unpredictable()?).to_string();
        let key = format!("{CLAIM}.{alias}");
        self.tag(name, claimed, &key, &claim)?;
        thread::sleep(WAIT);
        if self.tags_of(name, claimed)?.get(&key) != Some(&claim) {
            return Err(moved(name, alias, self.aliases(name)?.get(alias).copied(), promotion.from));
        }
        still_there()?;
        let text = serde_json::to_string(promotion).expect("plain values always serialize");
        self.tag(name, promotion.version, &Promotion::key(alias, promotion.number), &text)?;
        still_there()?;
        let body = json!({"name": name, "alias": alias, "version": promotion.version.to_string()});
        self.must(Method::POST, "registered-models/alias", &body).map(drop)
    }
}
