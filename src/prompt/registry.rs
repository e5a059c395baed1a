//! The versions of the prompt that there are, and which of them a call gets.

use super::refusal::PromptError;
use super::version::Prompt;
use crate::base::error::{Error, Fault, Result};
use crate::base::{read, shipped};
use crate::experiment::{Experiments, Variant, equal_share};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The version that a call gets if nobody says another.
pub const DEFAULT_VERSION: &str = "v1";
/// Seed of the hash that shares users out to the versions of a rotation.
const ROTATION_SEED: &str = "prompt_version";
/// Most versions of a folder and of a rotation.
const MAX_VERSIONS: usize = 1_000;
/// How the names of prompts' files end.
const END: &str = "md";

/// Versions of the prompt by name.
#[derive(Debug, Clone)]
pub struct Prompts {
    all: Vec<Arc<Prompt>>,
    default: String,
}

impl Prompts {
    /// The shipped versions.
    ///
    /// # Errors
    /// None for the files that are shipped: a test reads them all.
    pub fn shipped() -> Result<Self> {
        let read = |(stem, text): &(&str, &str)| named(text, stem, &format!("prompts/{stem}.{END}"));
        let all = shipped::PROMPTS.iter().map(read).collect::<Result<_>>()?;
        Ok(Self { all, default: DEFAULT_VERSION.to_owned() })
    }

    /// The versions of a folder: every `*.md` in it is one, by its name.
    ///
    /// # Errors
    /// A folder that cannot be read or has no prompt, and files that are no prompts or are called otherwise than they say.
    pub fn load(folder: &Path) -> Result<Self> {
        let all = Self::files(folder)?.iter().map(|path| Self::file(path)).collect::<Result<_>>()?;
        Ok(Self { all, default: DEFAULT_VERSION.to_owned() })
    }

    /// The files of a folder that are to be prompts, sorted.
    ///
    /// # Errors
    /// A folder that cannot be read, has no prompt, or too many.
    pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(folder).map_err(Error::io("read", folder))?;
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(Error::io("read", folder))?.path();
            let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            if path.extension() == Some(OsStr::new(END)) && !is_hidden {
                paths.push(path);
            }
        }
        paths.sort();
        if paths.is_empty() {
            return Err(Error::because(PromptError::NoPrompts { folder: folder.display().to_string() }));
        }
        if paths.len() > MAX_VERSIONS {
            let (value, allowed) = (format!("{} prompts", paths.len()), format!("at most {MAX_VERSIONS}"));
            return Err(Fault::new("the folder", value, allowed).at(folder.display()));
        }
        Ok(paths)
    }

    /// The prompt in a file, which is called as it says.
    ///
    /// # Errors
    /// A file that cannot be read, is no prompt, or is called otherwise.
    pub fn file(path: &Path) -> Result<Arc<Prompt>> {
        let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
        named(&read::text(path)?, stem, &path.display().to_string())
    }

    /// The same with another version, or rotation, for calls that ask for none.
    ///
    /// # Errors
    /// A version that there is not.
    pub fn with_default(self, versions: &str) -> Result<Self> {
        self.rotation(versions, "DEFAULT_PROMPT_VERSION")?;
        Ok(Self { default: versions.to_owned(), ..self })
    }

    /// Every version, in the order of their names.
    pub fn all(&self) -> &[Arc<Prompt>] {
        &self.all
    }

    /// The version of that name.
    ///
    /// # Errors
    /// [`Error::Unknown`], with the names that there are.
    pub fn find(&self, version: &str) -> Result<&Arc<Prompt>> {
        let names = || self.all.iter().map(|prompt| prompt.version());
        let found = self.all.iter().find(|prompt| prompt.version() == version);
        found.ok_or_else(|| Error::unknown("prompt version", version, names()))
    }

    /// Refuses experiments that give somebody a version that there is not.
    ///
    /// # Errors
    /// [`Error::Unknown`], with the names that there are, said to come from the variant.
    ///
    /// ```
    /// use rehearsal::experiment::{Experiment, Experiments};
    ///
    /// let variants = "[[variants]]\nname = \"a\"\n[[variants]]\nname = \"b\"\nprompt_version = \"v9\"";
    /// let experiment = Experiment::from_toml(&format!("key = \"tone\"\n{variants}"), "tone.toml")?;
    /// let prompts = rehearsal::prompt::Prompts::shipped()?;
    /// let error = prompts.check_experiments(&Experiments::new(vec![experiment])?).unwrap_err().to_string();
    /// assert!(error.starts_with("experiment tone, variants[1].prompt_version: unknown prompt version \"v9\""));
    /// # Ok::<(), rehearsal::base::error::Error>(())
    /// ```
    pub fn check_experiments(&self, experiments: &Experiments) -> Result<()> {
        for experiment in experiments.iter() {
            for (i, version) in experiment.variants().iter().map(Variant::prompt_version).enumerate() {
                let by = || format!("experiment {}, variants[{i}].prompt_version", experiment.key());
                version
                    .map_or(Ok(()), |version| self.find(version).map(drop))
                    .map_err(Error::named_by(by()))?;
            }
        }
        Ok(())
    }

    /// The version that a user gets: that of `asked`, or of the default if nobody asks; of a rotation the one whose share
    /// the user is in, which is the same one whenever it is asked.
    ///
    /// # Errors
    /// A version that there is not, and a rotation that has one twice; `origin` is what errors call the call.
    ///
    /// ```
    /// let prompts = rehearsal::prompt::Prompts::shipped()?;
    /// assert_eq!(prompts.select(None, "ann", "request")?.version(), "v1");
    /// assert_eq!(prompts.select(Some("v2"), "ann", "request")?.version(), "v2");
    /// let one = prompts.select(Some("v1, v2, v3"), "ann", "request")?;
    /// assert_eq!(one, prompts.select(Some("v1,v2,v3"), "ann", "request")?);
    /// assert!(prompts.select(Some("v1,v9"), "ann", "request").is_err());
    /// # Ok::<(), rehearsal::base::error::Error>(())
    /// ```
    pub fn select(&self, asked: Option<&str>, user: &str, origin: &str) -> Result<&Arc<Prompt>> {
        let rotation = self.rotation(asked.unwrap_or(&self.default), origin)?;
        Ok(rotation[equal_share(ROTATION_SEED, user, rotation.len())])
    }

    /// The versions of a rotation, in the order in which it names them.
    fn rotation(&self, versions: &str, origin: &str) -> Result<Vec<&Arc<Prompt>>> {
        let mut rotation: Vec<&Arc<Prompt>> = Vec::new();
        for version in versions.split(',').map(str::trim) {
            let prompt = self.find(version)?;
            if rotation.iter().any(|other| other.version() == version) {
                let value = format!("{version:?} twice");
                return Err(Fault::new("prompt_version", value, "each version of a rotation once").at(origin));
            }
            rotation.push(prompt);
        }
        Ok(rotation)
    }
}

