//! A card's file. The card that is there is read before a gate runs, its history is kept, and the new verdict added.
//!
//! A card stands between two marks; what people write before and after them stays.

use super::markdown;
use super::model_card::{Card, CardEntry, SCHEMA_VERSION};
use super::refusal::CardRefusal;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::read;
use crate::gate::promotion::{Inputs, Judgement};
use serde::Deserialize;
use std::io::{self, Write};
use std::path::Path;

/// The marks that a card stands between.
const BEGIN: &str = "<!-- rehearsal model card: all between these marks is written anew at each verdict -->";
const END: &str = "<!-- end of rehearsal model card -->";

/// A card's file as it is before a gate runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CardFile {
    before: String,
    after: String,
    history: Vec<CardEntry>,
    /// Whether its lines end with two characters.
    has_crlf: bool,
}

/// Whether a text has in it the mark that begins a card.
pub(super) fn has_card(text: &str) -> bool {
    text.contains(BEGIN)
}

impl CardFile {
    /// Reads the card at `path`, if there is one.
    ///
    /// # Errors
    /// A file that cannot be read, is no card, is damaged, or is of another challenger than that of `inputs`.
    pub fn load(path: &Path, inputs: &Inputs) -> Result<Self> {
        match read::text(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            text => Self::parse(text?, path.display().to_string(), inputs),
        }
    }

    /// The card in a text, which errors call `origin`.
    ///
    /// # Errors
    /// As for [`Self::load`].
    pub fn parse(text: String, origin: String, inputs: &Inputs) -> Result<Self> {
        // Some editors end lines with two characters; who has such a file keeps it so.
        let has_crlf = text.contains("\r\n");
        let text = if has_crlf { text.replace("\r\n", "\n") } else { text };
        let damaged = |what: &str| Error::Malformed {
            origin: origin.clone(),
            message: format!("{what}: no model card, or a damaged one; restore it or name another file"),
        };
        let (before, rest) =
            text.split_once(BEGIN).ok_or_else(|| damaged("the mark that begins a card is missing"))?;
        let (body, after) =
            rest.split_once(END).ok_or_else(|| damaged("the mark that ends a card is missing"))?;
        if after.contains(BEGIN) {
            return Err(damaged("two cards in one file"));
        }
        let json = body
            .split_once(markdown::JSON_FENCE)
            .and_then(|(_, rest)| rest.split_once(&format!("\n{}", markdown::FENCE)));
        let (json, _) = json.ok_or_else(|| damaged("its block of JSON is missing"))?;
        let version: Version = read::json(json.as_bytes(), &origin)?;
        if version.schema_version != SCHEMA_VERSION {
            let found = version.schema_version;
            return Err(Error::because(CardRefusal::OtherVersion { card: origin, found }));
        }
        let card: Card = read::json(json.as_bytes(), &origin)?;
        let (name, digest) = (inputs.challenger.name(), &inputs.digests()["challenger"]);
        if card.challenger != name {
            let (found, wanted) = (card.challenger, name.to_owned());
            return Err(Error::because(CardRefusal::OtherChallenger { card: origin, found, wanted }));
        }
        if card.digest != *digest {
            let challenger = name.to_owned();
            return Err(Error::because(CardRefusal::OtherParameters { card: origin, challenger }));
        }
        Ok(Self { before: before.to_owned(), after: after.to_owned(), history: card.history, has_crlf })
    }

    /// Writes the card with `judgement`, made at `date`, added to its history.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(
        self,
        inputs: &Inputs,
        judgement: &Judgement,
        date: &str,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let Self { before, after, mut history, has_crlf } = self;
        history.push(CardEntry::new(&judgement.verdict, date));
        let card = Card::new(inputs, judgement, history);
        let end = if after.is_empty() { "\n" } else { &after };
        let text = format!("{before}{BEGIN}\n{}\n{END}{end}", markdown::page(&card, &judgement.verdict));
        let text = if has_crlf { text.replace('\n', "\r\n") } else { text };
        out.write_all(text.as_bytes())
    }
}

/// What every version of a card has.
#[derive(Debug, Deserialize)]
struct Version {
    schema_version: u32,
}
