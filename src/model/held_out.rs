//! How well a prior foretells users who were not among those it was learned from.

use super::empirical_bayes::{Centre, Fit};
use super::expectation::Expectation;
use super::user_sums::SufficientStatistics;
use crate::policy::HeldOut;

/// Judges what each unit was expected to do: under its own fit, and under the plain ridge's prior with the same noise.
pub(super) fn held_out<'a>(
    users: u64,
    units: impl IntoIterator<Item = (&'a SufficientStatistics, &'a Fit)>,
    lambda: f64,
) -> Option<HeldOut> {
    let (mut rows, mut squares, mut plain_squares) = (0.0, 0.0, 0.0);
    let (mut deviance, mut plain_deviance, mut quadratic) = (0.0, 0.0, 0.0);
    let (mut expected_reward, mut expected_square) = (0.0, 0.0);
    for (unit, fit) in units {
        let dim = fit.mean.len();
        let plain = Centre::plain(dim, lambda);
        let own = Expectation::new(&fit.mean, &fit.covariance, fit.noise);
        let plain = Expectation::new(&plain.mean, &plain.covariance, fit.noise);
        let (marginal, plain_marginal) = (own.marginal(unit), plain.marginal(unit));
        rows += unit.rows;
        squares += marginal.squares;
        plain_squares += plain_marginal.squares;
        deviance += own.deviance(unit, &marginal);
        plain_deviance += plain.deviance(unit, &plain_marginal);
        quadratic += marginal.quadratic;
        let xx = unit.matrix();
        for i in 0..dim {
            expected_reward += fit.mean[i] * unit.xr[i];
            for j in 0..dim {
                expected_square += fit.mean[i] * fit.mean[j] * xx[i * dim + j];
            }
        }
    }
    (rows > 0.0).then(|| HeldOut {
        users,
        rows: rows as u64,
        squared_error: squares / rows,
        squared_error_plain: plain_squares / rows,
        log_loss: deviance / 2.0 / rows,
        log_loss_plain: plain_deviance / 2.0 / rows,
        slope: (expected_square > 0.0).then(|| expected_reward / expected_square),
        dispersion: quadratic / rows,
    })
}
