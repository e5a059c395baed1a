//! Where a verdict goes besides stdout: a folder with every format, a summary, a model card, and what GitHub
//! Actions shows. All of it is opened, and refused, before the long run.

use super::destination::{HtmlFile, Taken};
use super::folder::{Folder, Pending};
use super::output;
use crate::base::error::{Error, Fault, Result};
use crate::gate::promotion::{Inputs, Judgement};
use crate::report::card::CardFile;
use crate::report::{Html, Markdown, SUMMARY_LIMIT, VerdictFormat, annotations, verdict_formats};
use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

#[derive(Debug, clap::Args)]
pub(super) struct Destinations {
    /// Write the verdict in every format into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write the verdict as Markdown; under GitHub Actions it is added to the step's summary anyway
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
    /// Write the challenger's model card, adding this verdict to the history of the one that is there
    #[arg(long, value_name = "FILE")]
    card: Option<PathBuf>,
    #[command(flatten)]
    pub(super) html: HtmlFile,
}

/// Everything that will be written.
pub(super) struct Reports<'a> {
    inputs: &'a Inputs,
    formats: Vec<Box<dyn VerdictFormat>>,
    folder: Option<Folder>,
    summary: Option<Pending>,
    html: Option<Pending>,
    /// Where, and when.
    card: Option<(Pending, String)>,
    github: Option<GitHub>,
}

/// A step of GitHub Actions.
struct GitHub {
    /// Where it wants its summary added.
    summary: Option<(PathBuf, File)>,
}

impl Destinations {
    /// Whether any file is asked for.
    pub(super) fn any(&self) -> bool {
        self.out.is_some() || self.summary.is_some() || self.card.is_some() || self.html.path().is_some()
    }

    /// Makes sure that everything can be written, and that nothing of it takes the place of what is `read`: a file, or
    /// one in a folder.
    pub(super) fn open<'a>(
        &self,
        inputs: &'a Inputs,
        read: impl Iterator<Item = PathBuf>,
    ) -> Result<Reports<'a>> {
        let formats = verdict_formats();
        let names = || formats.iter().map(|f| f.file_name());
        let in_folder = self.out.iter().flat_map(|dir| names().map(move |name| dir.join(name)));
        let mut taken = Taken::by(read);
        let named = [&self.summary, &self.card].into_iter().flatten().cloned();
        for path in in_folder.chain(named).chain(self.html.path().map(Path::to_owned)) {
            taken.claim(&path)?;
        }
        let folder = self.out.as_deref().map(|dir| Folder::open(dir, names())).transpose()?;
        let github = GitHub::detect()?;
        // The step's own summary is added to, never replaced.
        let own = |path: &&PathBuf| !github.as_ref().is_some_and(|g| g.has_summary_at(path));
        let summary = self.summary.as_ref().filter(own).map(|path| Pending::open(path)).transpose()?;
        let card = |path: &PathBuf| {
            let pending = Pending::open(path)?;
            CardFile::load(path, inputs)?;
            Ok::<_, Error>((pending, now()?))
        };
        let card = self.card.as_ref().map(card);
        let html = self.html.path().map(Pending::open).transpose()?;
        Ok(Reports { inputs, folder, summary, html, card: card.transpose()?, github, formats })
    }
}

impl Reports<'_> {
    /// Writes all of it, as much as can be written.
    ///
    /// # Errors
    /// The first that cannot be.
    pub(super) fn write(self, judgement: &Judgement) -> Result<()> {
        let Self { inputs, formats, folder, summary, html, card, github } = self;
        let folder = folder.map_or(Ok(()), |mut folder| {
            for (i, format) in formats.iter().enumerate() {
                folder.write(i, |out| format.write(judgement, out))?;
            }
            folder.finish()
        });
        let summary = summary.map_or(Ok(()), |summary| summary.write(|out| Markdown.write(judgement, out)));
        let html = html.map_or(Ok(()), |html| html.write(|out| Html.write(judgement, out)));
        let card = card.map_or(Ok(()), |(file, date)| {
            // Read again: another gate may have added its verdict since.
            file.update(|path, out| {
                let card = CardFile::load(path, inputs)?;
                card.write(inputs, judgement, &date, out).map_err(Error::io("write", path))
            })
        });
        let shown = github.map_or(Ok(()), |github| github.show(judgement));
        folder.and(summary).and(html).and(card).and(shown)
    }
}

