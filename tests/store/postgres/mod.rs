//! The store in Postgres, on a real server: what holds of the one in SQLite holds of it, and what only a server can do.

mod crowd;
mod server;

use crate::util::on_a_server;

on_a_server! {
    bad_input:
        the_character_nul_is_in_no_name_that_is_kept;
    laws:
        a_store_on_a_server_knows_what_a_plain_model_of_it_knows;
    everyday:
        an_event_is_learned_once,
        shadows_are_recorded_and_learn_nothing,
        a_shadow_that_fails_only_leaves_a_warning,
        the_words_of_a_tip_and_their_prompt_are_kept_and_seen_by_no_policy,
        a_caller_who_runs_the_shadows_says_whose_they_are,
        reset_clears_the_states_of_every_policy_of_the_user,
        many_lines_are_answered_in_order_and_bad_ones_in_their_place,
        many_lines_are_what_single_calls_are,
        any_number_of_threads_writes_the_same,
        the_store_and_its_log_are_evaluated_alike,
        rewards_that_cancel_leave_a_sound_state,
        no_reward_is_no_reward_whatever_its_sign;
    definitions:
        a_state_learns_only_from_rewards_of_its_own_definition,
        a_user_who_was_forgotten_begins_anew_under_what_the_policy_is_now,
        two_policies_of_one_name_do_not_go_together,
        a_decision_is_made_under_the_definition_that_the_state_has,
        a_decision_teaches_the_policy_that_made_it_and_once;
    upkeep:
        a_store_that_was_lived_in_is_sound,
        states_are_the_same_alone_and_together,
        a_state_that_somebody_changed_is_named_and_made_again,
        rewards_that_somebody_removed_are_missed_and_the_state_stays,
        everything_is_made_again_elsewhere,
        a_new_policy_starts_warm,
        what_is_exported_is_imported_to_the_bit,
        the_log_has_every_entry_and_is_cut_by_user_and_time,
        what_is_pruned_is_gone_and_what_was_learned_stays,
        who_is_erased_has_left_nothing,
        who_was_reset_before_is_erased_with_all_that_was_learned_then,
        events_stay_known_over_resets_and_imports;
}