/// A prompt whose file is called as it says.
fn named(text: &str, stem: &str, origin: &str) -> Result<Arc<Prompt>> {
    let prompt = Prompt::from_text(text, origin)?;
    if prompt.version() != stem {
        let allowed = format!("the name of the file without .{END}, {stem:?}");
        return Err(Fault::new("version", format!("{:?}", prompt.version()), allowed).at(origin));
    }
    Ok(Arc::new(prompt))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shipped_is_sound_and_each_version_has_its_own_digest() {
        let prompts = Prompts::shipped().unwrap();
        assert!(prompts.all().len() >= 3);
        let mut digests: Vec<&str> = prompts.all().iter().map(|prompt| prompt.digest()).collect();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), prompts.all().len());
        assert!(prompts.find(DEFAULT_VERSION).is_ok());
    }

    #[test]
    fn a_digest_is_of_what_a_prompt_does() {
        let (_, text) = shipped::PROMPTS[0];
        let digest = |text: &str| Prompt::from_text(text, "p").unwrap().digest().to_owned();
        let own = digest(text);
        assert_eq!(digest(&text.replace("description = \"The", "# A comment.\ndescription = \"One")), own);
        assert_eq!(digest(&text.replace("version = \"v1\"", "version = \"other\"")), own);
        assert_eq!(digest(&text.replace('\n', "\r\n")), own);
        for (from, to) in [
            ("Write the tips.", "Write them."),
            ("You write tips", "You make tips"),
            ("temperature = 0.7", "temperature = 0.8"),
            ("longest = 160", "longest = 161"),
            ("en = \"Look out", "en = \"Look  out"),
            ("\"www.\"", "\"www2.\""),
            ("inputs = [\"moment\", \"tasks\"]", "inputs = [\"moment\", \"tasks\", \"recent\"]"),
        ] {
            assert!(text.contains(from), "{from}");
            assert_ne!(digest(&text.replace(from, to)), own, "{from}");
        }
    }

    #[test]
    fn a_rotation_sticks_and_its_shares_are_equal() {
        let prompts = Prompts::shipped().unwrap();
        let mut counts = std::collections::BTreeMap::new();
        for user in 0..6_000 {
            let user = user.to_string();
            let one = prompts.select(Some("v1,v2,v3"), &user, "r").unwrap();
            assert_eq!(one.version(), prompts.select(Some("v1,v2,v3"), &user, "r").unwrap().version());
            *counts.entry(one.version()).or_insert(0) += 1;
        }
        // A share of 2,000 has a standard deviation of 36.5: five of them are crossed once in two million runs.
        assert!(
            counts.len() == 3 && counts.values().all(|count| (1_817..=2_183).contains(count)),
            "{counts:?}"
        );
    }
}
