//! `promote-check --promote NAME`: a verdict moves the alias `champion`.

use super::registry::now_ms;
use super::{output, reports};
use crate::base::digest::of_value;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::read;
use crate::gate::promotion::{Inputs, Judgement};
use crate::model::registry::{
    Artifacts, CARD_FILE, CHAMPION, ModelRegistry, RegistryRefusal, move_alias, pack, unpack,
};
use crate::report::card::CardFile;
use crate::report::{Html, Json, VerdictFormat};

/// A name in a registry whose champion the challenger may become.
pub(super) struct Promoting {
    registry: Box<dyn ModelRegistry>,
    name: String,
    /// The version that was in charge before the gate ran, which is the baseline.
    before: Option<u64>,
}

/// The text of a version's card, if it has one.
pub(super) fn registered_card(
    registry: &dyn ModelRegistry,
    name: &str,
    version: u64,
) -> Result<Option<String>> {
    match registry.read(name, version, CARD_FILE) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        card => read::utf8(card?, format_args!("{CARD_FILE} of {name}@{version}")).map(Some),
    }
}

impl Promoting {
    /// Makes sure, before the long run, that the baseline is what is in charge.
    pub(super) fn new(registry: Box<dyn ModelRegistry>, name: &str, inputs: &Inputs) -> Result<Self> {
        let before = registry.aliases(name)?.get(CHAMPION).copied();
        if let Some(version) = before {
            let champion = unpack(&*registry, name, version)?;
            if champion.digest() != inputs.baseline.digest() {
                return Err(Error::because(RegistryRefusal::OtherBaseline {
                    alias: CHAMPION.to_owned(),
                    name: name.to_owned(),
                    champion: format!("version {version}, {}", champion.name()),
                    baseline: inputs.baseline.name().to_owned(),
                }));
            }
        }
        Ok(Self { registry, name: name.to_owned(), before })
    }

    /// Registers the challenger with its card, verdict and report, and puts it in charge if the baseline still is.
    pub(super) fn promote(self, inputs: &Inputs, judgement: &Judgement) -> Result<()> {
        let Self { registry, name, before } = self;
        let date = reports::now()?;
        let own = inputs.challenger.version().and_then(|version| version.split_once('@'));
        let own = own.filter(|(own, _)| *own == name).and_then(|(_, version)| version.parse().ok());
        // What is judged again keeps what its card tells of earlier verdicts and of rollouts.
        let before_card = match own {
            Some(version) => registered_card(&*registry, &name, version)?,
            None => None,
        };
        let files = |version: u64| {
            let label = format!("{name}@{version}");
            let inputs =
                Inputs { challenger: inputs.challenger.clone().of_version(&label), ..inputs.clone() };
            let written = |write: &dyn Fn(&mut Vec<u8>) -> std::io::Result<()>| {
                let mut out = Vec::new();
                write(&mut out).map(|()| out).map_err(Error::io("write", "the model's files"))
            };
            let mut files: Artifacts = pack(&inputs.challenger);
            let kept = before_card
                .clone()
                .map(|card| CardFile::parse(card, format!("the card of {label}"), &inputs));
            let kept = kept.transpose()?.unwrap_or_default();
            let card = written(&|out| kept.clone().write(&inputs, judgement, &date, out))?;
            files.insert(CARD_FILE.to_owned(), card);
            for format in [&Json as &dyn VerdictFormat, &Html] {
                files.insert(format.file_name().to_owned(), written(&|out| format.write(judgement, out))?);
            }
            Ok(files)
        };
        let version = match own {
            Some(version) => {
                registry.attach(&name, version, &files(version)?)?;
                version
            }
            None => registry.register(&name, &files)?,
        };
        let verdict = Some(of_value(&judgement.verdict));
        move_alias(&*registry, (&name, CHAMPION), before, version, (now_ms(), verdict))?;
        let before =
            before.map_or_else(|| "nothing was before".to_owned(), |b| format!("version {b} was before"));
        output::note(&format!("{CHAMPION} of {name} is version {version} now; {before}"));
        Ok(())
    }
}
