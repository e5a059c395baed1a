//! Programs in the service: what is asked of them is gathered first, so that they are asked in batches, and outside of any
//! transaction, so that nobody waits for them who wants to write.

use super::asked_programs::AskedPrograms;
use super::score::ScoreCall;
use super::shared::Service;
use crate::base::error::Result;
use crate::policy::program::{DecideCall, Program, WhichCall};
use crate::policy::{Model, Policy};
use std::borrow::Cow;
use std::sync::Arc;

/// The calls of one program.
struct Questions<'a> {
    program: &'a Arc<Program>,
    /// Place of the call, what is known of the user, and the request.
    asked: Vec<(usize, Cow<'a, Model>, String)>,
}

impl Service {
    /// Asks every program that decides, or would have decided, what it makes of the calls. `model_of` is what it knows of
    /// their users.
    pub(super) fn ask_programs<'a>(
        &'a self,
        calls: &'a [ScoreCall],
        model_of: impl Fn(&ScoreCall, &Arc<Policy>) -> Result<Cow<'a, Model>>,
    ) -> AskedPrograms {
        let mut result = AskedPrograms::default();
        let mut questions: Vec<Questions<'a>> = Vec::new();
        for (place, call) in calls.iter().enumerate() {
            for policy in [&call.policy].into_iter().chain(self.shadows()) {
                let Some(program) = policy.program() else { continue };
                let key = (place, policy.name().to_owned());
                if result.answered.contains_key(&key) {
                    continue;
                }
                match model_of(call, policy) {
                    Err(error) => drop(result.answered.insert(key, Err(error))),
                    Ok(model) => {
                        let text = call.request.policy_text();
                        let own = questions.iter_mut().find(|own| Arc::ptr_eq(own.program, program));
                        match own {
                            Some(own) if own.asked.last().is_some_and(|(last, ..)| *last == place) => {}
                            Some(own) => own.asked.push((place, model, text)),
                            None => questions.push(Questions { program, asked: vec![(place, model, text)] }),
                        }
                    }
                }
            }
        }
        for Questions { program, asked } in questions {
            let calls: Vec<DecideCall> = asked
                .iter()
                .map(|(place, model, request)| DecideCall {
                    which: WhichCall { user: &calls[*place].user, number: *place as u64 + 1 },
                    state: model.program_state(),
                    request,
                    candidates: calls[*place].request.candidates().len(),
                })
                .collect();
            let answers = program.decide(&calls);
            let name = program.name();
            result.answered.extend(
                asked.iter().zip(answers).map(|((place, ..), answer)| ((*place, name.to_owned()), answer)),
            );
        }
        result
    }
}
