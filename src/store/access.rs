//! What a store is opened for.

/// What a store is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To read it; it must be there.
    Read,
    /// To write it; it is made if it is not there.
    Write,
}

/// How much is written at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// A few records: whoever opens the store next should find little to tidy up.
    Single,
    /// A long run: what need not be done after each piece of it is done rarely.
    Bulk,
    /// A server: no write does what need not be done at once, for whoever waits for one would wait for that too;
    /// [`upkeep`](super::Store::upkeep) does it.
    Server,
}
