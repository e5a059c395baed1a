//! The same with a store in Postgres.

use crate::util::on_a_server;

on_a_server! {
    generate:
        candidates_are_those_that_score_takes,
        what_became_of_earlier_tips_comes_from_the_store,
        a_user_has_so_many_tokens_a_day_and_others_theirs;
}