impl GitHub {
    /// The step that this process runs in, if it does.
    fn detect() -> Result<Option<Self>> {
        if env::var_os("GITHUB_ACTIONS").is_none_or(|value| value != "true") {
            return Ok(None);
        }
        let path = env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()).map(PathBuf::from);
        let open = |path: PathBuf| {
            let file = OpenOptions::new().append(true).create(true).open(&path);
            Ok::<_, Error>((path.clone(), file.map_err(Error::io("write", &path))?))
        };
        Ok(Some(Self { summary: path.map(open).transpose()? }))
    }

    fn has_summary_at(&self, path: &Path) -> bool {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        self.summary.as_ref().is_some_and(|(own, _)| real(own) == real(path))
    }

    fn show(self, judgement: &Judgement) -> Result<()> {
        if let Some((path, mut file)) = self.summary {
            let mut text = Vec::new();
            Markdown.write(judgement, &mut text).expect("memory takes everything");
            let there = file.metadata().map_err(Error::io("read", &path))?.len() as usize;
            if there + text.len() < SUMMARY_LIMIT {
                file.write_all(&text).map_err(Error::io("write", &path))?;
            } else {
                output::warn(&"the step's summary is full, the verdict is not added to it");
            }
        }
        // Without a stderr there is nobody to tell.
        let _ = annotations::write(&judgement.verdict, &mut io::stderr().lock());
        Ok(())
    }
}

/// The date of a card's entry: now, or the one that `SOURCE_DATE_EPOCH` asks for, so that a card can be made
/// again byte for byte.
pub(super) fn now() -> Result<String> {
    const NAME: &str = "SOURCE_DATE_EPOCH";
    let time = match env::var_os(NAME).filter(|value| !value.is_empty()) {
        None => SystemTime::now(),
        Some(value) => {
            let seconds = value.to_str().and_then(|s| s.parse().ok()).filter(|s| *s < YEAR_10000);
            let refused = || {
                let shown = format!("{:?}", value.to_string_lossy());
                Fault::new(NAME, shown, "seconds since 1970 until the year 9999").at("environment")
            };
            SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.ok_or_else(refused)?)
        }
    };
    date_of(time)
}

/// A time as the date of an entry.
fn date_of(time: SystemTime) -> Result<String> {
    let after_1970 = time.duration_since(SystemTime::UNIX_EPOCH).ok();
    let years_of_four_digits = after_1970.filter(|since| since.as_secs() < YEAR_10000);
    years_of_four_digits.map(|_| humantime::format_rfc3339_seconds(time).to_string()).ok_or_else(|| {
        let allowed = "a time from 1970 until the year 9999; set it, or SOURCE_DATE_EPOCH";
        Fault::new("the clock", "somewhere else", allowed).at("system")
    })
}

/// Seconds from 1970 to the first year that has not four digits.
const YEAR_10000: u64 = 253_402_300_800;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_wrong_is_said_and_no_panic() {
        let date = |time: Option<SystemTime>| date_of(time.unwrap()).map_err(|error| error.to_string());
        let epoch = SystemTime::UNIX_EPOCH;
        assert_eq!(date(Some(epoch)).unwrap(), "1970-01-01T00:00:00Z");
        for wrong in
            [epoch.checked_sub(Duration::from_secs(1)), epoch.checked_add(Duration::from_secs(YEAR_10000))]
        {
            assert!(date(wrong).unwrap_err().starts_with("system: the clock is somewhere else; allowed: "));
        }
    }
}
